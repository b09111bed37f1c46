use acquit_core::Timestamp;
use acquit_saml::{
    binding::{redirect, soap},
    message::{self, Header, LogoutRequest, LogoutResponse, Message, NameId},
    names::FORMAT_PERSISTENT,
    security::{KeyKind, Signer},
};
use acquit_server::clock::{Clock, SystemClock};
use acquit_store::receipt::LogoutFilter;
use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderValue, header};
use url::Url;

use crate::demo::{
    Demo, PASSWORD, Ports, USERNAME,
    app::Sample,
    browser::{Browser, Form, Page},
    http::{Answer, Ask, send},
    kind::{CALENDAR, Kind, WIKI},
};

fn at(demo: &Demo, kind: Kind, path: &str) -> String {
    let origin = demo.apps().find(|(known, _)| known.id == kind.id).map(|(_, origin)| origin).unwrap();
    format!("{origin}{path}")
}

fn wiki(demo: &Demo) -> &super::Saml {
    demo.apps
        .iter()
        .find_map(|app| match app {
            Sample::Saml(app) => Some(app),
            Sample::Oidc(_) | Sample::Broker(_) => None,
        })
        .unwrap()
}

async fn press_sign_in(demo: &Demo, browser: &mut Browser, kind: Kind) -> Page {
    let page = browser.go(&at(demo, kind, "/")).await.unwrap();
    let page = browser.follow(&page, &page.link("data-sign-in").unwrap()).await.unwrap();
    let Some(form) = page.form("password") else { return page };
    browser.submit(&page, &form, &[("username", USERNAME), ("password", PASSWORD)]).await.unwrap()
}

async fn sign_in(demo: &Demo, browser: &mut Browser, kind: Kind) {
    let mut page = press_sign_in(demo, browser, kind).await;
    if let Some(form) = page.form("SAMLResponse") {
        page = browser.submit(&page, &form, &[]).await.unwrap();
    }
    assert_eq!(page.mark("data-session").as_deref(), Some("live"), "{}", page.html);
}

async fn state(demo: &Demo, browser: &mut Browser, kind: Kind) -> String {
    browser.go(&at(demo, kind, "/")).await.unwrap().mark("data-session").unwrap()
}

async fn sign_out(demo: &Demo, browser: &mut Browser, then: &str) -> Page {
    let page = browser.go(&at(demo, WIKI, "/")).await.unwrap();
    let form = page.form("then").unwrap();
    browser.submit(&page, &form, &[("then", then)]).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_that_begins_at_the_wiki_ends_the_others_and_comes_back_with_the_answer() {
    let demo = Demo::start(Ports::Any).await.unwrap();
    let mut browser = Browser::new("a browser");
    sign_in(&demo, &mut browser, WIKI).await;
    sign_in(&demo, &mut browser, CALENDAR).await;
    let page = sign_out(&demo, &mut browser, "back").await;
    assert!(page.html.contains("answer is Success"), "{}: {}", page.place(), page.html);
    assert!(page.url.as_str().starts_with(&at(&demo, WIKI, "/saml/slo?")));
    assert_eq!(state(&demo, &mut browser, WIKI).await, "ended");
    assert_eq!(state(&demo, &mut browser, CALENDAR).await, "ended");
    // The same answer again belongs to nothing.
    let again = browser.go(page.url.as_str()).await.unwrap();
    assert_eq!(again.status, 400);
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_at_the_wiki_may_end_at_the_receipt() {
    let demo = Demo::start(Ports::Any).await.unwrap();
    let mut browser = Browser::new("a browser");
    sign_in(&demo, &mut browser, WIKI).await;
    let page = sign_out(&demo, &mut browser, "receipt").await;
    assert!(page.url.as_str().starts_with(demo.issuer()) && page.status.is_success(), "{}", page.place());
    let logouts = demo.acquit().store.logouts(&LogoutFilter::default(), None, 10).await.unwrap().data;
    assert_eq!(logouts.len(), 1);
    assert_eq!(logouts[0].requested.party.as_deref(), Some(WIKI.id));
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_is_good_once_and_only_in_the_browser_that_asked() {
    let demo = Demo::start(Ports::Any).await.unwrap();
    let (mut victim, mut attacker) = (Browser::new("a browser"), Browser::new("another"));
    let page = press_sign_in(&demo, &mut attacker, WIKI).await;
    let form = page.form("SAMLResponse").unwrap();
    let lured = victim.submit(&page, &form, &[]).await.unwrap();
    assert_eq!(lured.status, 400, "somebody else's sign-in");
    assert_eq!(state(&demo, &mut victim, WIKI).await, "none");
    let mut own = Browser::new("a third");
    let page = press_sign_in(&demo, &mut own, WIKI).await;
    let form = page.form("SAMLResponse").unwrap();
    let entered = own.submit(&page, &form, &[]).await.unwrap();
    assert_eq!(entered.mark("data-session").as_deref(), Some("live"));
    assert_eq!(own.submit(&page, &form, &[]).await.unwrap().status, 400, "the same Response again");
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_was_altered_signs_nobody_in() {
    let demo = Demo::start(Ports::Any).await.unwrap();
    let mut browser = Browser::new("a browser");
    let page = press_sign_in(&demo, &mut browser, WIKI).await;
    let mut form = page.form("SAMLResponse").unwrap();
    for (name, value) in &mut form.fields {
        if name == "SAMLResponse" {
            let xml = String::from_utf8(BASE64_STANDARD.decode(&*value).unwrap()).unwrap();
            assert!(xml.contains(">Alice<"), "{xml}");
            *value = BASE64_STANDARD.encode(xml.replace(">Alice<", ">Mallory<"));
        }
    }
    assert_eq!(browser.submit(&page, &form, &[]).await.unwrap().status, 400);
    assert_eq!(state(&demo, &mut browser, WIKI).await, "none");
    demo.stop().await;
}

/// The key with which the demo's Acquit signs.
fn provider(demo: &Demo) -> Signer {
    demo.acquit().saml_keys.signer(SystemClock.now()).unwrap()
}

/// Whom a Response names, and by which index.
fn named(form: &Form) -> (NameId, String) {
    let (_, value) = form.fields.iter().find(|(name, _)| name == "SAMLResponse").unwrap();
    let xml = String::from_utf8(BASE64_STANDARD.decode(value).unwrap()).unwrap();
    let between = |from: &str, to: &str| xml.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
    let name = between("<saml:NameID", "</saml:NameID>");
    let name = name.split_once('>').unwrap().1;
    (NameId::new(name, FORMAT_PERSISTENT), between("SessionIndex=\"", "\""))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_that_overtakes_the_sign_in_wins() {
    let demo = Demo::start(Ports::Any).await.unwrap();
    let mut browser = Browser::new("a browser");
    let page = press_sign_in(&demo, &mut browser, WIKI).await;
    let form = page.form("SAMLResponse").unwrap();
    let (name_id, index) = named(&form);
    let ending = LogoutRequest { name_id, session_indexes: vec![index], ..request(&demo, SystemClock.now()) };
    let envelope = soap::encode(&ending, &provider(&demo)).unwrap();
    for _ in 0..2 {
        // Again, as when the first answer was lost.
        let answer = post(&demo, envelope.clone(), soap::CONTENT_TYPE).await;
        assert!(answer.status == 200 && answer.body.contains("status:Success"), "{}", answer.body);
    }
    let late = browser.submit(&page, &form, &[]).await.unwrap();
    assert!(late.status == 400 && late.html.contains("overtook"), "{}", late.html);
    assert_eq!(state(&demo, &mut browser, WIKI).await, "none");
    demo.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_request_that_the_browser_brings_ends_the_session_that_it_names() {
    let demo = Demo::start(Ports::Any).await.unwrap();
    let (mut first, mut second) = (Browser::new("a browser"), Browser::new("another"));
    let page = press_sign_in(&demo, &mut first, WIKI).await;
    let form = page.form("SAMLResponse").unwrap();
    let (name_id, index) = named(&form);
    first.submit(&page, &form, &[]).await.unwrap();
    sign_in(&demo, &mut second, WIKI).await;
    let mut ending = LogoutRequest { name_id, session_indexes: vec![index], ..request(&demo, SystemClock.now()) };
    let slo = wiki(&demo).own.slo.clone();
    for (destination, expected) in [("http://elsewhere.example/slo", "live"), (slo.as_str(), "ended")] {
        ending.header.destination = Some(destination.to_owned());
        let url = redirect::encode(&ending, &slo, Some("relay"), Some(&provider(&demo))).unwrap();
        first.go(&url).await.unwrap();
        assert_eq!(state(&demo, &mut first, WIKI).await, expected, "{destination}");
    }
    assert_eq!(state(&demo, &mut second, WIKI).await, "live");
    let page = first.go(&at(&demo, WIKI, "/")).await.unwrap();
    assert_eq!(page.mark("data-ended-by").as_deref(), Some("hop"));
    demo.stop().await;
}

fn request(demo: &Demo, now: Timestamp) -> LogoutRequest {
    let wiki = wiki(demo);
    LogoutRequest {
        header: Header::new(&super::new_id().unwrap(), now, &wiki.provider.entity_id, &wiki.own.soap),
        not_on_or_after: Some(now.plus(std::time::Duration::from_secs(60))),
        reason: None,
        name_id: NameId::new("somebody", FORMAT_PERSISTENT),
        session_indexes: Vec::new(),
        asynchronous: false,
    }
}

async fn post(demo: &Demo, body: String, content_type: &'static str) -> Answer {
    let url = Url::parse(&wiki(demo).own.soap).unwrap();
    let mut ask = Ask { body, ..Ask::post(url, [("", ""); 0]) };
    ask.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    send(ask).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_request_of_a_stranger_is_refused_and_what_is_none_is_a_fault() {
    let demo = Demo::start(Ports::Any).await.unwrap();
    let stranger = Signer::self_signed(&Signer::generate(KeyKind::P256).unwrap(), "stranger").unwrap();
    let now = SystemClock.now();
    let forged = request(&demo, now);
    let answer = post(&demo, soap::encode(&forged, &stranger).unwrap(), soap::CONTENT_TYPE).await;
    assert_eq!(answer.status, 200);
    let arrived = soap::decode(answer.body.into_bytes()).unwrap();
    let opened = Message::open(&arrived, &[message::Kind::LogoutResponse]).unwrap();
    let trust = acquit_saml::security::Trust::new(
        &wiki(&demo).own.entity_id,
        std::slice::from_ref(wiki(&demo).own.signer.certificate()),
    )
    .unwrap();
    let signed = opened.verify(&trust, &message::Expect::new(&[], now)).unwrap();
    let status = LogoutResponse::from_signed(&signed, &forged.header.id).unwrap().into_inner().status;
    assert_eq!(status.to_string(), "Requester/RequestDenied");
    let broken = post(&demo, "<soap".to_owned(), soap::CONTENT_TYPE).await;
    assert!(broken.status == 500 && broken.body.contains("faultcode"), "{}", broken.body);
    assert_eq!(post(&demo, String::new(), "application/json").await.status, 415);
    demo.stop().await;
}
