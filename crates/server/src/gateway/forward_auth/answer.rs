//! What each proxy makes of an answer, and so what it is given.

use acquit_gateway::{
    forward_auth::{Misconfigured, Refused},
    hygiene::{Refusal, cookies},
};
use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::gateway::assertion;

/// Which headers Envoy takes out of the request.
const REMOVE: HeaderName = HeaderName::from_static("x-envoy-auth-headers-to-remove");

/// What becomes of a request.
pub(super) enum Answer {
    /// It may pass, with these headers in place of what came under their names.
    Pass(HeaderMap),
    /// The browser gets this.
    Other(Response),
}

impl Answer {
    /// It may pass: `identity` says who it is, and of its cookies those go along that are not ours.
    pub(super) fn pass(asked: &HeaderMap, mut identity: HeaderMap) -> Self {
        if let Some(cookie) = cookies::kept(asked) {
            identity.insert(header::COOKIE, cookie);
        }
        Self::Pass(identity)
    }

    /// Nobody can say now; it may be tried again.
    pub(super) fn unsure() -> Self {
        let words = "it cannot be said right now whether you are signed in; please try again\n";
        Self::Other((StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], words).into_response())
    }

    /// The request says what only Acquit may say.
    pub(super) fn forged() -> Self {
        Self::Other((StatusCode::BAD_REQUEST, "headers of these names are Acquit's\n").into_response())
    }

    /// For proxies that give every answer but a 2xx to the browser.
    pub(super) fn for_proxy(self) -> Response {
        match self {
            Self::Pass(headers) => bare(StatusCode::OK, headers),
            Self::Other(mut response) => {
                not_kept(response.headers_mut());
                response
            }
        }
    }

    /// For Caddy, which puts the name of a header into the request where the answer has none of it.
    pub(super) fn for_caddy(self) -> Response {
        match self {
            Self::Pass(mut headers) => {
                for name in assertion::HEADERS.into_iter().chain([header::COOKIE]) {
                    headers.entry(name).or_insert(HeaderValue::from_static(""));
                }
                bare(StatusCode::OK, headers)
            }
            other => other.for_proxy(),
        }
    }

    /// For Envoy by HTTP, which leaves alone what it is not told of.
    pub(super) fn for_envoy(self) -> Response {
        let mut response = match self {
            Self::Pass(mut headers) => {
                if !headers.contains_key(header::COOKIE) {
                    headers.insert(REMOVE, HeaderValue::from_static("cookie"));
                }
                bare(StatusCode::OK, headers)
            }
            other => return other.for_proxy(),
        };
        not_kept(response.headers_mut());
        response
    }

    /// For nginx, which knows 2xx, 401 and 403, takes everything else for a fault, and reads no body. A redirect is a 401 that says where
    /// to; 503 is a fault.
    pub(super) fn for_nginx(self) -> Response {
        let response = match self {
            Self::Pass(headers) => return bare(StatusCode::OK, headers),
            Self::Other(response) => response,
        };
        let status = match response.status() {
            status if status.is_redirection() || status == StatusCode::UNAUTHORIZED => StatusCode::UNAUTHORIZED,
            status if status.is_server_error() => status,
            _ => StatusCode::FORBIDDEN,
        };
        let mut headers = response.into_parts().0.headers;
        for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH] {
            headers.remove(name);
        }
        bare(status, headers)
    }
}

impl From<Refused> for Answer {
    fn from(refused: Refused) -> Self {
        let status = match &refused {
            Refused::Misconfigured(_) => StatusCode::FORBIDDEN,
            Refused::Browser(Refusal::Method) => StatusCode::METHOD_NOT_ALLOWED,
            Refused::Browser(_) => StatusCode::BAD_REQUEST,
        };
        let words = match &refused {
            // What is wrong at the proxy is the operator's to know.
            Refused::Misconfigured(why) => {
                tell_operator(why);
                "nothing is served here under this name\n".to_owned()
            }
            Refused::Browser(refusal) => format!("{refusal}\n"),
        };
        Self::Other((status, words).into_response())
    }
}

fn tell_operator(why: &Misconfigured) {
    // Names that lead to the proxy and to no route: anybody on the internet can make one up.
    if matches!(why, Misconfigured::NoRoute(_)) {
        tracing::info!(%why, "forward-auth refuses a request");
    } else {
        tracing::warn!(%why, "forward-auth refuses a request: see docs/forward-auth for what the proxy has to send");
    }
}

fn bare(status: StatusCode, headers: HeaderMap) -> Response {
    let mut response = status.into_response();
    *response.headers_mut() = headers;
    not_kept(response.headers_mut());
    response
}

/// No answer is good for a second request: what ended in between must be refused.
fn not_kept(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}
