//! LogoutRequests that nobody may believe: no session ends, nothing is answered with 5xx, and nothing says `Success`.

use acquit_core::Timestamp;
use acquit_saml::{
    binding::{redirect, soap},
    message::{LogoutRequest, NameId},
    security::{KeyKind, Signer},
};
use acquit_testkit::{
    Browser, Engine, Page, Setup, SpRegistration, TestApp, TestSp,
    acquit::InProcess,
    browser::{Dest, Load},
    sp::{Binding, post_soap, ride},
};
use http::Method;

struct World {
    app: TestApp<InProcess>,
    wiki: TestSp,
    forum: TestSp,
    browser: Browser,
}

async fn world() -> World {
    let wiki = SpRegistration::new("wiki", Binding::Redirect).start().await;
    let forum = SpRegistration::new("forum", Binding::Post).start().await;
    let setup = Setup::on(Engine::Sqlite).with(&wiki.configuration()).with(&forum.configuration());
    let app = setup.start(&[]).await;
    for sp in [&wiki, &forum] {
        sp.trust(app.as_issuer());
    }
    let browser = Browser::new();
    let page = wiki.begin(&browser, "").await;
    ride(&browser, app.sign_in(&browser, &page, "alice").await).await;
    forum.begin(&browser, "").await;
    World { app, wiki, forum, browser }
}

fn stranger() -> Signer {
    Signer::self_signed(&Signer::generate(KeyKind::P256).unwrap(), "stranger").unwrap()
}

impl World {
    async fn request(&self) -> LogoutRequest {
        self.wiki.logout_request(&self.browser, Binding::Redirect).await
    }

    fn redirected(&self, request: &LogoutRequest, signer: Option<&Signer>) -> String {
        redirect::encode(request, request.header.destination.as_deref().unwrap(), Some("r"), signer).unwrap()
    }

    async fn refused(&self, what: &str, url: &str) -> Page {
        let page = self.browser.open(url).await;
        assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{what}: {page}");
        self.nothing_happened(what).await;
        page
    }

    async fn nothing_happened(&self, what: &str) {
        assert_eq!(self.app.live_sessions().await.len(), 1, "{what}");
        assert!(self.app.receipts().await.is_empty(), "{what}");
        assert!(self.wiki.responses().iter().all(|said| !said.starts_with("Success")), "{what}");
        assert!(self.wiki.knows(&self.browser).await && self.forum.knows(&self.browser).await, "{what}");
    }
}

/// The same URL with another value of a parameter, or without it.
fn with(url: &str, name: &str, value: Option<&str>) -> String {
    let (base, query) = url.split_once('?').unwrap();
    let pairs = query.split('&').filter_map(|pair| match (pair.split_once('=').unwrap(), value) {
        ((key, _), Some(value)) if key == name => Some(format!("{name}={value}")),
        ((key, _), None) if key == name => None,
        _ => Some(pair.to_owned()),
    });
    format!("{base}?{}", pairs.collect::<Vec<_>>().join("&"))
}

#[tokio::test]
async fn what_is_not_signed_by_its_sender_changes_nothing() {
    let world = world().await;
    let request = world.request().await;
    let signed = world.redirected(&request, Some(world.wiki.signer()));
    world.refused("unsigned", &world.redirected(&request, None)).await;
    world.refused("signed by a stranger", &world.redirected(&request, Some(&stranger()))).await;
    world.refused("signed by another application", &world.redirected(&request, Some(world.forum.signer()))).await;
    world.refused("no Signature", &with(&signed, "Signature", None)).await;
    world.refused("no SigAlg", &with(&signed, "SigAlg", None)).await;
    world.refused("no RelayState", &with(&signed, "RelayState", None)).await;
    world.refused("another RelayState", &with(&signed, "RelayState", Some("other"))).await;
    let sha1 = "http%3A%2F%2Fwww.w3.org%2F2000%2F09%2Fxmldsig%23rsa-sha1";
    world.refused("SHA-1", &with(&signed, "SigAlg", Some(sha1))).await;
    world.refused("twice", &format!("{signed}&SAMLRequest=x")).await;
    world.refused("both", &format!("{signed}&SAMLResponse=x")).await;
    world.refused("no message", &world.app.url("/saml/slo")).await;
    world.refused("nonsense", &world.app.url("/saml/slo?SAMLRequest=%%%")).await;
    let mut foreign = request.clone();
    foreign.header.issuer = "https://nobody.example/".to_owned();
    world.refused("an unknown sender", &world.redirected(&foreign, Some(world.wiki.signer()))).await;
    let mut posed = request.clone();
    posed.header.issuer = world.forum.entity_id();
    world.refused("another's name", &world.redirected(&posed, Some(world.wiki.signer()))).await;
    // And the very same request, as it was signed, is good.
    let page = ride(&world.browser, world.browser.open(&signed).await).await;
    assert_eq!(page.mark().as_deref(), Some("landing"), "{page}");
    assert!(world.app.live_sessions().await.is_empty());
}

#[tokio::test]
async fn what_was_meant_for_another_place_or_time_changes_nothing() {
    let world = world().await;
    let signer = Some(world.wiki.signer());
    let request = world.request().await;
    let at = |change: &dyn Fn(&mut LogoutRequest)| {
        let mut changed = request.clone();
        change(&mut changed);
        changed
    };
    let to = request.header.destination.clone().unwrap();
    let sent = |request: &LogoutRequest| redirect::encode(request, &to, None, signer).unwrap();
    let minutes = |count: i64| Timestamp::from_micros(world.wiki.now().as_micros() + count * 60_000_000);
    for (what, changed) in [
        ("another Destination", at(&|request| request.header.destination = Some("https://idp.example/slo".to_owned()))),
        ("no Destination", at(&|request| request.header.destination = None)),
        ("the Destination of another door", at(&|request| request.header.destination = Some(format!("{to}/soap")))),
        ("over", at(&|request| request.not_on_or_after = Some(minutes(-10)))),
        ("old", at(&|request| request.header.issue_instant = minutes(-30))),
        ("from the future", at(&|request| request.header.issue_instant = minutes(30))),
    ] {
        world.refused(what, &sent(&changed)).await;
    }
    // At another application's address of Okta's kind it is not taken either.
    let okta = world.app.url("/app/forum/exkforum/slo/saml");
    let mut posed = request.clone();
    posed.header.destination = Some(okta.clone());
    world.refused("at another's address", &redirect::encode(&posed, &okta, None, signer).unwrap()).await;
}

#[tokio::test]
async fn a_replayed_request_ends_no_later_session() {
    let world = world().await;
    let request = world.request().await;
    let load = world.wiki.load(&request, Binding::Redirect, None);
    ride(&world.browser, world.browser.load(load.clone()).await).await;
    assert!(world.app.live_sessions().await.is_empty());
    let page = world.wiki.begin(&world.browser, "").await;
    ride(&world.browser, world.app.sign_in(&world.browser, &page, "alice").await).await;
    for browser in [&world.browser, &Browser::new()] {
        let page = browser.load(load.clone()).await;
        assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{page}");
    }
    assert_eq!(world.app.live_sessions().await.len(), 1);
    assert_eq!(world.wiki.responses(), ["Success/PartialLogout"].map(|_| world.wiki.responses()[0].clone()));
}

#[tokio::test]
async fn frames_heads_prefetches_and_posts_of_others_sign_nobody_out() {
    let world = world().await;
    let evil = url::Url::parse("http://evil.localhost/").unwrap();
    let request = world.request().await;
    let url = world.redirected(&request, Some(world.wiki.signer()));
    for load in [
        Load::typed(&url).method(Method::HEAD),
        Load::typed(&url).with("sec-purpose", "prefetch"),
        Load::typed(&url).by(&evil).framed_in(&evil),
        Load::typed(&url).embedded_in(&evil, Dest::Image),
    ] {
        let page = world.browser.load(load).await;
        assert!(page.status < 500, "{page}");
        world.nothing_happened("embedded").await;
    }
    for body in ["", "SAMLRequest=%%%", "SAMLRequest=x&SAMLResponse=y", "SAMLResponse=PHg%2BPC94Pg%3D%3D"] {
        let page = world.browser.load(Load::typed(&world.app.url("/saml/slo")).post(body.to_owned()).by(&evil)).await;
        assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{body}: {page}");
        world.nothing_happened(body).await;
    }
}

#[tokio::test]
async fn over_soap_errors_of_saml_are_statuses_and_errors_of_soap_are_faults() {
    let world = world().await;
    let request = world.wiki.logout_request(&world.browser, Binding::Soap).await;
    let to = request.header.destination.clone().unwrap();
    let answered = |body: Vec<u8>| String::from_utf8_lossy(&body).into_owned();
    for (what, signer) in [("a stranger", stranger()), ("another", world.forum.signer().clone())] {
        let (status, body) = post_soap(&to, soap::encode(&request, &signer).unwrap()).await;
        let body = answered(body);
        assert!(
            status == 200 && body.contains("status:RequestDenied") && !body.contains("status:Success"),
            "{what}: {body}"
        );
        world.nothing_happened(what).await;
    }
    let envelope = soap::encode(&request, world.wiki.signer()).unwrap();
    for (what, body) in [
        ("nothing", String::new()),
        ("no XML", "x".to_owned()),
        ("no envelope", "<a/>".to_owned()),
        ("two messages", envelope.replace("<soap:Body>", "<soap:Body><a/>")),
        ("an entity", format!("<!DOCTYPE a [<!ENTITY b \"c\">]>{envelope}")),
        ("cut", envelope[..envelope.len() / 2].to_owned()),
    ] {
        let (status, body) = post_soap(&to, body).await;
        let body = answered(body);
        assert!(status == 500 && body.contains("soap:Fault"), "{what}: {status} {body}");
        world.nothing_happened(what).await;
    }
    let altered = envelope.replace("logout:user", "logout:admin");
    assert_ne!(altered, envelope);
    let (status, body) = post_soap(&to, altered).await;
    assert!(status == 200 && answered(body).contains("status:RequestDenied"));
    world.nothing_happened("altered").await;
    // Somebody whom nobody knows is an answer, not an error.
    let nobody = NameId { value: "nobody".to_owned(), ..request.name_id.clone() };
    let unknown = world.wiki.logout_request_for(nobody, Vec::new(), Binding::Soap).await;
    assert_eq!(world.wiki.sign_out_by_soap(&unknown).await, (200, "Requester/UnknownPrincipal".to_owned()));
    world.nothing_happened("nobody").await;
    // No cookie means anything here.
    let typed = Load::typed(&to).post("SAMLRequest=x".to_owned());
    assert_eq!(world.browser.load(typed).await.status, 415);
    let (status, said) = world.wiki.sign_out_by_soap(&request).await;
    assert!(status == 200 && said.starts_with("Success"), "{status} {said}");
    let (status, said) = world.wiki.sign_out_by_soap(&request).await;
    assert_eq!((status, said.as_str()), (200, "Requester/RequestDenied"), "the same again");
}

#[tokio::test]
async fn an_answer_that_nobody_proved_confirms_nothing() {
    use acquit_testkit::{acquit::outcome, sp::Manner};
    let world = world().await;
    world.forum.behave(Manner::Forge);
    let request = world.request().await;
    let page = world.wiki.send(&world.browser, &request, Binding::Redirect, None).await;
    assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{page}");
    let receipts = world.app.receipts().await;
    assert_eq!(outcome(&receipts[0], "forum", "saml-post"), "sent", "{receipts:#?}");
    assert!(world.app.live_sessions().await.is_empty());
}

#[tokio::test]
async fn nobody_makes_the_server_slow_or_fall_with_xml_that_is_deep_or_wide() {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let world = world().await;
    let deep = "<a>".repeat(16_000);
    let attributes: String = (0..4_000).map(|at| format!(" a{at}=''")).collect();
    let spaces: String = (0..1_500).map(|at| format!(" xmlns:n{at}='urn:{at}'")).collect();
    let stacked: String = (0..1_500).map(|at| format!("<n{at}:a xmlns:n{at}='urn:{at}'>")).collect();
    for xml in [
        deep.clone(),
        format!("{deep}{}", "</a>".repeat(9_000)),
        format!("<a{attributes}/>"),
        format!("<a{spaces}>{}</a>", "<b/>".repeat(2_000)),
        stacked,
        format!("<a>{}</a>", "&amp;".repeat(9_000)),
        format!("<!DOCTYPE a [{}]><a/>", "<!ENTITY a 'b'>".repeat(2_000)),
        "<samlp:LogoutRequest xmlns:samlp='urn:oasis:names:tc:SAML:2.0:protocol'>".to_owned()
            + &"<samlp:SessionIndex/>".repeat(2_000),
    ] {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("SAMLRequest", &BASE64_STANDARD.encode(&xml))
            .finish();
        let begun = std::time::Instant::now();
        for path in ["/saml/slo", "/saml/sso"] {
            let page = world.browser.load(Load::typed(&world.app.url(path)).post(form.clone())).await;
            assert!((400..500).contains(&page.status), "{path}: {page}");
        }
        let (status, _) = post_soap(&world.app.url("/saml/slo/soap"), xml).await;
        assert!(status == 500 || status == 413, "a fault: {status}");
        assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    world.nothing_happened("nonsense").await;
}
