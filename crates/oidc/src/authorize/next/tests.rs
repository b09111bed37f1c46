use super::*;
use crate::{
    authorize::{Prompt, ReturnPath},
    claims::ClaimsRequest,
    client::tests::payroll,
    response::ResponseMode,
    scope::Scopes,
};

const BEGUN: Timestamp = Timestamp::from_seconds(1000);
const NOW: Timestamp = Timestamp::from_seconds(1010);
/// Signed in long ago.
const ALICE: Present<'static> =
    Present { subject: "alice", authenticated_at: Timestamp::from_seconds(500), acr: None, consented: false };
/// Signed in for this request.
const FRESH: Present<'static> = Present { authenticated_at: Timestamp::from_seconds(1005), ..ALICE };
const START: Progress = Progress { begun_at: BEGUN, account_selected: false, consent_given: false };

fn request(prompt: &str) -> AuthorizeRequest {
    AuthorizeRequest {
        client_id: "payroll".into(),
        return_path: ReturnPath { redirect_uri: String::new(), mode: ResponseMode::Query, state: None },
        scopes: Scopes::parse("openid"),
        nonce: None,
        prompt: Prompt::parse(&prompt.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>()).unwrap(),
        max_age: None,
        login_hint: None,
        id_token_hint: None,
        ui_locales: vec![],
        claims: ClaimsRequest::default(),
        acr_values: vec![],
        code_challenge: None,
        connection: None,
        organization: None,
        domain_hint: None,
    }
}

fn decide(request: &AuthorizeRequest, session: Option<Present<'_>>) -> Next {
    next(request, &payroll(), session, None, START, &["urn:acquit:pwd"], NOW)
}

fn hint_of(subject: &str) -> Hint {
    Hint {
        client_id: "payroll".into(),
        subject: subject.into(),
        sid: None,
        issued_at: BEGUN,
        expires_at: BEGUN,
        auth_time: None,
    }
}

const REPROMPT: Next = Next::Login { reprompt: true };

#[test]
fn who_is_signed_in_gets_a_code_and_who_is_not_signs_in() {
    assert_eq!(decide(&request(""), Some(ALICE)), Next::Issue);
    assert_eq!(decide(&request(""), None), Next::Login { reprompt: false });
    assert_eq!(decide(&request("none"), Some(ALICE)), Next::Issue);
    assert_eq!(decide(&request("none"), None), Next::Error(ErrorCode::LoginRequired));
}

#[test]
fn prompt_login_is_satisfied_by_a_sign_in_after_the_request() {
    assert_eq!(decide(&request("login"), Some(ALICE)), REPROMPT);
    assert_eq!(decide(&request("login"), Some(FRESH)), Next::Issue);
}

#[test]
fn a_sign_in_that_is_too_old_is_repeated() {
    let aged = |max_age, prompt| AuthorizeRequest { max_age: Some(max_age), ..request(prompt) };
    assert_eq!(decide(&aged(510, ""), Some(ALICE)), Next::Issue);
    assert_eq!(decide(&aged(509, ""), Some(ALICE)), REPROMPT);
    assert_eq!(decide(&aged(509, "none"), Some(ALICE)), Next::Error(ErrorCode::LoginRequired));
    // However little was allowed, who has just signed in is not asked for ever.
    assert_eq!(decide(&aged(0, ""), Some(ALICE)), REPROMPT);
    assert_eq!(decide(&aged(0, ""), Some(FRESH)), Next::Issue);
}

#[test]
fn a_clock_that_jumps_back_makes_no_old_sign_in_a_new_one() {
    let request = AuthorizeRequest { max_age: Some(0), ..request("") };
    let jumped = next(&request, &payroll(), Some(ALICE), None, START, &[], Timestamp::from_seconds(400));
    assert_eq!(jumped, REPROMPT);
}

#[test]
fn a_hint_of_another_user_wants_that_user() {
    let ask =
        |prompt, session| next(&request(prompt), &payroll(), Some(session), Some(&hint_of("bob")), START, &[], NOW);
    assert_eq!(ask("none", ALICE), Next::Error(ErrorCode::LoginRequired));
    assert_eq!(ask("", ALICE), REPROMPT);
    assert_eq!(ask("", FRESH), Next::Error(ErrorCode::LoginRequired));
    assert_eq!(ask("", Present { subject: "bob", ..ALICE }), Next::Issue);
}

#[test]
fn a_subject_in_the_claims_parameter_wants_that_user() {
    let claims = ClaimsRequest::parse(Some(r#"{"id_token":{"sub":{"value":"bob"}}}"#)).unwrap();
    let request = AuthorizeRequest { claims, ..request("none") };
    assert_eq!(decide(&request, Some(ALICE)), Next::Error(ErrorCode::LoginRequired));
}

#[test]
fn consent_is_asked_by_policy_once_and_by_prompt_every_time() {
    let asking = Client { consent: true, ..payroll() };
    let ask = |prompt, consented, given| {
        let progress = Progress { consent_given: given, ..START };
        next(&request(prompt), &asking, Some(Present { consented, ..ALICE }), None, progress, &[], NOW)
    };
    assert_eq!(ask("", false, false), Next::Consent);
    assert_eq!(ask("none", false, false), Next::Error(ErrorCode::ConsentRequired));
    assert_eq!(ask("none", true, false), Next::Issue);
    assert_eq!(ask("consent", true, false), Next::Consent);
    assert_eq!(ask("consent", true, true), Next::Issue);
    assert_eq!(decide(&request("consent"), Some(ALICE)), Next::Consent);
}

#[test]
fn an_account_is_chosen_when_that_is_asked_for() {
    assert_eq!(decide(&request("select_account"), Some(ALICE)), Next::SelectAccount);
    assert_eq!(decide(&request("select_account"), Some(FRESH)), Next::Issue);
    let chosen = Progress { account_selected: true, ..START };
    assert_eq!(next(&request("select_account"), &payroll(), Some(ALICE), None, chosen, &[], NOW), Next::Issue);
}

#[test]
fn several_prompts_are_gone_through_one_by_one() {
    let request = request("login select_account consent");
    assert_eq!(decide(&request, Some(ALICE)), REPROMPT);
    assert_eq!(decide(&request, Some(FRESH)), Next::Consent);
    let agreed = Progress { consent_given: true, ..START };
    assert_eq!(next(&request, &payroll(), Some(FRESH), None, agreed, &[], NOW), Next::Issue);
}

#[test]
fn an_essential_acr_is_reached_or_refused() {
    let with = |acr: &str| {
        let text = format!(r#"{{"id_token":{{"acr":{{"essential":true,"value":"{acr}"}}}}}}"#);
        AuthorizeRequest { claims: ClaimsRequest::parse(Some(&text)).unwrap(), ..request("") }
    };
    let unmet = Next::Error(ErrorCode::UnmetAuthenticationRequirements);
    assert_eq!(decide(&with("gold"), Some(ALICE)), unmet);
    assert_eq!(decide(&with("gold"), None), unmet);
    assert_eq!(decide(&with("urn:acquit:pwd"), Some(ALICE)), REPROMPT);
    assert_eq!(decide(&with("urn:acquit:pwd"), Some(FRESH)), unmet);
    assert_eq!(decide(&with("urn:acquit:pwd"), Some(Present { acr: Some("urn:acquit:pwd"), ..ALICE })), Next::Issue);
}

#[test]
fn a_silent_request_never_shows_a_page() {
    for session in [None, Some(ALICE), Some(FRESH)] {
        for consent in [false, true] {
            for max_age in [None, Some(0), Some(9999)] {
                for hint in [None, Some(hint_of("bob"))] {
                    let request = AuthorizeRequest { max_age, ..request("none") };
                    let client = Client { consent, ..payroll() };
                    let next = next(&request, &client, session, hint.as_ref(), START, &[], NOW);
                    assert!(matches!(next, Next::Issue | Next::Error(_)), "{next:?}");
                }
            }
        }
    }
}
