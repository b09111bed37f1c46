//! The headers: which go on to the app, and which of the app's go on to the browser.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{Refusal, forwarded::OF_A_PROXY};

/// Whether a header is about one connection only (RFC 9110 section 7.6.1), beside what `Connection` names.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
    )
}

/// Whether some apps take a header as the path, the host or the proxy to use, which only a proxy in front of us could know.
fn is_misleading(name: &str) -> bool {
    matches!(
        name,
        "x-original-url"
            | "x-rewrite-url"
            | "x-original-uri"
            | "x-original-host"
            | "x-original-method"
            | "x-host"
            | "proxy"
            | "x-envoy-original-path"
    )
}

/// Whether a name is one that only Acquit may say.
fn is_ours(name: &str) -> bool {
    name.starts_with("x-acquit-") || name.starts_with("x-pomerium-")
}

/// Whether an app may take a name for another one: CGI makes `_` of everything that is neither letter nor digit.
fn is_ambiguous(name: &str) -> bool {
    !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Checks what a request says of its body's length. hyper has refused what contradicts itself; HTTP/2 has no such check.
///
/// # Errors
/// [`Refusal::Length`], [`Refusal::Coding`].
pub fn check_length(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = lengths.next();
    let valid = |value: &HeaderValue| !value.is_empty() && value.as_bytes().iter().all(u8::is_ascii_digit);
    if lengths.next().is_some() || length.is_some_and(|value| !valid(value)) {
        return Err(Refusal::Length);
    }
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(_), _) if length.is_some() => Err(Refusal::Length),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        (Some(_), _) => Err(Refusal::Coding),
    }
}

/// Whether one of a header's comma-separated values is `token`, in any case.
#[must_use]
pub fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(token))
}

/// Takes out what `Connection` names.
fn clear_named(headers: &mut HeaderMap) {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<HeaderName> = values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|name| !is_hop_by_hop(&name.to_ascii_lowercase()))
        .filter_map(|name| name.parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
}

/// Takes out of a request what must not reach the app. That trailers are taken is said anew, since we pass them on.
pub fn clean_request(headers: &mut HeaderMap) {
    let trailers = has_token(headers, &header::TE, "trailers");
    clear_named(headers);
    remove_where(headers, |name| is_hop_by_hop(name) || is_misleading(name) || is_ours(name) || is_ambiguous(name));
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
}

/// Takes out of an app's answer what must not reach the browser: `Alt-Svc` would lead it past us.
///
/// # Errors
/// [`Refusal::Length`] when it is not clear how long the answer is.
pub fn clean_response(headers: &mut HeaderMap) -> Result<(), Refusal> {
    let coded = headers.contains_key(header::TRANSFER_ENCODING);
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    if let Some(first) = lengths.next() {
        let mut again = false;
        let differs = lengths.any(|other| {
            again = true;
            other != first
        });
        if coded || differs || !first.as_bytes().iter().all(u8::is_ascii_digit) {
            return Err(Refusal::Length);
        }
        // Saying the same twice is allowed once.
        let length = again.then(|| first.clone());
        if let Some(length) = length {
            headers.insert(header::CONTENT_LENGTH, length);
        }
    }
    clear_named(headers);
    remove_where(headers, |name| is_hop_by_hop(name) || is_ours(name) || name == "alt-svc");
    Ok(())
}

/// Takes out what is about one connection only, of an answer that Acquit itself gave elsewhere.
pub fn clean_hops(headers: &mut HeaderMap) {
    clear_named(headers);
    remove_where(headers, is_hop_by_hop);
}

/// Takes out of trailers what would not have passed as a header; apps put the two together.
pub fn clean_trailers(headers: &mut HeaderMap) {
    remove_where(headers, |name| {
        is_hop_by_hop(name)
            || is_misleading(name)
            || is_ours(name)
            || is_ambiguous(name)
            || name.starts_with("x-forwarded-")
            || OF_A_PROXY.contains(&name)
            || ["content-length", "host", "cookie", "set-cookie", "authorization"].contains(&name)
    });
}

/// Takes out every header of which `which` says so.
pub(super) fn remove_where(headers: &mut HeaderMap, which: impl Fn(&str) -> bool) {
    // Most requests have none of them, and then nothing is allocated. Each is looked at once: HTTP/2 carries thousands.
    let gone: Vec<HeaderName> = headers.keys().filter(|name| which(name.as_str())).cloned().collect();
    for name in gone {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        headers.keys().map(HeaderName::as_str).collect()
    }

    #[test]
    fn what_only_we_may_say_and_what_is_about_the_connection_does_not_reach_the_app() {
        let mut request = headers(&[
            ("accept", "*/*"),
            ("connection", "keep-alive, X-Hop"),
            ("connection", "close"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers, deflate"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("http2-settings", "x"),
            ("proxy-authorization", "x"),
            ("proxy", "http://evil"),
            ("x-original-url", "/admin"),
            ("X-Pomerium-Jwt-Assertion", "forged"),
            ("X-POMERIUM-CLAIM-EMAIL", "forged"),
            ("X-Acquit-Jwt-Assertion", "forged"),
            ("X_Pomerium_Jwt_Assertion", "forged"),
            ("X-Acquit_User", "forged"),
            ("x.acquit.user", "forged"),
            ("a_b", "1"),
        ]);
        clean_request(&mut request);
        assert_eq!(names(&request), ["accept", "te"]);
        assert_eq!(request[header::TE], "trailers");
    }

    #[test]
    fn thousands_of_headers_are_each_looked_at_once() {
        let mut many = HeaderMap::new();
        for number in 0..4000 {
            many.append(format!("_{number}").parse::<HeaderName>().unwrap(), HeaderValue::from_static("x"));
        }
        let looked = std::cell::Cell::new(0);
        remove_where(&mut many, |name| {
            looked.set(looked.get() + 1);
            is_ambiguous(name)
        });
        assert_eq!((many.len(), looked.get()), (0, 4000));
    }

    #[test]
    fn a_request_says_once_how_long_it_is() {
        for (pairs, verdict) in [
            (&[][..], Ok(())),
            (&[("content-length", "5")], Ok(())),
            (&[("transfer-encoding", "Chunked")], Ok(())),
            (&[("content-length", "5"), ("content-length", "5")], Err(Refusal::Length)),
            (&[("content-length", "5, 5")], Err(Refusal::Length)),
            (&[("content-length", "+5")], Err(Refusal::Length)),
            (&[("content-length", "")], Err(Refusal::Length)),
            (&[("content-length", "5"), ("transfer-encoding", "chunked")], Err(Refusal::Length)),
            (&[("transfer-encoding", "gzip, chunked")], Err(Refusal::Coding)),
            (&[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")], Err(Refusal::Coding)),
            (&[("transfer-encoding", "identity")], Err(Refusal::Coding)),
        ] {
            assert_eq!(check_length(&headers(pairs)), verdict, "{pairs:?}");
        }
    }

    #[test]
    fn an_app_leads_nobody_past_us_and_says_nothing_in_our_name() {
        let mut answer = headers(&[
            ("content-length", "5"),
            ("content-length", "5"),
            ("alt-svc", "h3=\":443\""),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("x-acquit-sign-in", "https://evil"),
            ("x_app", "1"),
        ]);
        assert_eq!(clean_response(&mut answer), Ok(()));
        assert_eq!(names(&answer), ["content-length", "x_app"]);
        assert_eq!(answer.get_all(header::CONTENT_LENGTH).iter().count(), 1);
    }

    #[test]
    fn an_answer_of_two_lengths_is_refused() {
        for pairs in [
            [("content-length", "5"), ("content-length", "6")],
            [("content-length", "5"), ("transfer-encoding", "chunked")],
            [("content-length", "5, 6"), ("x", "")],
        ] {
            assert_eq!(clean_response(&mut headers(&pairs)), Err(Refusal::Length), "{pairs:?}");
        }
    }

    #[test]
    fn trailers_bring_nothing_that_headers_may_not() {
        let mut trailers = headers(&[
            ("grpc-status", "0"),
            ("x-acquit-user", "forged"),
            ("x_acquit_user", "forged"),
            ("x-forwarded-for", "forged"),
            ("x-real-ip", "forged"),
            ("cookie", "a=b"),
            ("host", "evil"),
        ]);
        clean_trailers(&mut trailers);
        assert_eq!(names(&trailers), ["grpc-status"]);
    }
}
