//! What the receipt says of each answer of an application at the other end of SOAP.

mod world;

use acquit_core::{
    delivery::LEASE,
    step::{NO_INDEX, Outcome},
};
use acquit_store::logout::Lease;
use axum::http::HeaderMap;

use super::*;
use crate::clock::{Clock, SystemClock};
use world::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_proved_success_to_this_very_request_confirms() {
    use Outcome::{Confirmed, Failed, Pending};
    let world = World::new().await;
    let sign = |status, stranger, answers, issuer| Say::Signed { status, stranger, answers, issuer };
    let ok = Status::success;
    let denied = Status { message: Some("no such user".to_owned()), ..Status::new(Code::Requester, "RequestDenied") };
    let fault = "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body><e:Fault>\
                 <faultcode>e:Server</faultcode><faultstring>x</faultstring></e:Fault></e:Body></e:Envelope>";
    for (say, outcome, words) in [
        (signed(ok()), Confirmed, "answered Success"),
        (signed(Status::partial_logout()), Confirmed, "answered Success/PartialLogout"),
        (signed(denied), Failed, "answered Requester/RequestDenied: no such user"),
        (signed(Status::new(Code::Responder, "PartialLogout")), Failed, "answered Responder/PartialLogout"),
        (signed(Status { second: None, ..Status::new(Code::VersionMismatch, "") }), Failed, "answered VersionMismatch"),
        (Say::Unsigned(ok()), Pending, "its answer proves nothing: not signed"),
        (sign(ok(), true, None, SP), Pending, "its answer proves nothing: the signature was not made by"),
        (sign(ok(), false, Some("_other"), SP), Pending, "its answer proves nothing: InResponseTo"),
        (sign(ok(), false, None, "https://evil.test"), Pending, "its answer proves nothing: the issuer"),
        (Say::Http(200, "<html>It works!</html>"), Pending, "its answer proves nothing: not a SOAP"),
        (Say::Http(200, "\n<!DOCTYPE html><h1>Error</h1>"), Pending, "its answer proves nothing: it is a web page"),
        (Say::Http(200, "\u{0}garbage"), Pending, "its answer proves nothing"),
        (Say::Http(200, ""), Pending, "its answer proves nothing"),
        (Say::Http(200, fault), Pending, "its answer proves nothing: the peer answered with a SOAP fault"),
        (Say::Http(204, ""), Pending, ""),
        (Say::Http(500, fault), Pending, "a SOAP fault"),
        (Say::Http(503, ""), Pending, ""),
        (Say::Http(403, ""), Failed, ""),
        (Say::Http(302, ""), Failed, ""),
        (Say::Hang, Pending, "could not be reached"),
    ] {
        let receipt = world.told(say).await;
        let line = &receipt.steps[0];
        let said = line.attempts[0].detail.as_deref().unwrap_or_default();
        assert!(line.outcome == outcome && said.starts_with(words), "{words:?} became {line:?}");
        assert_eq!(line.attempts.len(), 1);
        assert_eq!(line.next_attempt_at.is_some(), outcome == Pending, "{line:?}");
        let partial = words.contains("Success/PartialLogout");
        if outcome == Confirmed {
            let note = partial.then_some("ended its own session, but not all that hang on it");
            assert_eq!(line.detail.as_deref(), note);
        } else {
            assert!(line.detail.is_some(), "{line:?}");
        }
    }
    let ids: std::collections::BTreeSet<_> =
        world.app.heard.lock().unwrap().iter().map(|request| request.header.id.clone()).collect();
    assert_eq!(ids.len(), world.app.heard.lock().unwrap().len(), "a fresh identifier for each attempt");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_attempt_is_made_anew_until_the_application_is_back() {
    let world = World::new().await;
    *world.app.script.lock().unwrap() = vec![Say::Http(503, ""), signed(Status::success())];
    let (session, _) = world.begin().await;
    let index = world.join(&session, true).await;
    let logout = world.end(&session).await;
    let id = logout.logout.clone();
    let pending = world.deliver(logout).await;
    assert_eq!(pending.steps[0].outcome, Outcome::Pending);
    assert_eq!(world.store.retry_now(&id, SystemClock.now()).await.unwrap(), 1);
    let lease = Lease { node: "node".to_owned(), until: SystemClock.now().plus(LEASE) };
    let steps = world.store.claim_due(SystemClock.now(), lease, 10, &[]).await.unwrap();
    let claimed = acquit_store::logout::LoggedOut { logout: id, steps, ended: Vec::new(), repeated: false };
    let receipt = world.deliver(claimed).await;
    assert_eq!((receipt.steps[0].outcome, receipt.steps[0].attempts.len()), (Outcome::Confirmed, 2));
    let heard = world.app.heard.lock().unwrap();
    let [first, second] = &heard[..] else { panic!("{heard:?}") };
    assert_ne!(first.header.id, second.header.id);
    assert_eq!((&first.name_id, &first.session_indexes), (&second.name_id, &vec![index]));
    assert_eq!((first.name_id.value.as_str(), first.reason.as_deref()), ("ann@example.com", Some(REASON_USER)));
    assert_eq!(first.name_id.format.as_deref(), Some("urn:x"));
    assert!(first.not_on_or_after.unwrap() >= first.header.issue_instant.plus(HOLDS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_index_the_receipt_says_so_and_a_newer_session_is_spared() {
    let world = World::new().await;
    *world.app.script.lock().unwrap() = vec![signed(Status::success())];
    let (session, _) = world.begin().await;
    world.join(&session, false).await;
    let logout = world.end(&session).await;
    let receipt = world.deliver(logout).await;
    assert_eq!(receipt.steps[0].detail.as_deref(), Some(NO_INDEX));

    let (session, _) = world.begin().await;
    let index = world.join(&session, false).await;
    let logout = world.end(&session).await;
    let (newer, _) = world.begin().await;
    world.join(&newer, false).await;
    let receipt = world.deliver(logout).await;
    assert_eq!((receipt.steps[0].outcome, receipt.steps[0].detail.as_deref()), (Outcome::Confirmed, None));
    let heard = world.app.heard.lock().unwrap();
    assert_eq!(heard[0].session_indexes, Vec::<String>::new());
    assert_eq!(heard[1].session_indexes, [index]);
}

/// An answer that came back to a request, over `http` or `https`.
fn heard(uri: &str, own: &Signer, body: String) -> Heard {
    let asked = Asked {
        id: "_request".to_owned(),
        trust: Some(trust(SP, own)),
        connection: soap::TlsEndpoint::new(SP, uri),
        endpoints: vec![SLO.to_owned()],
        note: None,
        at: Timestamp::from_seconds(1000),
    };
    asked.hear(&Incoming { status: StatusCode::OK, headers: HeaderMap::new(), body: body.into(), cut: false })
}

#[test]
fn the_connection_proves_an_unsigned_answer_and_never_a_wrongly_signed_one() {
    let (own, stranger, now) = (signer("sp"), signer("stranger"), Timestamp::from_seconds(1000));
    let done = |heard: &Heard| matches!(heard, Heard::Said(Said::Done { .. }));
    let (https, http) = ("https://sp.test/slo", "http://sp.test/slo");
    let plain = |id| unsigned(id, Status::success(), now);
    assert!(done(&heard(https, &own, plain("_request"))));
    assert!(!done(&heard(http, &own, plain("_request"))));
    assert!(!done(&heard(https, &own, plain("_other"))), "it answers another request");
    assert!(!done(&heard(https, &own, plain("_request").replace(SP, "https://evil.test"))));
    let answer = |issuer| response(issuer, "_request", Status::success(), now);
    assert!(done(&heard(https, &own, soap::encode(&answer(SP), &own).unwrap())));
    assert!(!done(&heard(https, &own, soap::encode(&answer(SP), &stranger).unwrap())));
    let altered = soap::encode(&response(SP, "_request", Status::new(Code::Responder, "RequestDenied"), now), &own);
    let altered = altered.unwrap().replace("status:Responder", "status:Success");
    assert!(!done(&heard(https, &own, altered)));
}

#[test]
fn an_answer_that_was_cut_or_is_too_old_proves_nothing() {
    let own = signer("sp");
    let old = response(SP, "_request", Status::success(), Timestamp::default().minus(Duration::from_secs(3600)));
    let old = soap::encode(&old, &own).unwrap();
    assert!(matches!(heard("https://sp.test/slo", &own, old), Heard::Said(Said::Unproved { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_where_metadata_points_that_ended_since_it_was_planned_and_it_waits_for_better() {
    use std::sync::atomic::Ordering::Relaxed;
    let world = World::new().await;
    *world.app.script.lock().unwrap() = vec![signed(Status::success())];
    let (session, _) = world.begin().await;
    world.join(&session, true).await;
    let logout = world.end(&session).await;
    let id = logout.logout.clone();
    world.registry.expired.store(true, Relaxed);
    let waiting = world.deliver(logout).await;
    assert_eq!(waiting.steps[0].outcome, Outcome::Pending, "{waiting:?}");
    assert!(world.app.heard.lock().unwrap().is_empty());
    world.registry.expired.store(false, Relaxed);
    world.store.retry_now(&id, SystemClock.now()).await.unwrap();
    let lease = Lease { node: "node".to_owned(), until: SystemClock.now().plus(LEASE) };
    let steps = world.store.claim_due(SystemClock.now().plus(LEASE), lease, 10, &[]).await.unwrap();
    let claimed = acquit_store::logout::LoggedOut { logout: id, steps, ended: Vec::new(), repeated: false };
    assert_eq!(world.deliver(claimed).await.steps[0].outcome, Outcome::Confirmed);
}
