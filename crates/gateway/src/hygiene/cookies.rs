//! Our cookies: no app sees one, and none sets one.

use http::{HeaderMap, HeaderValue, header};
use memchr::memchr;

/// Whether a cookie is one of Acquit's, or of the Pomerium that it stands in for; in any case, since some apps and browsers
/// do not tell cases apart.
fn is_ours(name: &str) -> bool {
    let name = name.trim();
    let bare = after(name, "__Host-").or_else(|| after(name, "__Secure-")).unwrap_or(name);
    let ours = |prefix: &str| after(bare, prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']));
    ours("acquit") || ours("_pomerium")
}

/// What follows a prefix in any case.
fn after<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Whether a cookie as it is sent is one of ours. Some apps trim more than ASCII's white space.
fn is_pair_of_ours(pair: &[u8]) -> bool {
    // Most begin like none of ours.
    let maybe = |first: &u8| !first.is_ascii_graphic() || matches!(first, b'a' | b'A' | b'_');
    let name = || memchr(b'=', pair).and_then(|end| pair.get(..end)).unwrap_or(pair);
    pair.first().is_some_and(maybe) && is_ours(&String::from_utf8_lossy(name()))
}

/// Bytes, since scripts and other hosts of the domain set cookies that are no ASCII: one of those must not hide ours, which
/// come in the same header.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
    values.flat_map(split).map(<[u8]>::trim_ascii)
}

/// The parts between semicolons.
fn split(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let Some((part, after)) = memchr(b';', rest?).and_then(|at| rest?.split_at_checked(at)) else {
            return rest.take();
        };
        rest = after.get(1..);
        Some(part)
    })
}

/// The values of the cookies of exactly this name.
pub fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let of_name = move |pair: &'a [u8]| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=");
    pairs(headers).filter_map(move |pair| std::str::from_utf8(of_name(pair)?).ok())
}

/// What goes on to an app of a request's cookies: all but ours. HTTP/2 may send each in a header of its own; apps get one header.
pub fn kept(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut all = headers.get_all(header::COOKIE).iter();
    let (first, second) = (all.next()?, all.next());
    let mut whole = second.is_none();
    let kept: Vec<&[u8]> = [first]
        .into_iter()
        .chain(second)
        .chain(all)
        .flat_map(|value| split(value.as_bytes()))
        .map(<[u8]>::trim_ascii)
        .filter(|pair| {
            let ours = is_pair_of_ours(pair);
            whole &= !ours;
            !ours && !pair.is_empty()
        })
        .collect();
    if whole {
        return Some(first.clone());
    }
    HeaderValue::try_from(kept.join(&b"; "[..])).ok().filter(|kept| !kept.is_empty())
}

/// Takes our cookies out of a request.
pub fn clean_request(headers: &mut HeaderMap) {
    match kept(headers) {
        Some(kept) => drop(headers.insert(header::COOKIE, kept)),
        None => drop(headers.remove(header::COOKIE)),
    }
}

/// Takes out of an app's answer the cookies that it may not set. Browsers send one that has no name as its bare value, which
/// may look like ours.
pub fn clean_response(headers: &mut HeaderMap) {
    let refused = |value: &HeaderValue| {
        let text = String::from_utf8_lossy(value.as_bytes());
        let pair = text.split(';').next().unwrap_or_default();
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        let looks = if name.trim().is_empty() { value.split('=').next().unwrap_or_default() } else { name };
        is_ours(looks)
    };
    if headers.get_all(header::SET_COOKIE).iter().any(refused) {
        let kept: Vec<HeaderValue> =
            headers.get_all(header::SET_COOKIE).iter().filter(|value| !refused(value)).cloned().collect();
        headers.remove(header::SET_COOKIE);
        for value in kept {
            headers.append(header::SET_COOKIE, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn an_app_gets_its_own_cookies_only() {
        for (sent, kept) in [
            (&["a=1; b=2"][..], Some("a=1; b=2")),
            (&["a=1; __Host-acquit-route=x; b=2"], Some("a=1; b=2")),
            (&["__Host-acquit-route=x"], None),
            (&["a=1", "acquit-route=x", "b=2"], Some("a=1; b=2")),
            (&["__HOST-ACQUIT-ROUTE=x; acquit=y;acquit-browser=z; _pomerium_csrf=1; _pomerium=2; a"], Some("a")),
            (&["acquitted=1; my-acquit=2"], Some("acquitted=1; my-acquit=2")),
            (&["a=\"x; acquit-route=y\""], Some("a=\"x")),
            (&["a=1; acquit-route"], Some("a=1")),
            (&["\u{e9}=1"], Some("\u{e9}=1")),
            (&["a=\u{e9}; acquit-route=x", "b=2"], Some("a=\u{e9}; b=2")),
            (&["a=1; \u{a0}acquit-route=x; \u{2003}__Host-acquit-route=x"], Some("a=1")),
        ] {
            let mut headers = headers(header::COOKIE, sent);
            clean_request(&mut headers);
            let left: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
            assert_eq!(left, kept.into_iter().map(str::as_bytes).collect::<Vec<_>>(), "{sent:?}");
        }
    }

    #[test]
    fn an_app_sets_none_of_ours() {
        let mut headers = headers(
            header::SET_COOKIE,
            &[
                "a=1; Path=/",
                "__Host-acquit-route=x; Secure; Path=/",
                " acquit-route =x",
                "=acquit-route=x",
                "acquit-route",
                "__host-Acquit-route-browser=x",
                "_pomerium_csrf=x",
                "b=acquit-route",
            ],
        );
        clean_response(&mut headers);
        let left: Vec<_> = headers.get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(left, ["a=1; Path=/", "b=acquit-route"]);
    }

    #[test]
    fn a_cookie_is_found_wherever_it_stands() {
        let headers = headers(header::COOKIE, &["a=1; b=2", "xb=3;b=4; bb=5"]);
        assert_eq!(values(&headers, "b").collect::<Vec<_>>(), ["2", "4"]);
    }

    #[test]
    fn a_cookie_of_another_host_that_is_no_ascii_hides_none_and_stands_for_none() {
        let headers = headers(header::COOKIE, &["who=Jos\u{e9}; b=2; b=\u{e9}; \u{2003}b=3; \u{a0}b=4"]);
        assert_eq!(values(&headers, "b").collect::<Vec<_>>(), ["2", "\u{e9}"]);
    }
}
