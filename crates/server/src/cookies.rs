//! Acquit's own cookies. Over TLS each carries the `__Host-` prefix: this host only, all paths, never from a subdomain.
//! On a loopback `http` origin browsers disagree about `Secure`, so there the cookies go without it.

use std::borrow::Cow;

use acquit_core::Timestamp;
use axum::http::{HeaderMap, HeaderValue, header};
use cookie::{Cookie, SameSite};

/// The most bytes of one trip that waits in a cookie: browsers take 4096 with the name and the attributes.
pub const TRIP_BYTES: usize = 3800;
/// The most bytes of all of them. Proxies take 8 KiB of a header; each tab in which a sign-in waits has one.
const TRIPS_BYTES: usize = 6000;
/// For how long one waits.
const TRIP_LIFE: cookie::time::Duration = cookie::time::Duration::minutes(30);

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
        once(headers, self.full_name(name)).filter(|value| (16..=128).contains(&value.len()))
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

    fn trip_prefix(self) -> &'static str {
        if self.secure { "__Host-acquit-trip-" } else { "acquit-trip-" }
    }

    /// The trips that wait in this browser: when each began, in seconds, under which label, and what it is.
    fn trips(self, headers: &HeaderMap) -> Vec<(i64, String, String)> {
        let total: usize = headers.get_all(header::COOKIE).iter().map(HeaderValue::len).sum();
        if total > MAX_HEADER {
            return Vec::new();
        }
        let trip = |cookie: Cookie<'_>| {
            let (begun, label) = cookie.name().strip_prefix(self.trip_prefix())?.split_once('-')?;
            Some((begun.parse().ok()?, label.to_owned(), cookie.value().to_owned()))
        };
        all(headers).filter_map(trip).collect()
    }

    /// The trip that waits under this name, if it waits here once.
    #[must_use]
    pub fn trip(self, headers: &HeaderMap, name: &str) -> Option<String> {
        let label = label(name);
        let mut found = self.trips(headers).into_iter().filter(|(_, own, _)| *own == label);
        let (_, _, trip) = found.next()?;
        found.next().is_none().then_some(trip)
    }

    /// The `Set-Cookie` headers that have a trip wait under this name. The oldest go where there are too many.
    #[must_use]
    pub fn keep_trip(self, headers: &HeaderMap, name: &str, now: Timestamp, trip: &str) -> Vec<HeaderValue> {
        let mut others = self.trips(headers);
        others.sort_by_key(|(begun, ..)| std::cmp::Reverse(*begun));
        let mut total = trip.len();
        let mut cookies = Vec::new();
        for (begun, label, other) in others {
            total += other.len();
            if total > TRIPS_BYTES {
                cookies.push(self.no_trip(begun, &label));
            }
        }
        let name = format!("{}{}-{}", self.trip_prefix(), now.as_micros() / 1_000_000, label(name));
        cookies.push(header_of(&ours(name, trip.to_owned(), self.secure).max_age(TRIP_LIFE).build()));
        cookies
    }

    /// The `Set-Cookie` headers that take the trip of this name away.
    #[must_use]
    pub fn end_trip(self, headers: &HeaderMap, name: &str) -> Vec<HeaderValue> {
        let label = label(name);
        let of_it = self.trips(headers).into_iter().filter(|(_, own, _)| *own == label);
        of_it.map(|(begun, label, _)| self.no_trip(begun, &label)).collect()
    }

    fn no_trip(self, begun: i64, label: &str) -> HeaderValue {
        let name = format!("{}{begun}-{label}", self.trip_prefix());
        header_of(&ours(name, String::new(), self.secure).max_age(cookie::time::Duration::ZERO).build())
    }

    fn build(self, name: Name, value: String) -> cookie::CookieBuilder<'static> {
        ours(self.full_name(name), value, self.secure)
    }
}

/// The cookies of a request that may be ours. Other hosts of the domain, and scripts, set some that are no ASCII: those are left
/// out one by one, for ours come in the same header. They stand for none of ours: whoever sets one with a wide space before its
/// name gets it past the browser's rule for `__Host-`, and parsers trim that.
fn all(headers: &HeaderMap) -> impl Iterator<Item = Cookie<'_>> {
    let pairs = headers.get_all(header::COOKIE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    let texts = pairs.filter_map(|pair| std::str::from_utf8(pair).ok().filter(|text| text.is_ascii()));
    texts.filter_map(|text| Cookie::parse(text).ok())
}

/// The value of the cookie of this name, if it comes once.
pub(crate) fn once(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let total: usize = headers.get_all(header::COOKIE).iter().map(HeaderValue::len).sum();
    if total > MAX_HEADER {
        return None;
    }
    let mut found = all(headers).filter(|cookie| cookie.name() == wanted).map(|cookie| cookie.value().to_owned());
    let value = found.next()?;
    found.next().is_none().then_some(value)
}

pub(crate) fn ours(name: impl Into<Cow<'static, str>>, value: String, secure: bool) -> cookie::CookieBuilder<'static> {
    // Lax: sent when somebody follows a link here from an application, not with a cross-site POST.
    Cookie::build((name, value)).path("/").http_only(true).secure(secure).same_site(SameSite::Lax)
}

/// A part of a name that is long enough to tell a browser's trips apart.
fn label(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).take(16).collect()
}

pub(crate) fn header_of(cookie: &Cookie<'_>) -> HeaderValue {
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
    fn a_cookie_of_another_host_that_is_no_ascii_hides_none_and_stands_for_none() {
        for other in
            ["who=Jos\u{e9}", "\u{2003}__Host-acquit=0123456789abcdef0124", "\u{a0}__Host-acquit=x", "\u{e9}", ""]
        {
            let text = format!("{other}; __Host-acquit={VALUE}; {other}");
            let mut headers = HeaderMap::new();
            headers.append(header::COOKIE, HeaderValue::from_bytes(text.as_bytes()).unwrap());
            assert_eq!(Cookies::new(true).read(&headers, Name::Session).as_deref(), Some(VALUE), "{other}");
        }
        let mut planted = HeaderMap::new();
        let text = format!("\u{2003}__Host-acquit={VALUE}");
        planted.append(header::COOKIE, HeaderValue::from_bytes(text.as_bytes()).unwrap());
        assert_eq!(Cookies::new(true).read(&planted, Name::Session), None);
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

    #[test]
    fn a_trip_waits_under_its_own_name_and_the_oldest_go_where_there_are_too_many() {
        let cookies = Cookies::new(true);
        let at = |seconds| Timestamp::from_seconds(seconds);
        let name = |number: u8| format!("_{}", format!("{number:02x}").repeat(20));
        let mut jar: Vec<(String, String)> = Vec::new();
        let header = |jar: &[(String, String)]| {
            let pairs: Vec<String> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            headers(&[&pairs.join("; ")])
        };
        for number in 1..=20 {
            let trip = number.to_string().repeat(500);
            for set in cookies.keep_trip(&header(&jar), &name(number), at(1000 + i64::from(number)), &trip) {
                let set = Cookie::parse(set.to_str().unwrap().to_owned()).unwrap();
                assert!(set.name().starts_with("__Host-acquit-trip-") && set.http_only() == Some(true));
                jar.retain(|(name, _)| name != set.name());
                if !set.value().is_empty() {
                    jar.push((set.name().to_owned(), set.value().to_owned()));
                }
            }
            let kept = header(&jar);
            assert_eq!(cookies.trip(&kept, &name(number)), Some(trip), "the newest is always there");
            assert!(jar.iter().map(|(_, value)| value.len()).sum::<usize>() <= TRIPS_BYTES);
        }
        let kept = header(&jar);
        assert_eq!(cookies.trip(&kept, &name(1)), None);
        assert!(cookies.trip(&kept, &name(19)).is_some());
        assert_eq!(cookies.end_trip(&kept, &name(20)).len(), 1);
        assert!(cookies.end_trip(&kept, &name(1)).is_empty());
        let planted = headers(&[&format!("__Host-acquit-trip-1-{0}=a; __Host-acquit-trip-2-{0}=b", "ab".repeat(8))]);
        assert_eq!(cookies.trip(&planted, &name(0xab)), None, "twice means that somebody planted one");
    }
}
