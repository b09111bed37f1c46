//! nginx's `auth_request`: `X-Original-URL` has all that came before the body, `X-Original-Method` the method.

use http::HeaderMap;

use super::{MAX_TARGET, MAX_WORD, Misconfigured, Original, Refused, scheme, word};
use crate::hygiene::Refusal;

const URL: &str = "X-Original-URL";
const METHOD: &str = "X-Original-Method";

/// Reads what nginx says.
///
/// # Errors
/// [`Refused`].
pub fn read(headers: &HeaderMap) -> Result<Original, Refused> {
    let method = word(headers, METHOD, MAX_WORD)?;
    // One that is too long is the browser's doing.
    let url = word(headers, URL, usize::MAX)?;
    if url.len() > MAX_TARGET {
        return Err(Refusal::Path.into());
    }
    let (by, rest) = url.split_once("://").ok_or(Misconfigured::Malformed(URL))?;
    let https = scheme(by, URL)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    Ok(Original::new(method, https, authority, target)?)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn of(urls: &[&str], methods: &[&str]) -> Result<Original, Refused> {
        let mut headers = HeaderMap::new();
        for (name, values) in [("x-original-url", urls), ("x-original-method", methods)] {
            for value in values {
                headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
        }
        read(&headers)
    }

    #[test]
    fn the_request_is_read_as_it_came() {
        let read = of(&["https://a.example.com:8443/x/%2f?u=http://b/"], &["PUT"]).unwrap();
        assert_eq!((read.method.as_str(), read.https), ("PUT", true));
        assert_eq!((read.host.as_str(), read.target.as_str()), ("a.example.com:8443", "/x/%2f?u=http://b/"));
    }

    #[test]
    fn what_is_absent_doubled_or_no_url_is_the_operators_to_correct() {
        let good = "https://a.example.com/";
        for (urls, methods, why) in [
            (&[][..], &["GET"][..], Misconfigured::Absent(URL)),
            (&[good], &[], Misconfigured::Absent(METHOD)),
            (&[good, good], &["GET"], Misconfigured::Twice(URL)),
            (&[good], &["GET", "GET"], Misconfigured::Twice(METHOD)),
            (&[""], &["GET"], Misconfigured::Malformed(URL)),
            (&["/x"], &["GET"], Misconfigured::Malformed(URL)),
            (&["ftp://a.example.com/"], &["GET"], Misconfigured::Malformed(URL)),
            (&["HTTPS://a.example.com/"], &["GET"], Misconfigured::Malformed(URL)),
            (&["https://é.example.com/"], &["GET"], Misconfigured::Malformed(URL)),
        ] {
            assert_eq!(of(urls, methods), Err(Refused::Misconfigured(why)), "{urls:?} {methods:?}");
        }
    }

    #[test]
    fn what_a_browser_can_bring_about_is_the_browsers_to_correct() {
        for (url, why) in [
            ("https://a.example.com", Refusal::Path),
            ("https://a.example.com?x", Refusal::Path),
            ("https://a.example.com/#x", Refusal::Path),
            ("https://a.example.com@b.example.com/", Refusal::Host),
            ("https://a.example.com\\@b/", Refusal::Host),
            ("https:///x", Refusal::Host),
            (&format!("https://a.example.com/{}", "x".repeat(MAX_TARGET)), Refusal::Path),
        ] {
            assert_eq!(of(&[url], &["GET"]), Err(Refused::Browser(why)), "{url}");
        }
    }
}
