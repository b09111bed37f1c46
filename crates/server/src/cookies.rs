//! Acquit's own cookies. Over TLS each carries the `__Host-` prefix: this host only, all paths, never from a subdomain.
//! On a loopback `http` origin browsers disagree about `Secure`, so there the cookies go without it.

use axum::http::{HeaderMap, HeaderValue, header};
use cookie::{Cookie, SameSite};

/// The longest `Cookie` header that is read, in bytes; a browser that sends more is treated as one that sends none.
const MAX_HEADER: usize = 16 * 1024;

/// Which cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// The session's handle.
    Session,
    /// Recognises a browser that is not signed in, to bind its forms to it.
    Browser,
}

/// Reads and writes Acquit's cookies for one origin.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    secure: bool,
}

impl Cookies {
    /// For an origin reached by TLS (`secure`) or by `http` on a loopback host.
    #[must_use]
    pub fn new(secure: bool) -> Self {
        Self { secure }
    }

    fn full_name(self, name: Name) -> &'static str {
        match (self.secure, name) {
            (true, Name::Session) => "__Host-acquit",
            (true, Name::Browser) => "__Host-acquit-browser",
            (false, Name::Session) => "acquit",
            (false, Name::Browser) => "acquit-browser",
        }
    }

    /// The value of a cookie, if the request carries it once and well-formed. Twice means that somebody planted one:
    /// neither is believed.
    #[must_use]
    pub fn read(self, headers: &HeaderMap, name: Name) -> Option<String> {
        let wanted = self.full_name(name);
        let total: usize = headers.get_all(header::COOKIE).iter().map(HeaderValue::len).sum();
        if total > MAX_HEADER {
            return None;
        }
        let mut found = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(Cookie::split_parse)
            .filter_map(Result::ok)
            .filter(|cookie| cookie.name() == wanted)
            .map(|cookie| cookie.value().to_owned());
        let value = found.next().filter(|value| (16..=128).contains(&value.len()))?;
        found.next().is_none().then_some(value)
    }

    /// The `Set-Cookie` header that gives the browser this value until it closes.
    #[must_use]
    pub fn set(self, name: Name, value: &str) -> HeaderValue {
        header_of(&self.build(name, value.to_owned()).build())
    }

    /// The `Set-Cookie` header that takes the cookie away.
    #[must_use]
    pub fn clear(self, name: Name) -> HeaderValue {
        header_of(&self.build(name, String::new()).max_age(cookie::time::Duration::ZERO).build())
    }

    fn build(self, name: Name, value: String) -> cookie::CookieBuilder<'static> {
        // Lax: sent when somebody follows a link here from an application, not with a cross-site POST.
        Cookie::build((self.full_name(name), value))
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(SameSite::Lax)
    }
}

fn header_of(cookie: &Cookie<'_>) -> HeaderValue {
    // Names are constants and values are URL-safe text, so this always is a header value.
    HeaderValue::from_str(&cookie.to_string()).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        headers
    }

    const VALUE: &str = "0123456789abcdef0123";

    #[test]
    fn a_cookie_is_read_under_the_name_of_its_origin_only() {
        let cookie = format!("a=b; __Host-acquit={VALUE}; c");
        assert_eq!(Cookies::new(true).read(&headers(&[&cookie]), Name::Session).as_deref(), Some(VALUE));
        assert_eq!(Cookies::new(false).read(&headers(&[&cookie]), Name::Session), None);
        assert_eq!(Cookies::new(true).read(&headers(&[&cookie]), Name::Browser), None);
    }

    #[test]
    fn a_cookie_that_comes_twice_is_not_believed() {
        let cookies = Cookies::new(false);
        let once = format!("acquit={VALUE}");
        assert_eq!(cookies.read(&headers(&[&format!("{once}; {once}")]), Name::Session), None);
        assert_eq!(cookies.read(&headers(&[&once, &once]), Name::Session), None);
    }

    #[test]
    fn an_oversized_or_misshapen_cookie_is_no_cookie() {
        let cookies = Cookies::new(false);
        for value in [String::new(), "short".into(), "x".repeat(129), "y".repeat(8192), "z".repeat(20_000)] {
            assert_eq!(cookies.read(&headers(&[&format!("acquit={value}")]), Name::Session), None);
        }
    }

    #[test]
    fn over_tls_a_cookie_is_bound_to_its_host() {
        let set = Cookies::new(true).set(Name::Session, VALUE);
        assert_eq!(set.to_str().unwrap(), format!("__Host-acquit={VALUE}; HttpOnly; SameSite=Lax; Secure; Path=/"));
        assert!(Cookies::new(true).clear(Name::Session).to_str().unwrap().contains("Max-Age=0"));
    }
}
