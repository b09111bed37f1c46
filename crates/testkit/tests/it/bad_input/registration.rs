//! Clients that register what they may not have.

use super::*;

#[tokio::test]
async fn a_registration_with_wrong_logout_uris_is_refused() {
    for engine in Engine::BOTH {
        a_registration_with_wrong_logout_uris_is_refused_on(engine).await;
    }
}

async fn a_registration_with_wrong_logout_uris_is_refused_on(engine: Engine) {
    let world = world_on(engine).await;
    let token = "Bearer initial-access-token-of-the-tests-01234".to_owned();
    let good = json!({
        "redirect_uris": ["https://app.example/cb"],
        "post_logout_redirect_uris": ["https://app.example/bye"],
        "backchannel_logout_uri": "https://app.example/bc",
        "frontchannel_logout_uri": "https://app.example/fc",
    });
    let page = post(&world, "/oauth2/v1/clients", Some(&token), "application/json", good.to_string()).await.unwrap();
    assert_eq!(page.status, 201, "{page} {}", page.body);
    for (name, wrong) in [
        ("backchannel_logout_uri", json!("https://app.example/bc#fragment")),
        ("backchannel_logout_uri", json!("/relative")),
        ("backchannel_logout_uri", json!("javascript:alert(1)")),
        ("backchannel_logout_uri", json!("https://user:pass@app.example/bc")),
        ("backchannel_logout_uri", json!(7)),
        ("frontchannel_logout_uri", json!("https://other.example/fc")),
        ("frontchannel_logout_uri", json!("http://app.example/fc")),
        ("frontchannel_logout_uri", json!("https://app.example:8443/fc")),
        ("frontchannel_logout_uri", json!("https://app.example/fc#x")),
        ("frontchannel_logout_uri", json!("data:text/html,x")),
        ("post_logout_redirect_uris", json!(["javascript:alert(1)"])),
        ("post_logout_redirect_uris", json!("https://app.example/bye")),
        ("post_logout_redirect_uris", json!(["https://app.example/bye\r\nX: y"])),
        ("redirect_uris", json!(["https://app.example/cb#x"])),
        ("redirect_uris", json!([])),
        ("redirect_uris", json!(["https://*.example/cb"])),
    ] {
        let mut wrong_one = good.clone();
        wrong_one[name] = wrong.clone();
        let page =
            post(&world, "/oauth2/v1/clients", Some(&token), "application/json", wrong_one.to_string()).await.unwrap();
        assert_eq!(page.status, 400, "{name} = {wrong}: {page} {}", page.body);
        assert!(page.body.contains("\"error\""), "{}", page.body);
    }
    world.unharmed("registrations").await;
}
