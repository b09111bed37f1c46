//! Requests for the log that are refused, in Okta's words.

use std::time::Duration;

use acquit_testkit::{Engine, Setup, acquit::OPERATOR};
use http::header;

use super::{ask, logs, url};

#[tokio::test]
async fn wrong_requests_are_refused_in_oktas_words() {
    let reader = "a-token-that-may-only-end-sessions-0123456789";
    let token = format!("[[api_tokens]]\nname = \"ender\"\ntoken = \"{reader}\"\nscopes = [\"sessions\"]\n");
    let app = Setup::on(Engine::Sqlite).with(&token).start(&[]).await;
    let bare = url(&app, &[]);
    for authorization in [None, Some("SSWS wrong"), Some("Basic b3Bz"), Some("SSWS"), Some("Bearer ")] {
        let answer = ask(&bare, authorization).await;
        assert_eq!(answer.code(), (401, "E0000011"), "{authorization:?}");
        assert!(answer.headers.contains_key(header::WWW_AUTHENTICATE));
    }
    assert_eq!(ask(&bare, Some(&format!("SSWS {reader}"))).await.code(), (403, "E0000006"));
    let long = "x".repeat(2_001);
    let many = "x ".repeat(11);
    for (parameters, code) in [
        (&[("since", "yesterday")][..], "E0000001"),
        (&[("until", "2026")], "E0000001"),
        (&[("since", "2026-09-20T00:00:00Z"), ("until", "2026-09-19T00:00:00Z")], "E0000001"),
        (&[("sortOrder", "SIDEWAYS")], "E0000001"),
        (&[("limit", "1001")], "E0000001"),
        (&[("limit", "-1")], "E0000001"),
        (&[("after", "w.1")], "E0000001"),
        (&[("after", "w.1.1"), ("since", "2026-09-20T00:00:00Z")], "E0000001"),
        (&[("q", &many)], "E0000001"),
        (&[("limit", "1"), ("limit", "2")], "E0000001"),
        (&[("since", "2020-01-01T00:00:00Z")], "E0000053"),
        (&[("filter", "eventType eq")], "E0000053"),
        (&[("filter", "published gt \"2026-09-20T00:00:00Z\"")], "E0000053"),
        (&[("filter", "nonsense eq \"x\"")], "E0000053"),
        (&[("filter", "eventType like \"x\"")], "E0000053"),
        (&[("filter", "target[id eq \"x\"]")], "E0000053"),
        (&[("filter", &long)], "E0000053"),
        (&[("filter", "debugContext.debugData.url co \"x\"")], "E0000031"),
        (&[("filter", "debugContext.debugData.requestUri co \"x\"")], "E0000031"),
    ] {
        let answer = logs(&app, parameters).await;
        assert_eq!(answer.code(), (400, code), "{parameters:?}: {}", answer.body);
        assert!(answer.body["errorCauses"][0]["errorSummary"].is_string(), "{parameters:?}");
    }
    for query in ["filter=%", "filter=%ff", &format!("filter={}", "x".repeat(20_000))] {
        let answer = ask(&format!("{bare}{query}"), Some(&format!("SSWS {OPERATOR}"))).await;
        assert_eq!(answer.status, 400, "{query:.20}: {}", answer.body);
    }
}

#[tokio::test]
async fn one_token_reads_only_so_often() {
    let app = Setup::on(Engine::Sqlite).with("[limits]\nlog_per_token = 2\n").start(&[]).await;
    for _ in 0..2 {
        assert_eq!(logs(&app, &[]).await.status, 200);
    }
    let answer = logs(&app, &[]).await;
    assert_eq!(answer.code(), (429, "E0000047"));
    assert!(answer.headers.contains_key("x-rate-limit-reset"));
    app.runs.advance(Duration::from_secs(31));
    assert_eq!(logs(&app, &[]).await.status, 200);
}
