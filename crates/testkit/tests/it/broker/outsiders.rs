//! Whom a provider vouches for, and whose address is none of its organization's.

use acquit_server::reload::reload;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_none_of_the_organizations_domains_is_refused_unless_the_operator_lets_them_in() {
    let world = world(Engine::Sqlite).await;
    let app = &world.broker.runs.app;
    let organization = async |domains: &[&str], outsiders: bool| {
        let mut settings = (*app.settings()).clone();
        settings.organizations[0].domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
        settings.organizations[0].outsiders = outsiders;
        reload(app, settings).await.unwrap();
    };
    organization(&["other.example"], false).await;
    let url = world.go(&world.authorize("connection=conn_01EXAMPLE"), "alice").await;
    assert!(url.as_str().starts_with(CALLBACK), "{url}");
    assert_eq!(parameter(&url, "error").as_deref(), Some("profile_not_allowed_outside_organization"), "{url}");
    assert_eq!(parameter(&url, "state").as_deref(), Some("st ate"));
    assert!(parameter(&url, "code").is_none() && !world.is_signed_in().await);
    assert!(world.broker.all("/api/v1/sessions").await.is_empty());

    for (domains, outsiders) in [(&["other.example"][..], true), (&[], false), (&["example.com"], false)] {
        organization(domains, outsiders).await;
        let reply = world.enter("alice").await;
        assert_eq!(reply["profile"]["email"], "alice@example.com", "{domains:?}");
    }
}
