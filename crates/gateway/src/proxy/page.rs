//! What the data path answers by itself: a status and a line of text.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::{hygiene::Refusal, live::Cut};

/// Why there is no answer of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Refused(Refusal),
    /// No route has this host.
    NoHost,
    /// No route of this host has this path.
    NoRoute,
    /// Another proxy takes the traffic of this route.
    NotProxied,
    /// This node cannot learn whether the session lives.
    Unsure,
    /// The session ended meanwhile.
    SignedOut,
    /// The rules, or the person, changed meanwhile.
    NotAllowed,
    /// The person changed meanwhile, and only a sign-in can tell what they may now.
    SignIn,
    /// The app takes no connection.
    Unreachable,
    /// The app answered nothing that can be passed on.
    BadAnswer,
    /// The app did not begin its answer in time.
    TooLate,
    /// The browser did not send its request in time.
    SlowRequest,
}

impl From<Refusal> for Page {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Cut> for Page {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::SignedOut => Self::SignedOut,
            Cut::NotAllowed => Self::NotAllowed,
            Cut::SignIn => Self::SignIn,
            Cut::Unsure => Self::Unsure,
        }
    }
}

impl Page {
    fn status(self) -> StatusCode {
        match self {
            Self::Refused(Refusal::Method) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Refused(Refusal::Coding) => StatusCode::NOT_IMPLEMENTED,
            Self::Refused(_) => StatusCode::BAD_REQUEST,
            Self::NoHost => StatusCode::MISDIRECTED_REQUEST,
            Self::NoRoute | Self::NotProxied => StatusCode::NOT_FOUND,
            Self::Unsure => StatusCode::SERVICE_UNAVAILABLE,
            Self::SignedOut | Self::SignIn => StatusCode::UNAUTHORIZED,
            Self::NotAllowed => StatusCode::FORBIDDEN,
            Self::Unreachable | Self::BadAnswer => StatusCode::BAD_GATEWAY,
            Self::TooLate => StatusCode::GATEWAY_TIMEOUT,
            Self::SlowRequest => StatusCode::REQUEST_TIMEOUT,
        }
    }

    fn text(self) -> String {
        let text = match self {
            Self::Refused(refusal) => return format!("{refusal}\n"),
            Self::NoHost => "nothing is served here under this name",
            Self::NoRoute => "no app is served at this path",
            Self::NotProxied => "another proxy serves this app",
            Self::Unsure => "it cannot be said right now whether you are signed in; please try again",
            Self::SignedOut => "you were signed out",
            Self::NotAllowed => "you are no longer allowed here",
            Self::SignIn => "please sign in again",
            Self::Unreachable => "the app cannot be reached",
            Self::BadAnswer => "the app's answer cannot be passed on",
            Self::TooLate => "the app does not answer",
            Self::SlowRequest => "the request took too long to arrive",
        };
        format!("{text}\n")
    }

    /// The answer.
    pub(super) fn answer(self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::from(self.text()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // As Pomerium marks what the app did not say.
        headers.insert("x-pomerium-intercepted-response", HeaderValue::from_static("true"));
        if matches!(self, Self::Unsure) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if matches!(self, Self::Refused(Refusal::Method)) {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
        }
        response
    }
}
