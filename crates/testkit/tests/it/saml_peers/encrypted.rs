//! Assertions that are encrypted to applications by others.

use acquit_testkit::{
    Browser, Engine,
    browser::Load,
    peers::{self, SamlPeer},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{LIMIT, World};

/// A posted message with its XML changed.
fn with_xml(message: &Load, change: impl Fn(&str) -> String) -> Load {
    let mut form: Vec<_> = form_urlencoded::parse(message.body.as_deref().unwrap()).into_owned().collect();
    let (_, encoded) = form.iter_mut().find(|(name, _)| name == "SAMLResponse").unwrap();
    let xml = String::from_utf8(BASE64_STANDARD.decode(&*encoded).unwrap()).unwrap();
    *encoded = BASE64_STANDARD.encode(change(&xml));
    message.clone().post(form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish())
}

/// What is inside nobody reads on the way. node-saml holds the Response to its signature; SimpleSAMLphp is content with that of
/// the assertion inside, so there the twins are of what is encrypted.
#[tokio::test(flavor = "multi_thread")]
async fn both_decrypt_what_is_encrypted_to_them_and_nothing_altered() {
    if !peers::take_part() {
        return;
    }
    let run = async {
        for node in [true, false] {
            let peer = if node { SamlPeer::node("forum", "redirect").await } else { SamlPeer::php("wiki").await };
            let world = World::new(peer.encrypted(), Engine::Sqlite).await;
            if node {
                world.enter().await;
            } else {
                let page = world.peer.begin(&world.browser).await;
                world.app.sign_in(&world.browser, &page, "alice").await;
            }
            let message =
                world.up_to(Load::typed(&world.peer.url("/login")), &world.peer.url("/"), "SAMLResponse").await;
            let stranger = Browser::new();
            let bad = with_xml(&message, |xml| {
                assert!(xml.contains("EncryptedAssertion") && !xml.contains("alice@example.com"), "{xml}");
                let at = xml.rfind("<xenc:CipherValue>").unwrap() + 60;
                let other = if &xml[at..=at] == "A" { "B" } else { "A" };
                format!("{}{other}{}", &xml[..at], &xml[at + 1..])
            });
            let page = stranger.load(bad).await;
            assert_ne!(page.mark().as_deref(), Some("home"), "{page}");
            assert!(!world.peer.knows(&stranger).await, "{page}");
            if !node {
                world.enter_quietly().await;
            }
            world.told_of_a_sign_out_elsewhere(if node { "saml-post" } else { "saml-redirect" }).await;
        }
    };
    tokio::time::timeout(LIMIT, run).await.expect("in time");
}
