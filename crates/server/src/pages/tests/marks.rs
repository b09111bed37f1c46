//! The marks that other people's browser tests rely on, each on its page.

use acquit_core::{
    receipt::Receipt,
    step::{Channel, Outcome},
};

use super::{
    account, apps, confirm, consent, error_page, forbidden, form_post, line, now, receipt, receipt_of, sign_in,
    signed_out, signing_out,
};
use crate::pages::{
    Page,
    error::{ErrorPage, Kind},
    receipt::ReceiptPage,
    sign_in::{Problem, SignIn},
    signed_out::{Ending, SignedOut},
    signing_out::{Frame, SigningOut},
};

fn has(html: &str, parts: &[&str]) {
    for part in parts {
        assert!(html.contains(part), "no {part} in\n{html}");
    }
}

#[test]
fn the_sign_in_form_posts_username_password_csrf_and_continue() {
    let html = sign_in("plain").html().unwrap();
    has(&html, &["method=\"post\" action=\"/sign-in\"", "name=\"username\"", "name=\"password\" type=\"password\""]);
    has(&html, &["name=\"csrf\" value=\"plain\"", "name=\"continue\" value=\"plain\"", "data-connection=\"plain\""]);
}

#[test]
fn a_sign_in_that_failed_keeps_the_username_and_says_so_aloud() {
    let page = SignIn { problem: Some(Problem::WrongNameOrPassword), username: "alice".into(), ..sign_in("plain") };
    let html = page.html().unwrap();
    has(&html, &["value=\"alice\"", "role=\"alert\"", "data-problem=\"wrong-name-or-password\""]);
    let page = SignIn { problem: Some(Problem::TooManyTries { again_at: now() }), ..sign_in("plain") };
    has(&page.html().unwrap(), &["data-problem=\"too-many-tries\"", "<time datetime=\"2026-11-21T06:07:36.000Z\""]);
}

#[test]
fn a_plain_sign_in_page_shows_no_trouble_no_choice_and_no_provider() {
    let page = SignIn {
        problem: None,
        notice: None,
        current: None,
        connections: Vec::new(),
        application: None,
        ..sign_in("plain")
    };
    let html = page.html().unwrap();
    for part in ["data-problem", "data-connection", "name=\"account\"", "aria-describedby"] {
        assert!(!html.contains(part), "{part}");
    }
}

#[test]
fn consent_is_allowed_or_denied() {
    let html = consent("plain").html().unwrap();
    has(&html, &["name=\"decision\" value=\"allow\"", "name=\"decision\" value=\"deny\"", "data-scope=\"openid\""]);
}

#[test]
fn a_sign_out_is_confirmed_or_not() {
    let html = confirm("plain").html().unwrap();
    has(&html, &["name=\"decision\" value=\"sign-out\"", "name=\"decision\" value=\"stay\"", "method=\"post\""]);
}

#[test]
fn frames_are_sandboxed_send_no_referrer_and_the_way_on_is_always_there() {
    let frame = |id: &str, url: &str| Frame { id: id.into(), name: "Wiki".into(), url: url.into() };
    let page = SigningOut {
        frames: vec![
            frame("stp_1", "https://wiki.example/bye?iss=i&sid=s"),
            frame("stp_2", "https://chat.example/bye"),
        ],
        continue_to: "https://app.example/bye?state=a\"b".into(),
        ..signing_out("plain")
    };
    let html = page.html().unwrap();
    assert_eq!(html.matches("sandbox=\"allow-scripts allow-same-origin allow-forms\"").count(), 2);
    assert_eq!(html.matches("referrerpolicy=\"no-referrer\"").count(), 2);
    has(
        &html,
        &[
            "data-frame=\"stp_1\"",
            "title=\"Sign-out page of Wiki\"",
            "data-cap-ms=\"4500\"",
            "data-report-to=\"plain\"",
        ],
    );
    has(
        &html,
        &[
            "src=\"https://wiki.example/bye?iss=i&#38;sid=s\"",
            "data-continue href=\"https://app.example/bye?state=a&#34;b\"",
        ],
    );
    has(
        &html,
        &["<noscript><meta http-equiv=\"refresh\" content=\"1;url=https://app.example/bye?state=a&#34;b\"></noscript>"],
    );
    assert!(
        page.csp()
            .contains("; connect-src 'self'; form-action 'self'; frame-src https://chat.example https://wiki.example;")
    );
    // The listener must be there before the first frame: a plain script in the head, neither deferred nor a module.
    let script = html.find("<script src=\"/.acquit/assets/signing-out.").unwrap();
    assert!(script < html.find("<iframe").unwrap() && !html.contains(" defer") && !html.contains("type=\"module\""));
}

#[test]
fn a_page_without_frames_frames_nothing() {
    let page = SigningOut { frames: Vec::new(), ..signing_out("plain") };
    assert!(!page.csp().contains("frame-src"));
    assert!(!page.html().unwrap().contains("<iframe"));
}

#[test]
fn signed_out_names_every_app_that_was_not_reached_and_only_then_calls_it_so() {
    let html = signed_out("Wiki", Ending::SignedOut).html().unwrap();
    has(
        &html,
        &["data-all-out=\"false\"", "class=\"but\"", "data-party=\"Wiki\" data-outcome=\"failed\"", "data-receipt"],
    );
    let page = SignedOut { apps: Vec::new(), ..signed_out("Wiki", Ending::SignedOut) };
    let html = page.html().unwrap();
    has(&html, &["data-all-out=\"true\"", "data-ending=\"signed-out\"", "data-sign-in"]);
    assert!(!html.contains("class=\"but\""));
}

#[test]
fn an_app_that_gives_no_answer_is_no_reason_to_be_glad() {
    let lines = [line("chat", Some(Channel::Frontchannel), Outcome::Sent, "loaded")];
    let apps = crate::pages::outcome::apps(&lines, str::to_owned);
    let html = SignedOut { apps, ..signed_out("Wiki", Ending::SignedOut) }.html().unwrap();
    has(&html, &["data-all-out=\"false\"", "data-outcome=\"sent\""]);
}

#[test]
fn while_the_session_lives_elsewhere_the_page_never_says_signed_out() {
    let page = SignedOut { apps: Vec::new(), at: None, receipt: None, ..signed_out("x", Ending::LivesElsewhere) };
    let html = page.html().unwrap();
    let words = html.replace("data-page=\"signed-out\"", "").to_lowercase();
    assert!(!words.contains("signed out") && !words.contains("signed-out"), "{html}");
    has(&html, &["data-all-out=\"false\"", "data-sign-in"]);
}

#[test]
fn an_error_names_the_parameter_and_still_offers_to_sign_out() {
    let page = ErrorPage { onward: None, ..error_page("state", Kind::BadRequest) };
    let html = page.html().unwrap();
    has(&html, &["data-parameter=\"state\"", "data-reason", "data-sign-out href=\"state\""]);
    assert!(!html.contains("data-continue"), "{html}");
}

#[test]
fn an_error_on_the_way_out_leads_on_and_not_back_to_the_beginning() {
    let html = error_page("state", Kind::BadRequest).html().unwrap();
    has(&html, &["data-parameter=\"state\"", "data-reason", "data-continue href=\"state\""]);
    assert!(!html.contains("data-sign-out"), "{html}");
}

#[test]
fn each_session_can_be_ended_alone_and_all_together() {
    let html = account("ses_1").html().unwrap();
    assert_eq!(html.matches("name=\"session\" value=\"ses_1\"").count(), 2);
    assert_eq!(html.matches("name=\"csrf\" value=\"ses_1\"").count(), 3);
    assert_eq!(html.matches(" data-this-browser").count(), 1);
    has(&html, &["name=\"scope\" value=\"user\"", "action=\"/account/sign-out\""]);
}

#[test]
fn each_step_of_a_receipt_carries_party_channel_and_outcome() {
    let html = receipt("plain").html().unwrap();
    has(&html, &["data-state=\"in_progress\""]);
    for marks in [
        "data-party=\"payroll\" data-channel=\"backchannel\" data-outcome=\"confirmed\"",
        "data-party=\"chat\" data-channel=\"frontchannel\" data-outcome=\"sent\"",
        "data-party=\"wiki\" data-channel=\"backchannel\" data-outcome=\"pending\"",
        "data-party=\"plain\" data-channel=\"backchannel\" data-outcome=\"failed\"",
        "data-party=\"timesheets\" data-channel=\"none\" data-outcome=\"unsupported\"",
    ] {
        assert_eq!(html.matches(marks).count(), 1, "{marks}");
    }
}

#[test]
fn a_receipt_renews_itself_only_while_a_step_is_pending() {
    let page = |outcome| {
        let lines = vec![line("wiki", Some(Channel::Backchannel), outcome, "x")];
        ReceiptPage::of(&receipt_of("x", lines), str::to_owned, |_| None).html().unwrap()
    };
    has(&page(Outcome::Pending), &["http-equiv=\"refresh\"", "data-state=\"in_progress\""]);
    for (outcome, state) in
        [(Outcome::Confirmed, "complete"), (Outcome::Sent, "complete"), (Outcome::Failed, "incomplete")]
    {
        let html = page(outcome);
        assert!(!html.contains("http-equiv=\"refresh\""));
        has(&html, &[&format!("data-state=\"{state}\"")]);
    }
}

#[test]
fn a_receipt_of_a_logout_that_found_nobody_says_so() {
    let mut found = receipt_of("x", Vec::new());
    let html = |receipt: &Receipt| ReceiptPage::of(receipt, str::to_owned, |_| None).html().unwrap();
    has(&html(&found), &["Signed out", "No app took part"]);
    found.sessions.clear();
    let page = html(&found);
    has(&page, &["Nobody was signed in", "No session was live", "data-state=\"complete\""]);
    assert!(!page.contains("Signed out") && !page.contains(">Ended<"), "{page}");
}

#[test]
fn only_a_confirmed_step_is_said_to_have_been_answered() {
    let sentence = |outcome, channel| {
        let lines = vec![line("wiki", channel, outcome, "x")];
        let page = ReceiptPage::of(&receipt_of("x", lines), str::to_owned, |_| None);
        page.steps.first().unwrap().sentence()
    };
    let confirmed = sentence(Outcome::Confirmed, Some(Channel::Backchannel));
    for channel in [None, Some(Channel::Backchannel), Some(Channel::Frontchannel)] {
        for outcome in [Outcome::Sent, Outcome::Pending, Outcome::Failed, Outcome::Unsupported] {
            assert_ne!(sentence(outcome, channel), confirmed);
            assert!(!sentence(outcome, channel).contains("done"));
        }
    }
}

#[test]
fn a_form_post_works_by_button_and_may_end_anywhere() {
    let page = form_post("https://app.example/cb");
    let html = page.html().unwrap();
    has(&html, &["method=\"post\" action=\"https://app.example/cb\"", "type=\"submit\"", "data-form-post"]);
    assert!(!page.csp().contains("form-action"));
}

#[test]
fn who_may_not_open_an_app_sees_as_whom_and_can_sign_out() {
    let html = forbidden("plain").html().unwrap();
    has(&html, &["data-page=\"forbidden\"", "data-sign-out href=\"plain\"", "data-apps href=\"plain\""]);
    has(&apps("plain").html().unwrap(), &["data-page=\"apps\"", "data-route href=\"plain\"", "data-sign-out"]);
}
