//! Our cookies: no app sees one, and none sets one.

use http::{HeaderMap, HeaderValue, header};

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

/// The name of a cookie as it is sent.
fn name(pair: &str) -> &str {
    pair.split('=').next().unwrap_or_default()
}

/// A value that is text. A header holds no control characters, so this is what `to_str` takes, found word by word and not
/// byte by byte: cookies are long.
fn text(value: &HeaderValue) -> Option<&str> {
    let bytes = value.as_bytes();
    if bytes.is_ascii() { str::from_utf8(bytes).ok() } else { None }
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(text);
    values.flat_map(|value| value.split(';')).map(str::trim)
}

/// The values of the cookies of this name.
pub fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    pairs(headers).filter_map(move |pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// Takes our cookies out of a request. HTTP/2 may send each cookie in a header of its own; apps get one header.
pub fn clean_request(headers: &mut HeaderMap) {
    let Some(first) = headers.get(header::COOKIE) else { return };
    let one = headers.get_all(header::COOKIE).iter().nth(1).is_none();
    if one && text(first).is_some() && !pairs(headers).any(|pair| is_ours(name(pair))) {
        return;
    }
    let kept: Vec<&str> = pairs(headers).filter(|pair| !pair.is_empty() && !is_ours(name(pair))).collect();
    let kept = HeaderValue::try_from(kept.join("; ")).ok().filter(|kept| !kept.is_empty());
    match kept {
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
            (&["\u{e9}=1"], None),
        ] {
            let mut headers = headers(header::COOKIE, sent);
            clean_request(&mut headers);
            let left: Vec<&str> = headers.get_all(header::COOKIE).iter().map(|value| value.to_str().unwrap()).collect();
            assert_eq!(left, kept.into_iter().collect::<Vec<_>>(), "{sent:?}");
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
}
