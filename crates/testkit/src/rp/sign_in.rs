//! The application's half of a sign-in: the code flow with PKCE, `state` and `nonce`.

use aws_lc_rs::{digest, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderValue, Response, StatusCode, header};
use hyper::body::Bytes;
use serde_json::Value;

use super::{
    RpSession, Shared,
    app::{Asked, html},
    lock, token,
};
use crate::wire;

/// A sign-in under way.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    nonce: String,
    verifier: String,
    browser: String,
}

pub(crate) fn random() -> String {
    let mut bytes = [0u8; 24];
    rand::fill(&mut bytes).unwrap();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// `S256` of a verifier.
pub(crate) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

/// `GET /login`: sends the browser to the issuer. What is in the query is added to the request, or replaces a part of it.
pub(super) async fn begin(shared: &Shared, asked: &Asked) -> Response<Bytes> {
    let Some(issuer) = shared.issuer.get() else { return failed("this application trusts nobody yet") };
    let endpoint = match issuer.metadata("authorization_endpoint").await {
        Ok(endpoint) => endpoint,
        Err(error) => return failed(&error),
    };
    let (state, pending) = (random(), Pending { nonce: random(), verifier: random() + &random(), browser: random() });
    let mut parameters: Vec<(String, String)> = [
        ("response_type", "code"),
        ("client_id", &shared.registration.id),
        ("redirect_uri", &format!("{}/callback", shared.origin)),
        ("scope", &shared.registration.scope),
        ("state", &state),
        ("nonce", &pending.nonce),
        ("code_challenge", &challenge(&pending.verifier)),
        ("code_challenge_method", "S256"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    for (name, value) in form_urlencoded::parse(asked.query.as_bytes()).into_owned() {
        parameters.retain(|(old, _)| *old != name);
        parameters.push((name, value));
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let browser = pending.browser.clone();
    lock(&shared.pending).insert(state, pending);
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::FOUND;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, HeaderValue::from_str(&format!("{endpoint}?{query}")).unwrap());
    headers.append(header::SET_COOKIE, shared.set_cookie("-begin", &browser));
    response
}

/// `/callback`: takes the code, fetches the tokens, checks them, begins a session.
pub(super) async fn callback(shared: &Shared, asked: &Asked) -> Response<Bytes> {
    match finish(shared, asked).await {
        Ok(cookie) => {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::SEE_OTHER;
            response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/"));
            response.headers_mut().append(header::SET_COOKIE, shared.set_cookie("", &cookie));
            response
        }
        Err(error) => failed(&error),
    }
}

async fn finish(shared: &Shared, asked: &Asked) -> Result<String, String> {
    let issuer = shared.issuer.get().ok_or("this application trusts nobody yet")?;
    let parameter = |name: &str| {
        let posted = form_urlencoded::parse(asked.body.as_bytes()).find(|(key, _)| key == name);
        posted.map(|(_, value)| value.into_owned()).or_else(|| asked.parameter(name))
    };
    let state = parameter("state").ok_or("no state")?;
    let pending = lock(&shared.pending).remove(&state).ok_or("a state of nobody")?;
    // A form_post answer is a cross-site POST: the cookie that began stays away unless it may go along.
    if asked.method != http::Method::POST && asked.cookie(&shared.cookie("-begin")).as_ref() != Some(&pending.browser) {
        return Err("begun in another browser".to_owned());
    }
    if parameter("iss").as_deref() != Some(issuer.url()) {
        return Err(format!("iss is {:?} (RFC 9207)", parameter("iss")));
    }
    if let Some(error) = parameter("error") {
        return Err(format!("{error}: {}", parameter("error_description").unwrap_or_default()));
    }
    let code = parameter("code").ok_or("no code")?;
    let redirect_uri = format!("{}/callback", shared.origin);
    let (status, tokens) = shared
        .token(&[
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", &pending.verifier),
        ])
        .await;
    let text = |name: &str| tokens[name].as_str().map(str::to_owned);
    let id_token = text("id_token").ok_or_else(|| format!("{status} {tokens}"))?;
    let registration = &shared.registration;
    let claims = token::id_token(&id_token, issuer, &registration.id, &registration.alg, &pending.nonce).await?;
    let claim = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let session = RpSession {
        sub: claim("sub").unwrap_or_default(),
        sid: claim("sid"),
        access_token: text("access_token").ok_or("no access_token")?,
        refresh_token: text("refresh_token"),
        id_token,
        code,
        verifier: pending.verifier,
        live: true,
    };
    let cookie = random();
    lock(&shared.sessions).insert(cookie.clone(), session);
    Ok(cookie)
}

fn failed(why: &str) -> Response<Bytes> {
    html(StatusCode::BAD_REQUEST, "sign-in-failed", "none", why)
}

impl Shared {
    pub(super) fn cookie_name(&self) -> String {
        self.cookie("")
    }

    fn cookie(&self, suffix: &str) -> String {
        format!("rp-{}{suffix}", self.registration.id)
    }

    fn set_cookie(&self, suffix: &str, value: &str) -> HeaderValue {
        let site = if self.registration.cookie_in_frames { "SameSite=None; Secure" } else { "SameSite=Lax" };
        HeaderValue::from_str(&format!("{}={value}; Path=/; HttpOnly; {site}", self.cookie(suffix))).unwrap()
    }

    /// The token endpoint with this client's authentication, and what it answers.
    pub(super) async fn token(&self, form: &[(&str, &str)]) -> (u16, Value) {
        let issuer = self.issuer.get().expect("an issuer");
        let endpoint = issuer.metadata("token_endpoint").await.unwrap();
        let mut form = form.to_vec();
        let mut headers = Vec::new();
        let basic;
        match &self.registration.secret {
            Some(secret) => {
                let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let pair = format!("{}:{}", encoded(&self.registration.id), encoded(secret));
                basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
                headers.push(("authorization", basic.as_str()));
            }
            None => form.push(("client_id", &self.registration.id)),
        }
        match wire::post_form(&endpoint, &form, &headers).await {
            Ok(response) => (response.status().as_u16(), wire::json(&response).unwrap_or_default()),
            Err(error) => (0, Value::String(error.to_string())),
        }
    }
}
