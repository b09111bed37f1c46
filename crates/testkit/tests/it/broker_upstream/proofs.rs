//! How the broker proves itself at the provider: at its token endpoint, and, by the durable step, at its revocation endpoint.

use std::collections::HashSet;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::*;

/// The header and the claims of an assertion.
fn read(assertion: &str) -> (Value, Value) {
    let part = |at: usize| {
        let bytes = URL_SAFE_NO_PAD.decode(assertion.split('.').nth(at).unwrap()).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    (part(0), part(1))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_of_the_secret_or_of_our_key_gets_tokens_and_gives_them_back_also_later() {
    if !peers::take_part() {
        return;
    }
    for (engine, method, alg) in [
        (Engine::Sqlite, "client_secret_jwt", "HS256"),
        (Engine::Postgres, "client_secret_jwt", "HS256"),
        (Engine::Sqlite, "private_key_jwt", "RS256"),
    ] {
        let world = World::proving(method, "id.localhost", engine).await;
        let reply = world.enter("erin").await;
        let url = world.logout_url(&reply).await;
        // What cannot be given back now is a durable step: each attempt makes a proof of its own.
        world.upstream.close().await;
        let landed = world.sign_out(&url).await;
        assert_eq!(landed.url.as_str(), world.saas.url("/bye"), "{landed}");
        let id = only_receipt(&world.app).await["id"].as_str().unwrap().to_owned();
        world.upstream.reopen().await;
        until(Duration::from_secs(30), "the tokens are revoked", async || {
            world.app.runs.advance(Duration::from_secs(10));
            let receipt = world.app.receipt(&id).await;
            (outcomes(&receipt, "revocation") == ["confirmed", "confirmed"]).then_some(())
        })
        .await;
        let after = world.upstream.knows().await;
        for token in [after.values("access_token"), after.values("refresh_token")].concat() {
            assert!(!world.upstream.introspect(&token).await);
        }
        let (exchanged, revoked) = (after.asked_for("/token"), after.asked_for("/token/revocation"));
        assert_eq!((exchanged.len(), revoked.len()), (1, 2), "{:#?}", after.asked);
        let mut names = HashSet::new();
        for asked in exchanged.into_iter().chain(revoked) {
            let form = &asked["form"];
            assert!(form["client_secret"].is_null() && asked["status"] == 200, "{asked:#}");
            let (header, claims) = read(form["client_assertion"].as_str().unwrap());
            assert_eq!(header["alg"], alg);
            assert_eq!(claims["aud"], world.upstream.issuer(), "good at this provider only: {claims}");
            assert!(names.insert(claims["jti"].as_str().unwrap().to_owned()), "good for one request: {claims}");
        }
    }
}
