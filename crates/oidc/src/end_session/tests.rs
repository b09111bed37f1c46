use acquit_core::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::{client::tests::payroll, jose::JwsError};

const BYE: &str = "https://payroll.example.com/bye";

fn hint() -> Result<Hint, HintError> {
    Ok(Hint {
        client_id: "payroll".into(),
        subject: "alice".into(),
        sid: Some("s1".into()),
        issued_at: Timestamp::from_seconds(0),
        expires_at: Timestamp::from_seconds(1),
        auth_time: None,
    })
}

fn request() -> EndSessionRequest {
    EndSessionRequest {
        id_token_hint: Some("a.b.c".into()),
        post_logout_redirect_uri: Some(BYE.into()),
        state: Some("xyz".into()),
        ..EndSessionRequest::default()
    }
}

fn bare() -> EndSessionRequest {
    EndSessionRequest { state: Some("xyz".into()), ..EndSessionRequest::default() }
}

const ALICE: BrowserSession<'static> = BrowserSession { subject: "alice", sid: Some("s1") };

/// Everything as it should be; each test breaks one thing.
struct World {
    request: EndSessionRequest,
    hint: Option<Result<Hint, HintError>>,
    client: Option<Client>,
    session: Option<BrowserSession<'static>>,
    hint_session_lives: bool,
}

impl World {
    fn new() -> Self {
        Self {
            request: request(),
            hint: Some(hint()),
            client: Some(payroll()),
            session: Some(ALICE),
            hint_session_lives: true,
        }
    }

    fn decide(&self) -> Decision {
        let situation = Situation {
            hint: self.hint.as_ref(),
            client: self.client.as_ref(),
            session: self.session,
            hint_session_lives: self.hint_session_lives,
        };
        decide(&self.request, situation)
    }

    fn mistake(&self) -> &'static str {
        match self.decide() {
            Decision::Error(mistake) => mistake.parameter,
            other => panic!("{other:?}"),
        }
    }

    fn asks(&self) -> (Because, SignOut) {
        match self.decide() {
            Decision::Ask { sign_out, because } => (because, sign_out),
            other => panic!("{other:?}"),
        }
    }

    fn signs_out(&self) -> SignOut {
        match self.decide() {
            Decision::SignOut(sign_out) => sign_out,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_valid_hint_of_this_session_signs_out_and_redirects() {
    let sign_out = World::new().signs_out();
    assert_eq!(sign_out.redirect.unwrap().url(), format!("{BYE}?state=xyz"));
    assert_eq!((sign_out.client_id.as_deref(), sign_out.reach), (Some("payroll"), SingleLogout::Session));
}

#[test]
fn an_expired_hint_that_is_ours_is_good() {
    // RPI-13: the hint of these tests expired in 1970.
    World::new().signs_out();
}

#[test]
fn without_a_redirect_uri_it_signs_out_and_stays() {
    let mut world = World::new();
    world.request.post_logout_redirect_uri = None;
    assert_eq!(world.signs_out().redirect, None);
}

#[test]
fn a_hint_that_is_not_ours_is_an_error_whatever_else_is_right() {
    // RPI-12, RPI-25, RPI-27
    for why in [
        HintError::Jws(JwsError::Signature),
        HintError::Jws(JwsError::Algorithm),
        HintError::NotAnIdToken,
        HintError::Issuer,
        HintError::Audience,
    ] {
        let mut world = World::new();
        world.hint = Some(Err(why));
        world.request.client_id = Some("payroll".into());
        assert_eq!(world.mistake(), "id_token_hint");
        world.session = None;
        assert_eq!(world.mistake(), "id_token_hint");
    }
}

#[test]
fn a_client_id_that_the_hint_contradicts_is_an_error() {
    // RPI-6
    let mut world = World::new();
    world.request.client_id = Some("wiki".into());
    assert_eq!(world.mistake(), "client_id");
    world.request.client_id = Some("payroll".into());
    world.signs_out();
}

#[test]
fn a_hint_of_a_deleted_client_changes_nothing() {
    let mut world = World::new();
    world.client = None;
    assert_eq!(world.mistake(), "id_token_hint");
    world.client = Some(Client { client_id: "wiki".into(), ..payroll() });
    assert_eq!(world.mistake(), "id_token_hint");
}

#[test]
fn a_client_id_that_is_not_known_is_an_error() {
    let mut world = World::new();
    world.hint = None;
    world.client = None;
    world.request.client_id = Some("nobody".into());
    assert_eq!(world.mistake(), "client_id");
}

#[test]
fn a_redirect_uri_that_is_not_registered_as_a_string_is_an_error() {
    // RPI-9, RPI-23
    for uri in [
        "https://payroll.example.com/bye/",
        "https://payroll.example.com/bye?x=1",
        "https://payroll.example.com/callback",
        "https://evil.example/",
        "https://payroll.example.com/bye\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
    ] {
        let mut world = World::new();
        world.request.post_logout_redirect_uri = Some(uri.into());
        assert_eq!(world.mistake(), "post_logout_redirect_uri", "{uri}");
        world.session = None;
        assert_eq!(world.mistake(), "post_logout_redirect_uri", "{uri}");
    }
}

#[test]
fn a_redirect_uri_without_hint_and_client_is_an_error() {
    // RPI-22
    let mut world = World::new();
    (world.hint, world.client) = (None, None);
    assert_eq!(world.mistake(), "post_logout_redirect_uri");
}

#[test]
fn a_client_id_with_its_exact_uri_redirects_after_asking() {
    // RPI-22: our other means
    let mut world = World::new();
    world.hint = None;
    world.request.client_id = Some("payroll".into());
    let (because, sign_out) = world.asks();
    assert_eq!(because, Because::NoHint);
    assert_eq!(sign_out.redirect.unwrap().url(), format!("{BYE}?state=xyz"));
}

#[test]
fn nothing_but_state_still_signs_out_after_asking() {
    let mut world = World::new();
    (world.request, world.hint, world.client) = (bare(), None, None);
    let (because, sign_out) = world.asks();
    assert_eq!((because, sign_out.redirect, sign_out.client_id), (Because::NoHint, None, None));
}

#[test]
fn a_hint_of_another_user_or_session_asks_first() {
    // RPI-14, RPI-16
    let mut world = World::new();
    world.session = Some(BrowserSession { subject: "bob", ..ALICE });
    assert_eq!(world.asks().0, Because::OtherUser);
    for sid in [Some("s2"), None] {
        world.session = Some(BrowserSession { sid, ..ALICE });
        assert_eq!(world.asks().0, Because::OtherSession);
    }
    world.session = Some(ALICE);
    world.hint = Some(hint().map(|hint| Hint { sid: None, ..hint }));
    assert_eq!(world.asks().0, Because::OtherSession);
}

#[test]
fn a_client_may_want_every_logout_confirmed() {
    let mut world = World::new();
    world.client = Some(Client { confirm: Confirm::Always, ..payroll() });
    assert_eq!(world.asks().0, Because::Policy);
}

#[test]
fn never_asking_still_needs_a_valid_hint_of_this_session() {
    let mut world = World::new();
    world.client = Some(Client { confirm: Confirm::Never, ..payroll() });
    world.signs_out();
    world.session = Some(BrowserSession { sid: Some("s2"), ..ALICE });
    world.asks();
    world.hint = None;
    world.request.client_id = Some("payroll".into());
    world.session = Some(ALICE);
    world.asks();
}

#[test]
fn who_is_already_out_is_redirected_without_an_error() {
    // RPI-26
    let mut world = World::new();
    world.session = None;
    world.hint_session_lives = false;
    let Decision::AlreadyOut { redirect, hint_session_lives } = world.decide() else { panic!() };
    assert_eq!((redirect.unwrap().url(), hint_session_lives), (format!("{BYE}?state=xyz"), false));
    (world.request, world.hint, world.client) = (bare(), None, None);
    assert_eq!(world.decide(), Decision::AlreadyOut { redirect: None, hint_session_lives: false });
}

#[test]
fn a_hint_without_its_cookie_ends_nothing() {
    let mut world = World::new();
    world.session = None;
    assert!(matches!(world.decide(), Decision::AlreadyOut { redirect: Some(_), hint_session_lives: true }));
    world.request.post_logout_redirect_uri = None;
    assert_eq!(world.decide(), Decision::OfferSignIn);
    world.hint_session_lives = false;
    assert!(matches!(world.decide(), Decision::AlreadyOut { redirect: None, hint_session_lives: false }));
}

#[test]
fn a_state_that_is_too_short_for_its_client_is_an_error() {
    // Login.gov's rule; a state that is not there is not too short.
    let mut world = World::new();
    world.client = Some(Client { state_min_length: 22, ..payroll() });
    world.request.state = Some("x".repeat(21));
    assert_eq!(world.mistake(), "state");
    world.request.state = Some("x".repeat(22));
    world.signs_out();
    world.request.state = None;
    assert_eq!(world.signs_out().redirect.unwrap().url(), BYE);
}

#[test]
fn only_a_proved_client_reaches_all_of_the_users_sessions() {
    let mut world = World::new();
    world.client = Some(Client { single_logout: SingleLogout::User, ..payroll() });
    assert_eq!(world.signs_out().reach, SingleLogout::User);
    world.session = Some(BrowserSession { subject: "bob", ..ALICE });
    assert_eq!(world.asks().1.reach, SingleLogout::Session);
    (world.session, world.hint) = (Some(ALICE), None);
    world.request.client_id = Some("payroll".into());
    assert_eq!(world.asks().1.reach, SingleLogout::Session);
}

#[test]
fn a_client_that_logs_out_alone_does_so_with_and_without_a_hint() {
    let mut world = World::new();
    world.client = Some(Client { single_logout: SingleLogout::None, ..payroll() });
    assert_eq!(world.signs_out().reach, SingleLogout::None);
    world.hint = None;
    world.request.client_id = Some("payroll".into());
    assert_eq!(world.asks().1.reach, SingleLogout::None);
}

#[test]
fn hints_for_people_are_never_an_error() {
    // RPI-4, RPI-11
    let mut world = World::new();
    world.request.logout_hint = Some("mallory@example.com".into());
    world.request.ui_locales = vec!["tlh".into(), "not a tag".into()];
    world.signs_out();
}

#[test]
fn a_request_is_read_from_its_parameters_and_hides_its_hint() {
    let params = crate::params::Params::parse(
        b"id_token_hint=h.i.n&logout_hint=a&client_id=c&post_logout_redirect_uri=u&state=s&ui_locales=de%20en&x=y",
    );
    let request = EndSessionRequest::parse(&params.unwrap());
    assert_eq!(request.ui_locales, ["de", "en"]);
    assert!(!format!("{request:?}").contains("h.i.n"));
    let sealed = serde_json::to_vec(&request).unwrap();
    assert_eq!(serde_json::from_slice::<EndSessionRequest>(&sealed).unwrap(), request);
}

#[test]
fn a_target_whose_uri_was_taken_away_is_gone() {
    let target = World::new().signs_out().redirect.unwrap();
    assert!(target.clone().still_of(&payroll()).is_some());
    assert!(target.still_of(&Client { post_logout_redirect_uris: vec![], ..payroll() }).is_none());
}

proptest! {
    #[test]
    fn state_comes_back_byte_for_byte(state in "\\PC{1,90}|.{1,90}") {
        let mut world = World::new();
        world.request.state = Some(state.clone());
        let url = world.signs_out().redirect.unwrap().url();
        let pairs: Vec<_> = url::Url::parse(&url).unwrap().query_pairs().into_owned().collect();
        prop_assert_eq!(pairs, vec![("state".to_owned(), state)]);
    }

    #[test]
    fn no_request_redirects_anywhere_but_to_a_registered_uri(
        uri in prop_oneof![Just(BYE.to_owned()), ".{0,40}", Just(format!("{BYE}#"))],
        hint_there: bool, named: bool, known: bool, signed_in: bool,
    ) {
        let mut world = World::new();
        world.request.post_logout_redirect_uri = Some(uri.clone()).filter(|uri| !uri.is_empty());
        if !hint_there { world.hint = None; }
        if named { world.request.client_id = Some("payroll".into()); }
        if !known { world.client = None; }
        if !signed_in { world.session = None; }
        let redirect = match world.decide() {
            Decision::Error(_) | Decision::OfferSignIn => None,
            Decision::Ask { sign_out, .. } | Decision::SignOut(sign_out) => sign_out.redirect,
            Decision::AlreadyOut { redirect, .. } => redirect,
        };
        if let Some(target) = redirect {
            prop_assert_eq!(target.registered_uri(), BYE);
            prop_assert!(known && (hint_there || named));
        }
    }
}
