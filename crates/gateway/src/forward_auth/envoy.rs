//! Envoy's `ext_authz`: by HTTP the request itself without its body, its path behind a prefix of ours; by gRPC a description of it.

use http::{HeaderMap, Method, Uri};

use super::{
    MAX_WORD, Misconfigured, Original, Refused,
    forwarded::{HOST, PROTO},
    scheme, word,
};
use crate::hygiene::host;

/// What Envoy puts before the path that a browser asked for.
pub const PREFIX: &str = "/auth/envoy";

/// Reads what Envoy says.
///
/// # Errors
/// [`Refused`].
pub fn read(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Original, Refused> {
    let https = scheme(word(headers, PROTO, MAX_WORD)?, PROTO)?;
    let named = host::of(uri, headers)?;
    if headers.contains_key(HOST) && !word(headers, HOST, MAX_WORD)?.eq_ignore_ascii_case(&named) {
        return Err(Misconfigured::TwoHosts.into());
    }
    let whole = uri.path_and_query().map_or("", |whole| whole.as_str());
    let target = whole.strip_prefix(PREFIX).unwrap_or_default();
    Ok(Original::new(method.as_str(), https, &named, target)?)
}

/// Reads a description of a request, as gRPC has it: `path` with its query.
///
/// # Errors
/// [`Refused`].
pub fn described(method: &str, scheme_of: &str, host: &str, path: &str) -> Result<Original, Refused> {
    let https = scheme(scheme_of, "scheme")?;
    Ok(Original::new(method, https, host, path)?)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue, header};

    use super::*;
    use crate::hygiene::Refusal;

    fn of(uri: &str, pairs: &[(HeaderName, &'static str)]) -> Result<Original, Refused> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, HeaderValue::from_static(value));
        }
        read(&Method::DELETE, &uri.parse().unwrap(), &headers)
    }

    fn named(name: &'static str) -> HeaderName {
        HeaderName::from_bytes(name.as_bytes()).unwrap()
    }

    #[test]
    fn the_path_is_what_stands_behind_our_own() {
        for (uri, target) in [
            ("/auth/envoy/", "/"),
            ("/auth/envoy//x", "//x"),
            ("/auth/envoy/auth/envoy/x?y=1", "/auth/envoy/x?y=1"),
            ("/auth/envoy/%2e%2e/x", "/%2e%2e/x"),
        ] {
            let read = of(uri, &[(header::HOST, "A.example.com"), (named(PROTO), "https")]).unwrap();
            assert_eq!((read.method.as_str(), read.https), ("DELETE", true));
            assert_eq!((read.host.as_str(), read.target.as_str()), ("a.example.com", target));
        }
    }

    #[test]
    fn what_is_not_said_clearly_is_refused() {
        let (host, proto) = ((header::HOST, "a.example.com"), (named(PROTO), "http"));
        let forwarded = |value| (named(HOST), value);
        for (uri, pairs, why) in [
            ("/auth/envoy/", &[host.clone()][..], Misconfigured::Absent(PROTO).into()),
            ("/auth/envoy/", &[host.clone(), proto.clone(), proto.clone()], Misconfigured::Twice(PROTO).into()),
            ("/auth/envoy/", std::slice::from_ref(&proto), Refusal::Host.into()),
            ("/auth/envoy/", &[host.clone(), host.clone(), proto.clone()], Refusal::TwoHosts.into()),
            (
                "/auth/envoy/",
                &[host.clone(), proto.clone(), forwarded("b.example.com")],
                Misconfigured::TwoHosts.into(),
            ),
            ("/auth/envoy", &[host.clone(), proto.clone()], Refusal::Path.into()),
            ("/auth/envoy?x", &[host.clone(), proto.clone()], Refusal::Path.into()),
            ("/auth/envoyx", &[host.clone(), proto.clone()], Refusal::Path.into()),
        ] {
            assert_eq!(of(uri, pairs), Err(why), "{uri} {pairs:?}");
        }
        assert!(of("/auth/envoy/", &[host, proto, forwarded("A.example.com")]).is_ok());
    }
}
