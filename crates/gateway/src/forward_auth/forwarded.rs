//! Traefik's `forwardAuth` and Caddy's `forward_auth`: `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`.

use http::HeaderMap;

use super::{MAX_TARGET, MAX_WORD, Original, Refused, scheme, word};
use crate::hygiene::Refusal;

const METHOD: &str = "X-Forwarded-Method";
const URI: &str = "X-Forwarded-Uri";
pub(super) const PROTO: &str = "X-Forwarded-Proto";
pub(super) const HOST: &str = "X-Forwarded-Host";

/// Reads what Traefik or Caddy says.
///
/// # Errors
/// [`Refused`].
pub fn read(headers: &HeaderMap) -> Result<Original, Refused> {
    let method = word(headers, METHOD, MAX_WORD)?;
    let https = scheme(word(headers, PROTO, MAX_WORD)?, PROTO)?;
    let host = word(headers, HOST, MAX_WORD)?;
    // One that is too long is the browser's doing.
    let target = word(headers, URI, usize::MAX)?;
    if target.len() > MAX_TARGET {
        return Err(Refusal::Path.into());
    }
    Ok(Original::new(method, https, host, target)?)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::{super::Misconfigured, *};

    const GOOD: [(&str, &str); 4] = [(METHOD, "POST"), (PROTO, "https"), (HOST, "A.example.com"), (URI, "/x?y")];

    fn of(pairs: impl IntoIterator<Item = (&'static str, &'static str)>) -> Result<Original, Refused> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static(value));
        }
        read(&headers)
    }

    #[test]
    fn the_request_is_read_as_it_came() {
        let read = of(GOOD).unwrap();
        assert_eq!((read.method.as_str(), read.https), ("POST", true));
        assert_eq!((read.host.as_str(), read.target.as_str()), ("a.example.com", "/x?y"));
    }

    #[test]
    fn what_is_absent_or_doubled_is_the_operators_to_correct() {
        for (name, value) in GOOD {
            let without = GOOD.into_iter().filter(|(other, _)| *other != name);
            assert_eq!(of(without), Err(Misconfigured::Absent(name).into()));
            assert_eq!(of(GOOD.into_iter().chain([(name, value)])), Err(Misconfigured::Twice(name).into()));
            let empty = GOOD.into_iter().map(|(other, value)| (other, if other == name { "" } else { value }));
            assert_eq!(of(empty), Err(Misconfigured::Malformed(name).into()));
        }
    }

    #[test]
    fn a_list_is_not_one_thing() {
        let with = |name: &'static str, value: &'static str| {
            of(GOOD.into_iter().map(move |(other, good)| (other, if other == name { value } else { good })))
        };
        assert_eq!(with(PROTO, "https, http"), Err(Misconfigured::Malformed(PROTO).into()));
        assert_eq!(with(HOST, "a.example.com, b.example.com"), Err(Refusal::Host.into()));
        assert_eq!(with(METHOD, "GET, POST"), Err(Refusal::Method.into()));
        assert_eq!(with(URI, "/x, /y"), Err(Refusal::Path.into()));
        assert!(with(PROTO, "wss").unwrap().https);
        assert!(!with(PROTO, "ws").unwrap().https);
    }
}
