//! Pages of the log by their links: polling, ranges, filters that find little.

use std::time::Duration;

use acquit_core::event::Kind;
use acquit_server::clock::Clock;
use acquit_store::event::Event;
use acquit_testkit::{Engine, Setup, acquit::OPERATOR};
use serde_json::Value;

use super::{ENDS, ask, follow, logs, sign_out, world};

async fn page_by_page(engine: Engine) {
    let world = world(engine).await;
    let app = &world.app;
    sign_out(&world).await;
    let until = app.runs.clock_text(Duration::from_secs(60));
    let whole = logs(app, &[("limit", "1000")]).await.events();
    assert!(whole.len() > 10, "{}", whole.len());
    assert_eq!(follow(app, &[("limit", "1")]).await, whole, "polling, one at a time");
    let newest = logs(app, &[("sortOrder", "DESCENDING")]).await.events();
    assert_eq!(follow(app, &[("sortOrder", "DESCENDING"), ("limit", "3")]).await, newest);
    let range = logs(app, &[("until", &until)]).await;
    assert_eq!((range.events().len(), range.next.is_none()), (whole.len(), true), "a range has an end");
    let mut reversed = follow(app, &[("until", &until), ("limit", "1"), ("sortOrder", "ASCENDING")]).await;
    assert_eq!(reversed, range.events());
    reversed.reverse();
    assert_eq!(reversed, newest);
    let filter = "not (eventType sw \"user.session\") and actor.type eq \"User\"";
    let some = logs(app, &[("filter", filter)]).await.events();
    assert!(!some.is_empty() && some.len() < whole.len());
    assert_eq!(follow(app, &[("filter", filter), ("limit", "1")]).await, some);
    assert_eq!(follow(app, &[("q", "PAYROLL alice@example.com"), ("limit", "1")]).await.len(), {
        let mentions = |event: &&Value| event.to_string().contains("payroll") && event.to_string().contains("alice@");
        whole.iter().filter(mentions).count()
    });
    let first = whole[0]["published"].as_str().unwrap();
    let later = whole.iter().find(|event| event["published"] != first).unwrap()["published"].as_str().unwrap();
    let early = logs(app, &[("since", first), ("until", later)]).await.events();
    let late = follow(app, &[("since", later), ("limit", "2")]).await;
    assert_eq!([early, late].concat().len(), whole.len(), "from a time on, and up to a time without it");
}

#[tokio::test]
async fn pages_by_their_links_give_the_whole_on_sqlite() {
    page_by_page(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_by_their_links_give_the_whole_on_postgres() {
    page_by_page(Engine::Postgres).await;
}

#[tokio::test]
async fn a_polling_reader_always_has_a_link_and_gets_what_is_new_once() {
    let world = world(Engine::Sqlite).await;
    let app = &world.app;
    let first = logs(app, &[("limit", "1000"), ("filter", "severity pr")]).await;
    let own = first.own.as_deref().unwrap();
    assert!(own.starts_with(&app.url("/api/v1/logs?")) && own.contains("limit=1000"), "{own}");
    let next = first.next.unwrap();
    let quiet = ask(&next, Some(&format!("Bearer {OPERATOR}"))).await;
    assert_eq!(quiet.events(), Vec::<Value>::new());
    sign_out(&world).await;
    let news = ask(&quiet.next.unwrap(), Some(&format!("Bearer {OPERATOR}"))).await;
    assert!(news.events().iter().any(|event| event["eventType"] == ENDS));
    let again = ask(&news.next.unwrap(), Some(&format!("bearer {OPERATOR}"))).await;
    assert_eq!(again.events(), Vec::<Value>::new());
    assert_eq!(logs(app, &[("limit", "0")]).await.events(), Vec::<Value>::new());
    assert!(logs(app, &[("limit", "0")]).await.next.is_some());
}

#[tokio::test]
async fn a_request_that_finds_little_looks_through_a_bounded_part_and_says_where_to_go_on() {
    let app = Setup::on(Engine::Sqlite).start(&[]).await;
    let (store, now) = (&app.runs.app.store, app.runs.clock.now());
    let noise = |_| store.append_event(Event::new(Kind::KeyRotated, now));
    for _ in 0..21 {
        futures_util::future::try_join_all((0..500).map(noise)).await.unwrap();
    }
    store.append_event(Event::new(Kind::PasswordChanged, now)).await.unwrap();
    let until = app.runs.clock_text(Duration::from_secs(1));
    let filter = ("filter", "eventType eq \"user.account.update_password\"");
    for range in [&[filter][..], &[filter, ("until", &until)]] {
        let first = logs(&app, range).await;
        assert_eq!(first.events(), Vec::<Value>::new());
        let second = ask(&first.next.unwrap(), Some(&format!("SSWS {OPERATOR}"))).await;
        assert_eq!(second.events().len(), 1);
    }
    assert_eq!(logs(&app, &[filter, ("sortOrder", "DESCENDING"), ("limit", "1")]).await.events().len(), 1);
}
