//! Who must prove again who they are does so at their provider, whichever way they go there.

use acquit_saml::message::{AuthnRequest, SignWhat};
use acquit_testkit::SpRegistration;

use super::*;

/// The link to the provider on the sign-in page.
fn link(page: &Page) -> String {
    let link = page.tags("a").into_iter().find(|tag| tag.get("data-connection") == Some(CONNECTION));
    let link = link.unwrap_or_else(|| panic!("no link: {page}"));
    page.url.join(link.get("href").unwrap()).unwrap().to_string()
}

impl World {
    /// What the provider is asked by whoever goes there from our sign-in page.
    async fn asked_from(&self, page: &Page) -> AuthnRequest {
        let sso = self.idp.url("/sso");
        let to = Load::typed(&link(page));
        let load = ride_up_to(&self.browser, to, |load| load.url.as_str().starts_with(&sso)).await;
        self.idp.asked(&load)
    }

    /// Answers by a sign-in of an hour ago, as a provider does where the person still has a session.
    async fn answer_with_an_old_sign_in(&self, request: &AuthnRequest) -> Page {
        let mut response = self.idp.response(request);
        response.assertion.as_mut().unwrap().authn.instant = self.idp.now().minus(Duration::from_secs(3600));
        ride(&self.browser, self.browser.load(self.idp.posted(&response, SignWhat::Both)).await).await
    }
}

const HINT: (&str, &str) = ("login_hint", "ann@example.com");

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_chosen_on_the_sign_in_page_is_asked_for_a_fresh_proof_where_the_application_wants_one() {
    for signed_in in [false, true] {
        for (wish, forced) in [(("prompt", "login"), true), (("max_age", "0"), true), (("ui_locales", "en"), false)] {
            let world = world(Engine::Sqlite, &[Binding::Redirect]).await;
            if signed_in && !forced {
                continue;
            }
            if signed_in {
                world.enter().await;
                world.app.runs.advance(Duration::from_secs(2));
            }
            let page = world.wiki.begin(&world.browser, &[HINT, wish]).await;
            let request = world.asked_from(&page).await;
            assert_eq!(request.force_authn, forced, "{wish:?}, signed in: {signed_in}");
            let page = world.answer_with_an_old_sign_in(&request).await;
            assert_eq!(world.wiki.knows(&world.browser).await, !forced, "{wish:?}, signed in: {signed_in}: {page}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_of_saml_that_forces_a_sign_in_has_the_provider_forced_too() {
    let sp = SpRegistration::new("crm", Binding::Redirect).start().await;
    let world = world_with(Engine::Sqlite, &[Binding::Redirect], "", &sp.configuration()).await;
    sp.trust(world.app.as_issuer());
    // Ann is signed in, and somebody else sits down at her desk.
    world.enter().await;
    world.app.runs.advance(Duration::from_secs(2));
    let mut page = sp.begin(&world.browser, "force=1").await;
    assert_eq!(page.mark().as_deref(), Some("sign-in"), "{page}");
    let form = page.form_with("username").fill("username", "ann@example.com").fill("password", "no idea");
    page = world.browser.submit(&page, form).await;
    let request = world.asked_from(&page).await;
    assert!(request.force_authn);
    world.answer_with_an_old_sign_in(&request).await;
    assert!(!sp.knows(&world.browser).await);
}
