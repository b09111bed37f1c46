//! What a provider learns that has us decrypt what another one encrypted to us: all connections have the same key.

use acquit_saml::{
    message::{Response, SignWhat},
    security::{Certificate, KeyKind, Signer},
};

use super::*;

/// A Response of this provider to a new request, encrypted to a key; where the browser is sent with it, and what is said then.
async fn handed(world: &World, to: &Certificate, edit: impl FnOnce(&mut Response)) -> (usize, String) {
    let request = world.idp.asked(&world.leaving("").await);
    let mut response = world.idp.response(&request);
    edit(&mut response);
    let xml = response.to_xml(world.idp.signer(), SignWhat::Response, Some(to)).unwrap();
    let posted = world.browser.step(&world.idp.posted_xml(&xml)).await.unwrap();
    let onward = posted.location().expect("a handoff").clone();
    let page = world.browser.open(onward.as_str()).await;
    assert!(world.app.live_sessions().await.is_empty(), "{page}");
    let query = page.query();
    (onward.as_str().len(), format!("{}: {}", value(&query, "error"), value(&query, "error_description")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_does_not_learn_whether_an_assertion_could_be_decrypted() {
    let world = world(Engine::Sqlite, &[Binding::Redirect]).await;
    let ours = world.idp.sp().recipient().expect("a key to encrypt to").clone();
    let other = Signer::self_signed(&Signer::generate(KeyKind::Rsa2048).unwrap(), "other").unwrap();
    let lost = handed(&world, other.certificate(), |_| ()).await;
    type Edit = fn(&mut Response);
    let edits: [(&str, Edit); 4] = [
        // As another provider wrote it, to its own connection.
        ("issuer", |response| response.assertion.as_mut().unwrap().issuer.push('x')),
        ("audience", |response| response.assertion.as_mut().unwrap().audience.push('x')),
        ("recipient", |response| response.assertion.as_mut().unwrap().recipient.push('x')),
        ("name", |response| response.assertion.as_mut().unwrap().name_id.value = "n".repeat(1025)),
    ];
    for (what, edit) in edits {
        assert_eq!(handed(&world, &ours, edit).await, lost, "{what}");
    }
    world.idp.encrypt();
    world.enter().await;
}
