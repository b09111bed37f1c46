//! Whether a sign-out was asked for by the person, and not by another site: by a token that only a page of this very origin can
//! read, or by what the browser says of where the request comes from.

use acquit_core::SessionId;
use acquit_oidc::params::Params;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::visitor::{CSRF, known_secret};
use crate::App;

/// The header in which the token is given and comes back.
pub const TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");
const LABEL: &str = "route csrf";

/// What a token is bound to, beside the secret in the browser's cookie. That cookie has no prefix, so another host of the domain
/// can plant one whose token it knows; it cannot know one that is bound to the session as well.
#[derive(Clone, Copy, Debug)]
pub struct Bound<'a> {
    /// The host.
    pub authority: &'a str,
    /// The session of this browser there, if it has one.
    pub session: Option<&'a SessionId>,
}

impl Bound<'_> {
    /// The token of a browser with this secret.
    #[must_use]
    pub fn token(&self, app: &App, secret: &str) -> String {
        app.sealer.tag(LABEL, &self.parts(secret))
    }

    fn is_token(&self, app: &App, secret: &str, token: &str) -> bool {
        app.sealer.tag_matches(LABEL, &self.parts(secret), token)
    }

    fn parts<'a>(&'a self, secret: &'a str) -> [&'a str; 3] {
        [self.authority, secret, self.session.map(SessionId::as_str).unwrap_or_default()]
    }
}

/// Whether the request proves that it was asked for on a page of `origin`, or typed in. The token comes in its header or in a
/// parameter of the cookie's name, as Pomerium's form sends it.
#[must_use]
pub fn is_proved(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    params: &Params,
    (origin, bound): (&str, Bound<'_>),
) -> bool {
    let token = headers.get(TOKEN).and_then(|token| token.to_str().ok()).or_else(|| params.get(CSRF));
    let by_token =
        token.zip(known_secret(headers, CSRF)).is_some_and(|(token, secret)| bound.is_token(app, &secret, token));
    by_token || comes_from_here(method, headers, origin)
}

/// Whether the browser says that the request comes from a page of this origin, or, by GET, that a person typed it in.
fn comes_from_here(method: &Method, headers: &HeaderMap, origin: &str) -> bool {
    let typed = method == Method::GET;
    match headers.get("sec-fetch-site").map(HeaderValue::as_bytes).filter(|said| !said.is_empty()) {
        Some(b"same-origin") => headers.get(header::ORIGIN).is_none_or(|said| said == origin),
        Some(b"none") => typed,
        Some(_) => false,
        // Browsers from before Fetch Metadata name the origin of a POST.
        None => !typed && headers.get(header::ORIGIN).is_some_and(|said| said == origin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_browser_says_comes_from_here_does() {
        let here = "https://a.example.com";
        let says = |method: Method, pairs: &[(&'static str, &str)]| {
            let pairs = pairs.iter();
            let headers =
                pairs.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()));
            comes_from_here(&method, &headers.collect(), here)
        };
        assert!(says(Method::GET, &[("sec-fetch-site", "same-origin")]));
        assert!(says(Method::GET, &[("sec-fetch-site", "none")]));
        assert!(says(Method::POST, &[("sec-fetch-site", "same-origin"), ("origin", here)]));
        assert!(says(Method::POST, &[("origin", here)]));
        for (method, pairs) in [
            (Method::GET, &[][..]),
            (Method::GET, &[("origin", here)]),
            (Method::GET, &[("sec-fetch-site", "same-site")]),
            (Method::GET, &[("sec-fetch-site", "cross-site")]),
            (Method::GET, &[("sec-fetch-site", "Same-Origin")]),
            (Method::POST, &[]),
            (Method::POST, &[("sec-fetch-site", "none")]),
            (Method::POST, &[("sec-fetch-site", "cross-site"), ("origin", here)]),
            (Method::POST, &[("sec-fetch-site", "same-origin"), ("origin", "null")]),
            (Method::POST, &[("origin", "https://a.example.com.evil.example")]),
            (Method::POST, &[("origin", "null")]),
        ] {
            assert!(!says(method.clone(), pairs), "{method} {pairs:?}");
        }
    }
}
