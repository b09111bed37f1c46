//! Grants with `offline_access`: they hang on the user and die with the user's logout.

use super::*;

fn offline(n: u8, app: &str, channels: Channels) -> OfflineGrant {
    OfflineGrant { user: user(), participant: participant(n, app, channels) }
}

#[test]
fn an_offline_grant_is_revoked_and_its_application_told_of_the_user_though_its_session_ended_long_ago() {
    let snapshot = Snapshot { sessions: vec![], offline: vec![offline(9, "a", back()), offline(9, "b", front(true))] };
    let plan = plan(&snapshot, &of_user());
    assert!(plan.revoke_offline);
    assert_eq!(lines(&plan), [("a", BACK, Pending), ("b", None, Unsupported)]);
    assert!(plan.steps[0].target.names_subject_alone());
    assert!(plan.steps.iter().all(|step| step.session.is_none()));
}

#[test]
fn an_application_told_by_its_session_or_by_another_grant_is_not_told_again_of_the_user() {
    let snapshot = Snapshot {
        sessions: vec![share(1, vec![("a", back())])],
        offline: vec![offline(8, "a", back()), offline(9, "b", back()), offline(10, "b", back())],
    };
    assert_eq!(lines(&plan(&snapshot, &of_user())), [("a", BACK, Pending), ("b", BACK, Pending)]);
}

#[test]
fn an_offline_grant_of_the_application_that_asked_is_revoked_without_a_line_if_it_has_no_channel() {
    let snapshot = Snapshot { sessions: vec![], offline: vec![offline(9, "a", silent())] };
    let by_a = plan(&snapshot, &asked_by("a", of_user()));
    assert_eq!(lines(&by_a), []);
    assert!(by_a.revoke_offline && !by_a.is_empty(), "a store that skips empty plans must not skip this one");
    let with_channel = Snapshot { offline: vec![offline(8, "b", back()), offline(9, "a", back())], ..snapshot };
    let steps = plan(&with_channel, &asked_by("a", of_user())).steps;
    assert_eq!((steps[0].party.as_str(), steps[0].first, steps[1].first), ("a", true, false));
}

#[test]
fn whom_to_tell_holds_for_offline_grants_too() {
    let snapshot =
        Snapshot { sessions: vec![], offline: vec![offline(9, "a", Channels { tell_on_expiry: false, ..back() })] };
    for (tell, detail) in [(Tell::NobodyElse, "not asked"), (Tell::Expiry, "not to be told of expiry")] {
        let plan = plan(&snapshot, &Request { tell, ..of_user() });
        assert_eq!(lines(&plan), [("a", None, Unsupported)]);
        assert_eq!(plan.steps[0].detail.as_deref(), Some(detail));
    }
}

#[test]
fn a_newer_sign_in_is_spared_by_naming_the_session_that_ended() {
    let snapshot = Snapshot { sessions: vec![], offline: vec![offline(9, "a", back())] };
    let target = &plan(&snapshot, &of_user()).steps[0].target;
    let named = target.naming_the_ended().unwrap();
    assert!(!named.names_subject_alone());
    assert!(matches!(&named, Target::Backchannel { sid: Some(sid), .. } if sid == "sid-9-a"));
    assert_eq!(named.naming_the_ended(), Some(named.clone()), "what names a session already stays as it is");
}

#[test]
fn a_subject_alone_that_nothing_narrows_cannot_be_sent_past_a_newer_sign_in() {
    let stored = r#"{"kind":"backchannel","uri":"u","client_id":"c","alg":"ES256","subject":"s","sid":null}"#;
    let target: Target = serde_json::from_str(stored).unwrap();
    assert_eq!(target.naming_the_ended(), None);
}
