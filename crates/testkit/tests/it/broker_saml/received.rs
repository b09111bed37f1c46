//! A SAML provider ends sessions, and others try to in its name.

use acquit_saml::{
    message::{LogoutRequest, NameId},
    names::FORMAT_PERSISTENT,
    security::{KeyKind, Signer},
};

use super::*;

impl World {
    /// Signs in at the OpenID application alone, by the connection that belongs to the domain of a name.
    pub(super) async fn enter_wiki(&self, browser: &Browser) {
        let page = self.wiki.begin(browser, &[("login_hint", "ann@example.com")]).await;
        let link = page.tags("a").into_iter().find(|tag| tag.get("data-connection") == Some(CONNECTION));
        let link = link.unwrap_or_else(|| panic!("no link: {page}"));
        ride(browser, browser.click(&page, link.get("href").unwrap()).await).await;
        assert!(self.wiki.knows(browser).await);
    }

    /// The same as somebody else.
    async fn enter_as(&self, browser: &Browser, name: &str, index: &str) {
        self.idp.person(|person| {
            person.name_id = NameId::new(name, FORMAT_PERSISTENT);
            person.index = Some(index.to_owned());
        });
        self.enter_wiki(browser).await;
    }

    /// Sends a request as the provider does; what it was answered.
    pub(super) async fn told_by(&self, request: &LogoutRequest, by: Binding) -> String {
        if by == Binding::Soap {
            let (status, said) = self.idp.sign_out_by_soap(request, self.idp.signer()).await;
            assert_eq!(status, 200);
            return said;
        }
        let before = self.idp.responses().len();
        let page = onward(&self.browser, self.idp.sign_out(&self.browser, request, by).await).await;
        assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
        self.idp.responses().get(before).expect("an answer").clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_of_the_provider_ends_the_session_tells_the_applications_and_is_answered() {
    for (engine, by) in [
        (Engine::Sqlite, Binding::Redirect),
        (Engine::Sqlite, Binding::Post),
        (Engine::Sqlite, Binding::Soap),
        (Engine::Postgres, Binding::Redirect),
        (Engine::Postgres, Binding::Soap),
    ] {
        let world = world(engine, &[Binding::Redirect, Binding::Soap]).await;
        world.enter_wiki(&world.browser).await;
        let said = world.told_by(&world.idp.logout_request(&["index-1"], by), by).await;
        assert_eq!(said, "Success", "{by:?}: every application said that it is done");
        assert!(!world.is_signed_in().await && !world.wiki.knows(&world.browser).await, "{by:?}");
        assert_eq!(world.wiki.ledger().by(Way::Back).len(), 1);
        let receipt = world.receipt().await;
        assert_eq!(
            (&receipt["requested"]["by"], &receipt["requested"]["party"]),
            (&json!("upstream"), &json!(CONNECTION))
        );
        assert!(world.idp.requests().is_empty(), "never back to where it came from");
        // Asked again it is what it was, by one logout.
        let again = world.told_by(&world.idp.logout_request(&["index-1"], by), by).await;
        assert_eq!(again, "Success");
        only_receipt(&world.app).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_only_a_frame_tells_makes_the_answer_partial() {
    let world = world(Engine::Sqlite, &[Binding::Redirect]).await;
    world.enter().await;
    world.join_wiki().await;
    let said = world.told_by(&world.idp.logout_request(&["index-1"], Binding::Redirect), Binding::Redirect).await;
    assert_eq!(said, "Success/PartialLogout");
    assert_eq!(world.saas.ledger().by(Way::Front).len(), 1, "its cookies are cleared in a frame");
    assert_eq!(world.wiki.ledger().by(Way::Back).len(), 1);
    assert!(!world.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_a_frame_ends_the_session_and_is_answered_there() {
    let world = world(Engine::Sqlite, &[Binding::Redirect]).await;
    world.enter_wiki(&world.browser).await;
    let request = world.idp.logout_request(&["index-1"], Binding::Redirect);
    let top = url::Url::parse(&world.idp.url("/")).unwrap();
    let frame = world.idp.load(&request, Binding::Redirect, world.idp.signer()).framed_in(&top);
    let page = world.browser.load(frame).await;
    assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
    assert_eq!(world.idp.responses(), ["Success"]);
    assert!(!world.is_signed_in().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_names_one_session_or_all_of_a_person_and_nobody_else() {
    for engine in Engine::BOTH {
        let world = world(engine, &[Binding::Redirect]).await;
        let (phone, colleague) = (Browser::new(), Browser::new());
        world.enter_as(&colleague, "bob-there", "index-3").await;
        world.enter_as(&phone, "ann-there", "index-2").await;
        world.enter_as(&world.browser, "ann-there", "index-1").await;
        assert_eq!(world.app.live_sessions().await.len(), 3);
        // Somebody else's index under this name is nobody's session.
        let soap = Binding::Soap;
        assert_eq!(world.told_by(&world.idp.logout_request(&["index-3"], soap), soap).await, "Success");
        let mut qualified = world.idp.logout_request(&["index-1"], soap);
        qualified.name_id.name_qualifier = Some("https://another.example".to_owned());
        assert_eq!(world.told_by(&qualified, soap).await, "Success");
        assert_eq!(world.app.live_sessions().await.len(), 3);
        assert_eq!(world.told_by(&world.idp.logout_request(&["index-1"], soap), soap).await, "Success");
        assert_eq!(world.app.live_sessions().await.len(), 2);
        assert!(!world.is_signed_in().await);
        world.app.runs.advance(Duration::from_secs(2));
        world.enter_as(&world.browser, "ann-there", "index-4").await;
        assert_eq!(world.told_by(&world.idp.logout_request(&[], soap), soap).await, "Success");
        assert_eq!(world.app.live_sessions().await.len(), 1, "Bob stays");
        assert!(world.wiki.knows(&colleague).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_any_defect_ends_nothing() {
    let other = TestIdp::start("conn_02OTHER", &[Binding::Soap]).await;
    let world = world_with(Engine::Sqlite, &[Binding::Soap], "", &other.configuration("")).await;
    other.trust(&world.app).await;
    world.enter_wiki(&world.browser).await;
    let stranger = Signer::self_signed(&Signer::generate(KeyKind::P256).unwrap(), "stranger").unwrap();
    let hour = Duration::from_secs(3600);
    type Edit = Box<dyn Fn(&mut LogoutRequest)>;
    let there = other.sp().role.single_logout[0].location.clone();
    let entity = other.entity_id();
    let defects: Vec<(&str, &Signer, Edit)> = vec![
        ("another key", &stranger, Box::new(|_| ())),
        ("the other provider in this one's name", other.signer(), Box::new(|_| ())),
        ("the other provider", other.signer(), Box::new(move |request| request.header.issuer.clone_from(&entity))),
        (
            "stale",
            world.idp.signer(),
            Box::new(move |request| {
                request.header.issue_instant = request.header.issue_instant.minus(hour);
            }),
        ),
        (
            "over",
            world.idp.signer(),
            Box::new(move |request| {
                request.not_on_or_after = Some(request.header.issue_instant.minus(hour));
            }),
        ),
    ];
    for (what, signer, edit) in &defects {
        for by in [Binding::Soap, Binding::Redirect, Binding::Post] {
            let mut request = world.idp.logout_request(&["index-1"], by);
            edit(&mut request);
            if by == Binding::Soap {
                let (status, said) = world.idp.sign_out_by_soap(&request, signer).await;
                assert_eq!((status, said.as_str()), (200, "Requester/RequestDenied"), "{what}");
            } else {
                let page = world.browser.load(world.idp.load(&request, by, signer)).await;
                assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{what}: {page}");
            }
        }
    }
    // For another connection's door, and without a signature.
    let mut astray = world.idp.logout_request(&["index-1"], Binding::Redirect);
    astray.header.destination = Some(there);
    let page = world.browser.load(world.idp.load(&astray, Binding::Redirect, world.idp.signer())).await;
    assert_eq!(page.status, 400, "{page}");
    let request = world.idp.logout_request(&["index-1"], Binding::Redirect);
    let mut bare = world.idp.load(&request, Binding::Redirect, world.idp.signer());
    let query = bare.url.query().unwrap().split("&SigAlg").next().unwrap().to_owned();
    bare.url.set_query(Some(&query));
    assert_eq!(world.browser.load(bare).await.status, 400);
    assert!(world.is_signed_in().await && world.wiki.knows(&world.browser).await);
    assert!(world.app.receipts().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_taken_once_on_whichever_binding() {
    for engine in Engine::BOTH {
        let world = world(engine, &[Binding::Redirect]).await;
        world.enter_wiki(&world.browser).await;
        let request = world.idp.logout_request(&["index-1"], Binding::Soap);
        let send = || world.idp.sign_out_by_soap(&request, world.idp.signer());
        let ((_, one), (_, two)) = futures_util::future::join(send(), send()).await;
        let mut said = [one, two];
        said.sort();
        assert_eq!(said, ["Requester/RequestDenied", "Success"]);
        assert_eq!(send().await.1, "Requester/RequestDenied");
        only_receipt(&world.app).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_its_logout_overtook_is_refused_and_the_next_one_is_not() {
    for engine in Engine::BOTH {
        for indexes in [&["index-1"][..], &[]] {
            let world = world(engine, &[Binding::Redirect]).await;
            let acs = world.idp.sp().acs_for(None).unwrap().location.clone();
            let is_acs = |load: &Load| load.url.as_str() == acs;
            let late = ride_up_to(&world.browser, world.leaving("").await, is_acs).await;
            assert_eq!(
                world.told_by(&world.idp.logout_request(indexes, Binding::Soap), Binding::Soap).await,
                "Success"
            );
            let page = world.browser.load(late).await;
            assert_eq!((page.status, page.mark().as_deref()), (403, Some("error")), "{page}");
            assert!(world.app.live_sessions().await.is_empty());
            // Who signs in there again is let in, also where the provider uses an index again.
            world.app.runs.advance(Duration::from_secs(2));
            world.enter().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_envelope_is_a_fault_and_ends_nothing() {
    let world = world(Engine::Sqlite, &[Binding::Redirect]).await;
    world.enter_wiki(&world.browser).await;
    let door = world.idp.sp().role.single_logout[0].location.clone();
    for body in ["", "<a/>", "no XML", "<?xml version=\"1.0\"?><!DOCTYPE a><a/>"] {
        let (status, answer) = acquit_testkit::sp::post_soap(&door, body.to_owned()).await;
        assert_eq!(status, 500, "{body:?}");
        assert!(String::from_utf8_lossy(&answer).contains("soap:Client"), "{body:?}");
    }
    assert!(world.is_signed_in().await);
}
