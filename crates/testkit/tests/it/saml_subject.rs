//! Requests for an assertion about somebody: nobody else's is ever given (Core section 3.4.1).

use acquit_saml::{
    message::{AuthnRequest, NameId},
    names::{FORMAT_EMAIL, FORMAT_PERSISTENT, FORMAT_UNSPECIFIED},
};
use acquit_testkit::{
    Browser, Engine, Page, Setup, SpRegistration, TestApp, TestSp,
    acquit::InProcess,
    sp::{Binding, ride},
};

struct World {
    app: TestApp<InProcess>,
    wiki: TestSp,
    browser: Browser,
}

/// Alice is signed in for a minute.
async fn world() -> World {
    let wiki = SpRegistration::new("wiki", Binding::Redirect).start().await;
    let app = Setup::on(Engine::Sqlite).with(&wiki.configuration()).start(&[]).await;
    wiki.trust(app.as_issuer());
    let browser = Browser::new();
    let world = World { app, wiki, browser };
    let page = world.wiki.begin(&world.browser, "").await;
    world.sign_in(&page, "alice").await;
    world.app.runs.advance(std::time::Duration::from_secs(60));
    world
}

impl World {
    async fn sign_in(&self, page: &Page, user: &str) -> Page {
        ride(&self.browser, self.app.sign_in(&self.browser, page, user).await).await
    }

    async fn about(&self, name: NameId) -> AuthnRequest {
        AuthnRequest { subject: Some(name), ..self.wiki.authn_request().await }
    }

    async fn ask(&self, request: &AuthnRequest) -> Page {
        let url = self.wiki.authn_url(request, Some(self.wiki.signer()));
        ride(&self.browser, self.browser.open(&url).await).await
    }
}

#[tokio::test]
async fn a_request_about_the_person_who_is_signed_in_is_answered_by_any_name_of_theirs() {
    let world = world().await;
    let given = world.wiki.session(&world.browser).name_id;
    for name in [
        NameId::new("alice", FORMAT_UNSPECIFIED),
        NameId { format: None, ..NameId::new("alice@example.com", FORMAT_EMAIL) },
        NameId::new("alice@example.com", FORMAT_EMAIL),
        NameId::new(&given.value, FORMAT_PERSISTENT),
        given.clone(),
    ] {
        let page = world.ask(&world.about(name.clone()).await).await;
        assert_eq!(page.mark().as_deref(), Some("signed-in"), "{name:?}: {page}");
    }
}

#[tokio::test]
async fn a_request_about_somebody_else_is_never_answered_with_whoever_is_signed_in() {
    let world = world().await;
    let given = world.wiki.session(&world.browser).name_id;
    for name in [
        NameId::new("bob", FORMAT_UNSPECIFIED),
        NameId::new("bob@example.com", FORMAT_EMAIL),
        NameId::new("nobody", FORMAT_PERSISTENT),
        NameId::new("alice", FORMAT_EMAIL),
        NameId { sp_name_qualifier: Some("https://other.example/".to_owned()), ..given.clone() },
        NameId { name_qualifier: Some("https://other.example/".to_owned()), ..given.clone() },
    ] {
        let before = world.wiki.live_sessions();
        let mut request = world.about(name.clone()).await;
        request.is_passive = true;
        let page = world.ask(&request).await;
        assert!(page.text().contains("Responder/NoPassive"), "{name:?}: {page}");
        let page = world.ask(&world.about(name.clone()).await).await;
        assert_eq!(page.mark().as_deref(), Some("sign-in"), "{name:?}: {page}");
        // Alice proves once more that she is Alice; that makes her nobody else.
        let page = world.sign_in(&page, "alice").await;
        assert!(page.text().contains("Responder/UnknownPrincipal"), "{name:?}: {page}");
        assert_eq!(world.wiki.live_sessions(), before, "{name:?}");
        world.app.runs.advance(std::time::Duration::from_secs(60));
    }
}

#[tokio::test]
async fn whom_a_request_names_may_sign_in_and_is_answered() {
    let world = world().await;
    let page = world.ask(&world.about(NameId::new("bob", FORMAT_UNSPECIFIED)).await).await;
    assert_eq!(page.form_with("username").value("username"), Some("bob"), "{page}");
    let page = world.sign_in(&page, "bob").await;
    assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
    assert_eq!(world.app.live_sessions().await.len(), 1, "the other one ended with the change");
}

#[tokio::test]
async fn a_pseudonym_is_not_put_into_the_form() {
    let world = world().await;
    let page = world.ask(&world.about(NameId::new("x7Qb", FORMAT_PERSISTENT)).await).await;
    assert!(!page.body.contains("x7Qb"), "{page}");
}

#[tokio::test]
async fn unsigned_requests_get_only_so_many_error_answers_and_signed_ones_as_many_as_they_like() {
    let wiki = SpRegistration::new("wiki", Binding::Redirect);
    let wiki = wiki.describing("AuthnRequestsSigned=\"true\"", "AuthnRequestsSigned=\"false\"").start().await;
    let limits = "[limits]\nsign_in_per_address = 3\n";
    let app = Setup::on(Engine::Sqlite).with(&wiki.configuration()).with(limits).start(&[]).await;
    wiki.trust(app.as_issuer());
    let world = World { app, wiki, browser: Browser::new() };
    let request = async |change: fn(&mut AuthnRequest)| {
        let mut request = world.wiki.authn_request().await;
        change(&mut request);
        request
    };
    let passive = |request: &mut AuthnRequest| request.is_passive = true;
    let foreign = |request: &mut AuthnRequest| {
        request.name_id_policy = Some(acquit_saml::message::NameIdPolicy {
            sp_name_qualifier: Some("https://other.example/".to_owned()),
            ..acquit_saml::message::NameIdPolicy::default()
        });
    };
    let mut seen = Vec::new();
    for change in [passive, foreign, passive, foreign, passive] {
        let url = world.wiki.authn_url(&request(change).await, None);
        seen.push(world.browser.open(&url).await.status);
    }
    assert_eq!(seen, [200, 200, 200, 429, 429]);
    // Whoever wants to sign in still may, and who signs is known.
    let url = world.wiki.authn_url(&request(|_| ()).await, None);
    assert_eq!(world.browser.open(&url).await.mark().as_deref(), Some("sign-in"));
    let url = world.wiki.authn_url(&request(passive).await, Some(world.wiki.signer()));
    assert_eq!(world.browser.open(&url).await.status, 200);
    world.app.runs.advance(std::time::Duration::from_secs(60));
    let url = world.wiki.authn_url(&request(passive).await, None);
    assert_eq!(world.browser.open(&url).await.status, 200);
}
