//! What is posted to the broker in a provider's name, or by a provider that is none of this connection's.

use acquit_saml::{
    message::{Assertion, AuthnRequest, NameId, Response, SignWhat, Status},
    names::FORMAT_TRANSIENT,
    security::{KeyKind, Signer},
};

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

impl World {
    /// A Response to a new request of this browser, with one thing wrong.
    async fn wrong(&self, edit: impl FnOnce(&mut Response)) -> Response {
        let request = self.idp.asked(&self.leaving("").await);
        let mut response = self.idp.response(&request);
        edit(&mut response);
        response
    }

    /// Posts a Response, which signs nobody in: the page that says so, or what the application hears.
    async fn refused(&self, what: &str, load: Load) -> String {
        let page = self.browser.load(load).await;
        assert!(self.app.live_sessions().await.is_empty(), "{what}: {page}");
        if page.url.as_str().starts_with(&self.saas.url("/callback")) {
            let answer = page.query();
            assert!(!answer.iter().any(|(name, _)| name == "code"), "{what}: {page}");
            assert_eq!(value(&answer, "state"), "st ate");
            return format!("{}: {}", value(&answer, "error"), value(&answer, "error_description"));
        }
        assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{what}: {page}");
        // Not because the request was used up before: then nothing else would have been looked at.
        assert!(!page.text().contains("This page has expired"), "{what}: {page}");
        page.text()
    }
}

fn assertion(response: &mut Response) -> &mut Assertion {
    response.assertion.as_mut().unwrap()
}

fn stranger() -> Signer {
    Signer::self_signed(&Signer::generate(KeyKind::P256).unwrap(), "stranger").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_with_any_defect_signs_nobody_in() {
    let world = world(Engine::Sqlite, &[Binding::Redirect]).await;
    type Edit = Box<dyn Fn(&mut Response)>;
    let elsewhere = world.app.url("/sso/saml/acs/conn_01OTHER");
    let other = elsewhere.clone();
    let edits: Vec<(&str, &str, Edit)> = vec![
        ("audience", "the audience is another", Box::new(|response| assertion(response).audience.push('x'))),
        (
            "recipient",
            "another address",
            Box::new(move |response| assertion(response).recipient.clone_from(&elsewhere)),
        ),
        ("destination", "another address", Box::new(move |response| response.header.destination = Some(other.clone()))),
        (
            "expired",
            "not yet valid",
            Box::new(|response| {
                let end = assertion(response).not_on_or_after.minus(HOUR);
                assertion(response).not_on_or_after = end;
            }),
        ),
        (
            "not yet",
            "not yet valid",
            Box::new(|response| {
                let begin = assertion(response).issue_instant.plus(HOUR);
                assertion(response).not_before = Some(begin);
            }),
        ),
        (
            "stale",
            "not yet valid",
            Box::new(|response| {
                response.header.issue_instant = response.header.issue_instant.minus(HOUR);
            }),
        ),
        (
            "the provider's session is over",
            "not yet valid",
            Box::new(|response| {
                let end = assertion(response).issue_instant.minus(HOUR);
                assertion(response).authn.session_not_on_or_after = Some(end);
            }),
        ),
        (
            "assertion for another request",
            "InResponseTo",
            Box::new(|response| {
                assertion(response).in_response_to = Some("_another".to_owned());
            }),
        ),
        (
            "assertion for nobody's request",
            "InResponseTo",
            Box::new(|response| assertion(response).in_response_to = None),
        ),
        ("another's assertion", "the issuer is not", Box::new(|response| assertion(response).issuer.push('x'))),
        ("another's message", "the issuer is not", Box::new(|response| response.header.issuer.push('x'))),
        (
            "a name for now",
            "transient",
            Box::new(|response| {
                assertion(response).name_id = NameId::new("_1", FORMAT_TRANSIENT);
            }),
        ),
    ];
    for (what, why, edit) in &edits {
        for sign in [SignWhat::Response, SignWhat::Assertion, SignWhat::Both] {
            // The Response's own attributes are covered by its own signature alone; the assertion repeats what counts.
            if sign == SignWhat::Assertion && matches!(*what, "another's message") {
                continue;
            }
            let response = world.wrong(edit).await;
            let said = world.refused(what, world.idp.posted(&response, sign)).await;
            assert!(said.starts_with("oauth_failed") && said.contains(why), "{what}: {said}");
        }
    }
    let honest = world.wrong(|_| ()).await;
    let page = world.browser.load(world.idp.posted(&honest, SignWhat::Response)).await;
    assert!(page.query().iter().any(|(name, _)| name == "code"), "and the honest one is taken: {page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_nobody_asked_for_or_nobody_signed_signs_nobody_in() {
    let world = world(Engine::Sqlite, &[Binding::Redirect]).await;
    let unasked = world.wrong(|response| {
        response.header.in_response_to = None;
        assertion(response).in_response_to = None;
    });
    let said = world.refused("unsolicited", world.idp.posted(&unasked.await, SignWhat::Both)).await;
    assert!(said.contains("nobody asked"), "{said}");
    let never = world.wrong(|response| {
        response.header.in_response_to = Some("_never".to_owned());
        assertion(response).in_response_to = Some("_never".to_owned());
    });
    let page = world.browser.load(world.idp.posted(&never.await, SignWhat::Both)).await;
    assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "a request that was never sent: {page}");

    for sign in [SignWhat::Response, SignWhat::Assertion, SignWhat::Both] {
        let response = world.wrong(|_| ()).await;
        let forged = response.to_xml(&stranger(), sign, None).unwrap();
        world.refused("another key", world.idp.posted_xml(&forged)).await;
    }
    type Edit = fn(&str) -> String;
    let edits: [(&str, Edit); 2] =
        [("no signature", without_signatures), ("changed", |xml| xml.replace("ann-there", "bob-there"))];
    for (what, edit) in edits {
        let signed = world.wrong(|_| ()).await.to_xml(world.idp.signer(), SignWhat::Response, None).unwrap();
        assert_ne!(signed, edit(&signed), "{what}");
        world.refused(what, world.idp.posted_xml(&edit(&signed))).await;
    }
    world.refused("garbage", world.idp.posted_xml("<samlp:Response")).await;
    world.refused("nothing", world.idp.posted_xml("")).await;
    let huge = world.idp.posted_xml(&"x".repeat(2_000_000));
    let page = world.browser.load(huge).await;
    assert!((400..500).contains(&page.status), "{page}");
    assert!(world.app.live_sessions().await.is_empty());
}

fn without_signatures(xml: &str) -> String {
    let mut xml = xml.to_owned();
    while let Some(at) = xml.find("<ds:Signature ") {
        let end = at + xml[at..].find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
        xml.replace_range(at..end, "");
    }
    xml
}

/// The element of a name, with its end.
fn element(xml: &str, name: &str) -> String {
    let at = xml.find(&format!("<{name} ")).unwrap();
    let close = format!("</{name}>");
    xml[at..at + xml[at..].find(&close).unwrap() + close.len()].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_assertion_wrapped_into_a_forged_response_signs_nobody_in() {
    let world = world(Engine::Sqlite, &[Binding::Redirect]).await;
    for at in 0.. {
        // Begun anew each time: an answer uses its request up, whatever it is worth.
        let response = world.wrong(|_| ()).await;
        let id = response.assertion.as_ref().unwrap().id.clone();
        let xml = response.to_xml(world.idp.signer(), SignWhat::Assertion, None).unwrap();
        let Some((what, forged)) = wrapped_ways(&xml, &id).into_iter().nth(at) else {
            let page = world.browser.load(world.idp.posted_xml(&xml)).await;
            assert!(page.query().iter().any(|(name, _)| name == "code"), "and the honest one is taken: {page}");
            return;
        };
        assert_ne!(forged, xml, "{what}");
        world.refused(what, world.idp.posted_xml(&forged)).await;
    }
}

/// The Response `xml`, whose assertion alone is signed and has this identifier, with a forged one that is about somebody else.
fn wrapped_ways(xml: &str, id: &str) -> Vec<(&'static str, String)> {
    let signed = element(xml, "saml:Assertion");
    let evil = without_signatures(&signed).replace("ann-there", "bob-there");
    let other = evil.replace(id, "_evil");
    let signature = element(&signed, "ds:Signature");
    let wrapped = |inner: &str| xml.replace(&signed, inner);
    let carrying = |around: &str| {
        let holder = format!("<samlp:Extensions>{around}</samlp:Extensions>");
        wrapped(&other).replacen("<samlp:Status>", &format!("{holder}<samlp:Status>"), 1)
    };
    let in_object = signature.replace("</ds:Signature>", &format!("<ds:Object>{signed}</ds:Object></ds:Signature>"));
    let issuer_end = "</saml:Issuer>";
    vec![
        ("before it", wrapped(&format!("{other}{signed}"))),
        ("behind it", wrapped(&format!("{signed}{other}"))),
        ("of the same name before it", wrapped(&format!("{evil}{signed}"))),
        ("around it", wrapped(&other.replace("</saml:Assertion>", &format!("{signed}</saml:Assertion>")))),
        (
            "around it under its name",
            wrapped(&evil.replace("</saml:Assertion>", &format!("{signed}</saml:Assertion>"))),
        ),
        ("with it among the extensions", carrying(&signed)),
        ("with its signature", wrapped(&other.replacen(issuer_end, &format!("{issuer_end}{signature}"), 1))),
        ("with it in the signature", wrapped(&other.replacen(issuer_end, &format!("{issuer_end}{in_object}"), 1))),
        ("in a comment", wrapped(&signed.replace("ann-there", "ann<!---->-there"))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_counts_once_and_only_in_the_browser_that_left() {
    for engine in Engine::BOTH {
        let world = world(engine, &[Binding::Redirect]).await;
        let response = world.wrong(|_| ()).await;
        let load = world.idp.posted(&response, SignWhat::Both);
        let victim = Browser::new();
        let page = victim.load(load.clone()).await;
        assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "in another browser: {page}");
        assert!(world.app.live_sessions().await.is_empty());
        let framed = load.clone().framed_in(&url::Url::parse(&world.idp.url("/")).unwrap());
        assert_eq!(world.browser.load(framed).await.status, 403, "in a frame");
        // Of two at once one is taken.
        let copy = world.browser.copy();
        let both = futures_util::future::join(world.browser.load(load.clone()), copy.load(load.clone())).await;
        let taken =
            [&both.0, &both.1].iter().filter(|page| page.query().iter().any(|(name, _)| name == "code")).count();
        assert_eq!(taken, 1, "{} {}", both.0, both.1);
        assert_eq!(world.app.live_sessions().await.len(), 1);
        let page = world.browser.load(load).await;
        assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "again: {page}");
        // The same assertion for another request, by a provider that has lost count.
        let id = response.assertion.as_ref().unwrap().id.clone();
        let again = world.wrong(|response| assertion(response).id = id).await;
        let page = world.browser.load(world.idp.posted(&again, SignWhat::Both)).await;
        assert!(value(&page.query(), "error_description").contains("used before"), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_signs_nobody_in_at_anothers_connection() {
    let other = TestIdp::start("conn_02OTHER", &[Binding::Soap]).await;
    let world = world_with(Engine::Sqlite, &[Binding::Soap], "", &other.configuration("")).await;
    other.trust(&world.app).await;
    let request = world.idp.asked(&world.leaving("").await);
    // What the other provider says at its own door, and what it would say at this one.
    let to_other = |request: &AuthnRequest| AuthnRequest { acs_url: None, ..request.clone() };
    let mut own = other.response(&to_other(&request));
    assertion(&mut own).recipient = world.idp.sp().acs_for(None).unwrap().location.clone();
    own.header.destination = Some(assertion(&mut own).recipient.clone());
    let xml = own.to_xml(other.signer(), SignWhat::Both, None).unwrap();
    world.refused("the other provider", world.idp.posted_xml(&xml)).await;
    let request = world.idp.asked(&world.leaving("").await);
    let lie = world.idp.response(&request);
    let xml = lie.to_xml(other.signer(), SignWhat::Both, None).unwrap();
    world.refused("the other provider in this one's name", world.idp.posted_xml(&xml)).await;
    // Its good answer to this connection's request, at its own address.
    let request = world.idp.asked(&world.leaving("").await);
    let load = other.posted(&other.response(&to_other(&request)), SignWhat::Both);
    let page = world.browser.load(load).await;
    assert_eq!(page.status, 400, "{page}");
    assert!(world.app.live_sessions().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_says_no_is_heard_by_the_application() {
    let world = world(Engine::Sqlite, &[Binding::Redirect]).await;
    for (status, error) in [
        (Status::new(acquit_saml::message::Code::Responder, "AuthnFailed"), "access_denied"),
        (Status::new(acquit_saml::message::Code::Responder, "NoAvailableIDP"), "oauth_failed"),
    ] {
        let request = world.idp.asked(&world.leaving("").await);
        let header = world.idp.response(&request).header;
        let refusal = Response::refusal(header, status);
        let said = world.refused("a refusal", world.idp.posted(&refusal, SignWhat::Response)).await;
        assert!(said.starts_with(error), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doors_of_a_connection_are_nobody_elses() {
    let world = world(Engine::Sqlite, &[Binding::Redirect]).await;
    for (path, status) in [
        ("/sso/saml/metadata/conn_01OTHER", 404),
        ("/sso/saml/acs/conn_01OTHER?handoff=x", 404),
        ("/sso/saml/slo/conn_01OTHER", 404),
        ("/sso/saml/acs/conn_01EXAMPLE", 400),
        ("/sso/saml/acs/conn_01EXAMPLE?handoff=x", 400),
        ("/sso/saml/slo/conn_01EXAMPLE", 400),
        ("/sso/oidc/conn_01EXAMPLE/callback?state=x", 404),
        ("/sso/oidc/idp-logout/conn_01EXAMPLE", 404),
    ] {
        let page = world.browser.open(&world.app.url(path)).await;
        assert!(page.status == status || (status == 404 && page.status == 400), "{path}: {page}");
    }
}
