//! Whom a provider vouches for, and whose address is none of its organization's.

use acquit_server::reload::reload;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::*;

impl World {
    /// The operator gives the organization these domains.
    async fn organization(&self, domains: &[&str], outsiders: bool) {
        let app = &self.broker.runs.app;
        let mut settings = (*app.settings()).clone();
        settings.organizations[0].domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
        settings.organizations[0].outsiders = outsiders;
        reload(app, settings).await.unwrap();
    }

    /// The address that an application of OpenID Connect is told, by the userinfo endpoint and by an ID token of now.
    async fn addresses(&self) -> [Option<String>; 2] {
        self.wiki.begin(&self.browser, &[]).await;
        let session = self.wiki.session(&self.browser).unwrap();
        let token = Some(session.access_token.as_str());
        let url = self.broker.url("/oauth2/v1/userinfo");
        let response = broker_wire::send(Method::GET, &url, token, None, &[]).await;
        let payload = URL_SAFE_NO_PAD.decode(session.id_token.split('.').nth(1).unwrap()).unwrap();
        [response.body().as_ref(), &payload].map(|json| {
            let claims: Value = serde_json::from_slice(json).unwrap();
            assert!(claims["sub"].is_string(), "{claims}");
            claims["email"].as_str().map(str::to_owned)
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_none_of_the_organizations_domains_is_refused_unless_the_operator_lets_them_in() {
    let world = world(Engine::Sqlite).await;
    world.organization(&["other.example"], false).await;
    let url = world.go(&world.authorize("connection=conn_01EXAMPLE"), "alice").await;
    assert!(url.as_str().starts_with(CALLBACK), "{url}");
    assert_eq!(parameter(&url, "error").as_deref(), Some("profile_not_allowed_outside_organization"), "{url}");
    assert_eq!(parameter(&url, "state").as_deref(), Some("st ate"));
    assert!(parameter(&url, "code").is_none() && !world.is_signed_in().await);
    assert!(world.broker.all("/api/v1/sessions").await.is_empty());

    for (domains, outsiders) in [(&["other.example"][..], true), (&[], false), (&["example.com"], false)] {
        world.organization(domains, outsiders).await;
        let reply = world.enter("alice").await;
        assert_eq!(reply["profile"]["email"], "alice@example.com", "{domains:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_whose_domain_was_taken_away_is_told_to_no_application_any_more() {
    for engine in Engine::BOTH {
        let world = world(engine).await;
        world.enter("alice").await;
        let told = world.addresses().await;
        assert_eq!(told[0].as_deref(), Some("alice@example.com"), "{told:?}");
        world.organization(&["other.example"], true).await;
        assert_eq!(world.addresses().await, [None, None]);
        assert!(world.is_signed_in().await, "until the session ends");
        world.organization(&["example.com"], false).await;
        assert_eq!(world.addresses().await, told);
    }
}
