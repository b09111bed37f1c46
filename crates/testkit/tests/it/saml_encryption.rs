//! Encryption in both directions: assertions to applications that want that, and names in LogoutRequests to Acquit.

use acquit_saml::{
    binding::{post, redirect, soap},
    message::{EncryptedLogoutRequest, LogoutRequest, NameId, Outbound},
    security::{KeyKind, Signer},
};
use acquit_testkit::{
    Browser, Engine, Setup, SpRegistration, TestApp, TestSp,
    acquit::InProcess,
    browser::Load,
    peers,
    sp::{Binding, artifact_in, post_soap, ride, ride_up_to},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};

async fn world(sp: SpRegistration) -> (TestApp<InProcess>, TestSp, Browser) {
    let sp = sp.start().await;
    let app = Setup::on(Engine::Sqlite).with(&sp.configuration()).start(&[]).await;
    sp.trust(app.as_issuer());
    let browser = Browser::new();
    let page = sp.begin(&browser, "").await;
    let page = ride(&browser, app.sign_in(&browser, &page, "alice").await).await;
    assert_eq!(page.mark().as_deref(), Some("signed-in"), "{page}");
    (app, sp, browser)
}

fn wiki() -> SpRegistration {
    SpRegistration::new("wiki", Binding::Redirect)
}

#[tokio::test]
async fn an_assertion_is_encrypted_to_who_wants_that_by_post_and_by_artifact() {
    let (app, sp, browser) = world(wiki().encrypted().with("attributes = { mail = \"email\" }")).await;
    let carries = |load: &Load| load.url.as_str().starts_with(&sp.url("/acs"));
    let message = ride_up_to(&browser, Load::typed(&sp.url("/login")), carries).await;
    let form: Vec<_> = form_urlencoded::parse(message.body.as_deref().unwrap()).into_owned().collect();
    let xml = String::from_utf8(BASE64_STANDARD.decode(&form[0].1).unwrap()).unwrap();
    assert!(xml.contains("<saml:EncryptedAssertion") && xml.contains("xmlenc11#aes256-gcm"), "{xml}");
    assert!(!xml.contains("<saml:Assertion") && !xml.contains("alice"), "{xml}");
    assert_eq!(sp.session(&browser).attributes[0].1, ["alice@example.com"]);

    let begin = Load::typed(&sp.url("/login?artifact=1"));
    let artifact = artifact_in(&ride_up_to(&browser, begin, carries).await.url);
    let (to, request) = sp.artifact_resolve(&artifact).await;
    let (_, body) = post_soap(&to, soap::encode(&request, sp.signer()).unwrap()).await;
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains("<saml:EncryptedAssertion") && !body.contains("alice"), "{body}");
    assert_eq!(sp.begin(&browser, "artifact=1").await.mark().as_deref(), Some("signed-in"));
    // A refusal has nothing to hide.
    assert!(sp.begin(&Browser::new(), "passive=1").await.text().contains("Responder/NoPassive"));
    drop(app);
    if peers::take_part() {
        second_opinion(&sp, &xml);
    }
}

/// What `xmlsec1` makes of a Response with our key, and with another.
fn second_opinion(sp: &TestSp, xml: &str) {
    let folder = tempfile::tempdir().unwrap();
    let run = |key: &[u8]| {
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64_STANDARD.encode(key));
        let (key, message) = (folder.path().join("key.pem"), folder.path().join("response.xml"));
        std::fs::write(&key, pem).unwrap();
        std::fs::write(&message, xml).unwrap();
        std::process::Command::new("xmlsec1")
            .arg("--decrypt")
            .arg("--privkey-pem")
            .arg(key)
            .arg(message)
            .output()
            .unwrap()
    };
    let output = run(sp.decryption_key());
    let clear = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(clear.contains("alice@example.com") && clear.matches("<ds:SignatureValue>").count() == 2, "{clear}");
    assert!(!run(&Signer::generate(KeyKind::Rsa2048).unwrap()).status.success());
}

#[tokio::test]
async fn an_application_without_a_key_to_encrypt_to_gets_no_assertion_in_the_clear() {
    // At a URL, so that nobody could say so before.
    let sp = wiki().with("encrypt_assertions = true").start().await;
    let app = Setup::on(Engine::Sqlite).with(&sp.configuration_at_url()).start(&[]).await;
    sp.trust(app.as_issuer());
    let browser = Browser::new();
    let page = crate::world::once_known(&sp, &browser).await;
    let page = ride(&browser, app.sign_in(&browser, &page, "alice").await).await;
    assert_eq!(page.mark().as_deref(), Some("sign-in-failed"), "{page}");
    assert!(page.text().contains("Responder/RequestUnsupported"), "{page}");
    assert_eq!(app.live_sessions().await[0]["applications"], serde_json::json!([]), "it takes no part");
}

/// The certificate that Acquit publishes to encrypt to.
async fn recipient(sp: &TestSp) -> acquit_saml::security::Certificate {
    let role = sp.idp().await.role;
    let [one] = &role.encryption[..] else { panic!("{:?}", role.encryption) };
    assert!(!role.signing.contains(one), "apart from what signs");
    assert!(role.encryption_methods.iter().all(|method| !method.contains("cbc") && !method.contains("rsa-1_5")));
    one.clone()
}

fn by_post(request: &impl Outbound, to: &str, signer: &Signer) -> Load {
    let form = post::encode(request, to, Some("r"), signer).unwrap();
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.append_pair(form.field, &form.message).append_pair("RelayState", "r");
    Load::typed(to).post(body.finish())
}

#[tokio::test]
async fn an_encrypted_name_signs_out_by_every_binding() {
    for by in [Binding::Redirect, Binding::Post, Binding::Soap] {
        let (app, sp, browser) = world(wiki()).await;
        let recipient = recipient(&sp).await;
        let request = sp.logout_request(&browser, by).await;
        let to = request.header.destination.clone().unwrap();
        let encrypted = request.encrypted_to(&recipient).unwrap();
        if by == Binding::Soap {
            let (status, body) = post_soap(&to, soap::encode(&encrypted, sp.signer()).unwrap()).await;
            assert_eq!(status, 200);
            assert!(String::from_utf8_lossy(&body).contains("status:Success"), "{by:?}");
        } else {
            let load = match by {
                Binding::Redirect => {
                    Load::typed(&redirect::encode(&encrypted, &to, Some("r"), Some(sp.signer())).unwrap())
                }
                _ => by_post(&encrypted, &to, sp.signer()),
            };
            let page = ride(&browser, browser.load(load).await).await;
            assert_eq!(sp.responses(), ["Success"], "{by:?}: {page}");
        }
        assert!(app.live_sessions().await.is_empty(), "{by:?}");
    }
}

/// What a request with an encrypted name is answered by SOAP, without what is different each time.
async fn answered(sp: &TestSp, request: &LogoutRequest, encrypted: &EncryptedLogoutRequest<'_>) -> (u16, String) {
    let to = request.header.destination.clone().unwrap();
    let (status, body) = post_soap(&to, soap::encode(encrypted, sp.signer()).unwrap()).await;
    let body = String::from_utf8(body).unwrap();
    let begin = body.find("<samlp:Status>").unwrap_or_else(|| panic!("{body}"));
    let end = body.find("</samlp:Status>").unwrap();
    (status, body[begin..end].to_owned())
}

#[tokio::test]
async fn nobody_learns_whether_a_name_could_be_decrypted() {
    let (app, sp, browser) = world(wiki()).await;
    let recipient = recipient(&sp).await;
    let other = Signer::self_signed(&Signer::generate(KeyKind::Rsa2048).unwrap(), "other").unwrap();
    let mut answers = Vec::new();
    let mut lengths = Vec::new();
    for (name, key) in [("nobody", &recipient), (&"n".repeat(1000), &recipient), ("nobody", other.certificate())] {
        let mut request = sp.logout_request(&browser, Binding::Soap).await;
        request.name_id.value = name.to_owned();
        answers.push(answered(&sp, &request, &request.encrypted_to(key).unwrap()).await);

        let mut request = sp.logout_request(&browser, Binding::Post).await;
        request.name_id.value = name.to_owned();
        let to = request.header.destination.clone().unwrap();
        let load = by_post(&request.encrypted_to(key).unwrap(), &to, sp.signer());
        let handed = browser.step(&load).await.unwrap();
        lengths.push(handed.location().expect("a handoff").as_str().len());
        ride(&browser, browser.load(load).await).await;
    }
    assert!(answers[0].1.contains("UnknownPrincipal"), "{answers:?}");
    assert_eq!((&answers[0], &answers[0]), (&answers[1], &answers[2]));
    assert_eq!((lengths[0], lengths[0]), (lengths[1], lengths[2]));
    assert!(sp.responses().iter().all(|status| status == "Requester/UnknownPrincipal"), "{:?}", sp.responses());
    assert_eq!((app.live_sessions().await.len(), sp.live_sessions()), (1, 1), "nothing ended");

    // Unsigned, it is not even tried; altered, its signature is what is wrong.
    let request = sp.logout_request(&browser, Binding::Redirect).await;
    let to = request.header.destination.clone().unwrap();
    let encrypted = request.encrypted_to(&recipient).unwrap();
    for signer in [None, Some(&other)] {
        let page = browser.open(&redirect::encode(&encrypted, &to, Some("r"), signer).unwrap()).await;
        assert_eq!(page.status, 400, "{page}");
    }
    assert_eq!(app.live_sessions().await.len(), 1);
}

/// To say anything about it would be to say whether it could be decrypted: the sign-in page shows who is meant.
#[tokio::test]
async fn an_encrypted_subject_of_a_request_for_an_assertion_is_refused_unread() {
    let sp = wiki().start().await;
    // By hand, so that it need not sign its requests.
    let (entity, acs) = (sp.entity_id(), sp.url("/acs"));
    let lines =
        format!("[[applications]]\nid = \"wiki\"\nprotocol = \"saml\"\nentity_id = {entity:?}\nacs_url = {acs:?}\n\n");
    let app = Setup::on(Engine::Sqlite).with(&lines).start(&[]).await;
    sp.trust(app.as_issuer());
    let recipient = recipient(&sp).await;
    let other = Signer::self_signed(&Signer::generate(KeyKind::Rsa2048).unwrap(), "other").unwrap();
    let mut request = sp.authn_request().await;
    request.subject = Some(NameId::new("alice", ""));
    let to = request.header.destination.clone().unwrap();
    let plain = request.plain_xml().unwrap();
    let send = async |xml: &str| {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("SAMLRequest", &BASE64_STANDARD.encode(xml));
        Browser::new().load(Load::typed(&to).post(body.finish())).await
    };
    assert_eq!(send(&plain).await.mark().as_deref(), Some("sign-in"), "in the clear it is a hint");
    let (begin, end) = (plain.find("<saml:NameID").unwrap(), plain.find("</saml:Subject>").unwrap());
    let mut pages = Vec::new();
    for key in [&recipient, other.certificate()] {
        let logout = sp.logout_request_for(NameId::new("alice", ""), Vec::new(), Binding::Post).await;
        let xml = logout.encrypted_to(key).unwrap().plain_xml().unwrap();
        let (from, until) = (xml.find("<saml:EncryptedID>").unwrap(), xml.find("</samlp:LogoutRequest>").unwrap());
        let page = send(&format!("{}{}{}", &plain[..begin], &xml[from..until], &plain[end..])).await;
        assert_eq!((page.status, page.mark().as_deref()), (400, Some("error")), "{page}");
        pages.push(page.text());
    }
    assert_eq!(pages[0], pages[1]);
}
