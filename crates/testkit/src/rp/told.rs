//! The application's doors for being told: `/backchannel` and `/frontchannel`.

use std::{
    collections::HashMap,
    pin::Pin,
    task::{Context, Poll},
};

use acquit_core::Timestamp;
use acquit_oidc::jose::{Algorithm, Jwks, LogoutSubject, LogoutTokenRules, verify_logout_token};
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::{
    Answer, Issuer, Received, Registration, RpSession, Shared,
    app::{Asked, html},
    ledger::Way,
    lock,
    token::{self, LogoutToken},
};

/// A body: all of it, or one that never ends.
pub(super) enum Reply {
    Whole(Full<Bytes>),
    Endless,
}

impl Body for Reply {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::convert::Infallible>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body).poll_frame(context),
            Self::Endless => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 1024]))))),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Endless => SizeHint::default(),
        }
    }
}

/// `POST /backchannel`: OpenID Connect Back-Channel Logout 1.0 sections 2.5 to 2.8.
pub(super) async fn backchannel(shared: &Shared, asked: &Asked) -> Response<Reply> {
    let mut entry = asked.received(Way::Back);
    let checked = check(shared, asked).await;
    entry.token = Some(checked.clone());
    let script = shared.back_answers.take();
    match &script {
        Answer::Honour | Answer::HonourSilently | Answer::HonourAfter(_) => {
            if let Answer::HonourAfter(delay) = &script {
                tokio::time::sleep(*delay).await;
            }
            let status = match &checked {
                Ok(token) => {
                    entry.ended = shared.end(|session| names(token, session));
                    if script == Answer::HonourSilently { StatusCode::NO_CONTENT } else { StatusCode::OK }
                }
                Err(_) => StatusCode::BAD_REQUEST,
            };
            reply(shared, entry, status, "")
        }
        other => scripted(shared, entry, other).await,
    }
}

/// Whether a logout token means this session (BC-8).
fn names(token: &LogoutToken, session: &RpSession) -> bool {
    match &token.sid {
        Some(sid) => session.sid.as_ref() == Some(sid),
        None => token.sub.as_ref() == Some(&session.sub),
    }
}

async fn check(shared: &Shared, asked: &Asked) -> Result<LogoutToken, String> {
    let issuer = shared.issuer.get().ok_or("this application trusts nobody yet")?;
    if asked.method != http::Method::POST || !asked.query.is_empty() {
        return Err(format!("{} with the query {:?} (BC-15)", asked.method, asked.query));
    }
    let kind = asked.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind != "application/x-www-form-urlencoded" {
        return Err(format!("of type {kind:?} (BC-15)"));
    }
    let form: HashMap<String, String> = form_urlencoded::parse(asked.body.as_bytes()).into_owned().collect();
    let text = form.get("logout_token").ok_or("no logout_token (BC-15)")?;
    let registration = &shared.registration;
    let token = token::logout_token(text, issuer, &registration.id, &registration.alg).await?;
    by_our_own_rules(text, &token, issuer, registration)?;
    if !lock(&shared.jtis).insert(token.jti.clone()) {
        return Err(format!("the jti {} came before (BC-27)", token.jti));
    }
    Ok(token)
}

/// Acquit receives logout tokens too: what it sends must pass its own receiver, which must read the same out of it.
fn by_our_own_rules(
    text: &str,
    token: &LogoutToken,
    issuer: &Issuer,
    registration: &Registration,
) -> Result<(), String> {
    let keys = Jwks::parse(&issuer.key_document()).map_err(|error| error.to_string())?;
    let alg = Algorithm::ALL.into_iter().find(|alg| alg.as_str() == registration.alg).ok_or("an unknown algorithm")?;
    let rules = LogoutTokenRules { issuer: issuer.url(), client_id: &registration.id, alg, require_typ: true };
    let now = Timestamp::from_seconds(issuer.now());
    let read = verify_logout_token(&keys, rules, text, now).map_err(|error| format!("our own receiver: {error}"))?;
    let (sub, sid) = match read.subject {
        LogoutSubject::Session { sub, sid } => (sub, Some(sid)),
        LogoutSubject::User { sub } => (Some(sub), None),
    };
    if sub == token.sub && sid == token.sid && read.jti == token.jti {
        Ok(())
    } else {
        Err("our own receiver reads something else".to_owned())
    }
}

/// `GET /logout`: the application's own sign-out. Ends this browser's session here and sends the browser on to the issuer's
/// end-session endpoint, with the session's ID token and the `state` of the query.
pub(super) fn sign_out(shared: &Shared, asked: &Asked) -> Response<Bytes> {
    let own = asked.cookie(&shared.cookie_name());
    let hint = own.as_ref().and_then(|own| lock(&shared.sessions).get(own).map(|session| session.id_token.clone()));
    let Some(hint) = hint else { return html(StatusCode::BAD_REQUEST, "nobody", "none", "Nobody is signed in.") };
    shared.end_by_cookie(own.as_deref(), |_| true);
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::FOUND;
    let to = shared.end_session_url(&hint, asked.parameter("state").as_deref());
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_str(&to).unwrap());
    response
}

/// `GET /frontchannel`: OpenID Connect Front-Channel Logout 1.0 section 2.
pub(super) async fn frontchannel(shared: &Shared, asked: &Asked) -> Response<Reply> {
    let mut entry = asked.received(Way::Front);
    match shared.front_answers.take() {
        script @ (Answer::Honour | Answer::HonourSilently | Answer::HonourAfter(_)) => {
            if let Answer::HonourAfter(delay) = script {
                tokio::time::sleep(delay).await;
            }
            let own = asked.cookie(&shared.cookie_name());
            let issuer = shared.issuer.get().map(|issuer| issuer.url().to_owned());
            let (iss, sid) = (asked.parameter("iss"), asked.parameter("sid"));
            let named = iss.is_some() || sid.is_some();
            // The cookie says whose session; iss and sid, when they came, must fit it (FC-6).
            entry.ended = if !named && shared.registration.ends_all_unnamed {
                shared.end_all_of(own.as_deref())
            } else {
                shared.end_by_cookie(own.as_deref(), |session| !named || iss == issuer && sid == session.sid)
            };
            shared.ledger.write(Received { status: Some(200), ..entry });
            html(StatusCode::OK, "frontchannel", "none", "Out.").map(|body| Reply::Whole(Full::new(body)))
        }
        other => scripted(shared, entry, &other).await,
    }
}

async fn scripted(shared: &Shared, entry: Received, answer: &Answer) -> Response<Reply> {
    match answer {
        Answer::Error(status, error, description) => {
            let body = serde_json::json!({ "error": error, "error_description": description }).to_string();
            let mut response = reply(shared, entry, StatusCode::from_u16(*status).unwrap(), &body);
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Answer::RetryAfter(status, seconds) => {
            let mut response = reply(shared, entry, StatusCode::from_u16(*status).unwrap(), "");
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            response
        }
        Answer::Redirect(target) => {
            let mut response = reply(shared, entry, StatusCode::FOUND, "");
            response.headers_mut().insert(header::LOCATION, HeaderValue::from_str(target).unwrap());
            response
        }
        Answer::Hang => {
            shared.ledger.write(entry);
            std::future::pending().await
        }
        Answer::Endless => {
            shared.ledger.write(Received { status: Some(200), ..entry });
            Response::new(Reply::Endless)
        }
        Answer::Status(status) => reply(shared, entry, StatusCode::from_u16(*status).unwrap(), ""),
        Answer::Honour | Answer::HonourSilently | Answer::HonourAfter(_) => reply(shared, entry, StatusCode::OK, ""),
    }
}

fn reply(shared: &Shared, entry: Received, status: StatusCode, body: &str) -> Response<Reply> {
    shared.ledger.write(Received { status: Some(status.as_u16()), ..entry });
    let mut response = Response::new(Reply::Whole(Full::new(Bytes::copy_from_slice(body.as_bytes()))));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Shared {
    /// Ends the live sessions that fit, and says how many.
    fn end(&self, fits: impl Fn(&RpSession) -> bool) -> usize {
        let mut sessions = lock(&self.sessions);
        let hit = sessions.values_mut().filter(|session| session.live && fits(session));
        hit.map(|session| session.live = false).count()
    }

    /// Ends every session of the person whom this cookie is a session of.
    fn end_all_of(&self, cookie: Option<&str>) -> usize {
        let sub = cookie.and_then(|cookie| lock(&self.sessions).get(cookie).map(|session| session.sub.clone()));
        self.end(|session| Some(&session.sub) == sub.as_ref())
    }

    fn end_by_cookie(&self, cookie: Option<&str>, fits: impl Fn(&RpSession) -> bool) -> usize {
        let mut sessions = lock(&self.sessions);
        let own = cookie.and_then(|cookie| sessions.get_mut(cookie)).filter(|session| session.live && fits(session));
        own.map(|session| session.live = false).into_iter().count()
    }
}
