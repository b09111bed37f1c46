//! Signing in (Profiles section 4.1): the AuthnRequest goes by Redirect, the Response comes by POST.
//!
//! Browsers send no cookie with a form that another site posts, so the Response is judged at once, and its session waits for
//! the browser that asked: that one comes for it by a GET, with the cookie from the beginning. What an attacker's browser
//! asked for, another's never gets.

use std::time::Duration;

use acquit_core::Timestamp;
use acquit_saml::{
    binding::{post, redirect},
    message::{AcceptedAssertion, Answer, AuthnRequest, Expect, Header, Kind, Message, ResponseRules},
};
use acquit_server::{form, random, respond};
use axum::{
    extract::{Request, State},
    http::HeaderMap,
    response::Response,
};

use super::{Saml, identity::DISPLAY_NAME, new_id};
use crate::demo::app::{
    error::AppError,
    sessions::{Proof, Session},
};

/// How long a person may take to sign in.
const ASKED_LIFE: Duration = Duration::from_secs(15 * 60);
/// How long a session waits for its browser, which is on its way.
const ENTERED_LIFE: Duration = Duration::from_secs(60);

/// `GET /sign-in`: sends the browser to the identity provider.
pub(super) async fn begin(State(app): State<Saml>) -> Result<Response, AppError> {
    let (id, browser, now) = (new_id()?, random::secret()?, app.now());
    let request = AuthnRequest::new(Header::new(&id, now, &app.own.entity_id, &app.sso), &app.own.acs);
    let url = redirect::encode(&request, &app.sso, None, Some(&app.own.signer))?;
    app.memory().saml.asked.insert(id.as_str().to_owned(), browser.clone(), now, ASKED_LIFE);
    Ok(respond::with_cookie(respond::see_other(&url), app.cookie("sign-in", &browser)))
}

/// `POST /saml/acs`: the Response.
pub(super) async fn take(State(app): State<Saml>, request: Request) -> Result<Response, AppError> {
    let body = form::read_form(request).await.map_err(|error| AppError::Answer(error.to_string()))?;
    let now = app.now();
    let (browser, assertion) = judge(&app, &body, now)?;
    let index = assertion.authn.session_index;
    let name = assertion.attributes.into_iter().find(|attribute| attribute.name == DISPLAY_NAME);
    let session = Session {
        subject: assertion.name_id.value.clone(),
        name: name.and_then(|name| name.values.into_iter().next()).unwrap_or_else(|| assertion.name_id.value.clone()),
        // Without an index nobody could end this session and leave the person's others alone.
        sid: Some(index.ok_or(acquit_saml::Error::Missing("SessionIndex"))?),
        proof: Proof::NameId(assertion.name_id),
        since: now,
        ended: None,
        told: false,
    };
    app.memory().saml.entered.insert(browser, session, now, ENTERED_LIFE);
    Ok(respond::see_other("/saml/enter"))
}

/// The assertion, if it is from our identity provider, for us, now, in answer to our request, for the first time; and the
/// browser that asked.
fn judge(app: &Saml, body: &[u8], now: Timestamp) -> Result<(String, AcceptedAssertion), AppError> {
    let fields: Vec<(String, String)> = url::form_urlencoded::parse(body).into_owned().collect();
    let arrived = post::decode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())))?;
    let message = Message::open(&arrived, &[Kind::Response])?;
    // One that nobody asked for is not taken: it would let anybody sign a browser in as somebody else.
    let asked = message.in_response_to().ok_or(AppError::Begin)?;
    let browser = app.memory().saml.asked.take(asked, now).ok_or(AppError::Begin)?;
    let here = [app.own.acs.as_str()];
    let expect = Expect::new(&here, now);
    let rules = ResponseRules { audience: &app.own.entity_id, request: Some(asked), keys: &[] };
    let assertion = match Answer::receive(&message, &app.trust, &expect, &rules)? {
        Answer::Assertion(assertion) => *assertion,
        Answer::Refused(status) => return Err(AppError::Answer(format!("the identity provider says {status}"))),
    };
    let life = assertion.not_on_or_after.since(now) + expect.skew * 2;
    if !app.memory().seen.insert(assertion.id.clone(), (), now, life) {
        return Err(AppError::Answer("this assertion came before".to_owned()));
    }
    Ok((browser, assertion))
}

/// `GET /saml/enter`: the browser comes for its session.
pub(super) async fn enter(State(app): State<Saml>, headers: HeaderMap) -> Result<Response, AppError> {
    let now = app.now();
    let browser = app.read_cookie(&headers, "sign-in").ok_or(AppError::Begin)?;
    let mut memory = app.memory();
    let session = memory.saml.entered.take(&browser, now).ok_or(AppError::Begin)?;
    if session.sid.as_ref().is_some_and(|index| memory.saml.over.holds(index, now)) {
        return Err(AppError::Answer("a sign-out overtook this sign-in".to_owned()));
    }
    app.enter(memory, &headers, session)
}
