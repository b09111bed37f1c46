//! Which host a request is for.

use std::{borrow::Cow, str::FromStr};

use http::{Uri, header, header::HeaderMap, uri::Authority};

use super::Refusal;

/// The authority that a request names, in lower case: `:authority` or that of the target in absolute form, which `Host` must
/// not contradict, or else `Host`.
///
/// # Errors
/// [`Refusal::Host`] when there is none or it is not valid, [`Refusal::TwoHosts`].
pub fn of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Result<Cow<'a, str>, Refusal> {
    let mut named = headers.get_all(header::HOST).iter();
    let host = named.next().map(|value| value.to_str().map_err(|_| Refusal::Host)).transpose()?;
    if named.next().is_some() {
        return Err(Refusal::TwoHosts);
    }
    if uri.scheme_str().is_some_and(|scheme| scheme != "http" && scheme != "https") {
        return Err(Refusal::Host);
    }
    let text = match (uri.authority(), host) {
        (Some(target), Some(host)) if !target.as_str().eq_ignore_ascii_case(host) => return Err(Refusal::TwoHosts),
        (Some(target), _) => target.as_str(),
        (None, Some(host)) => host,
        (None, None) => return Err(Refusal::Host),
    };
    read(text)
}

/// An authority in lower case.
///
/// # Errors
/// [`Refusal::Host`] when it is none.
pub fn read(text: &str) -> Result<Cow<'_, str>, Refusal> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:_[]".contains(&byte));
    if !plain || Authority::from_str(text).is_err() {
        return Err(Refusal::Host);
    }
    let upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
    Ok(if upper { Cow::Owned(text.to_ascii_lowercase()) } else { Cow::Borrowed(text) })
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn host(uri: &str, hosts: &[&str]) -> Result<String, Refusal> {
        let uri = uri.parse().unwrap();
        let values = hosts.iter().map(|host| (header::HOST, HeaderValue::from_bytes(host.as_bytes()).unwrap()));
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.append::<HeaderName>(name, value);
        }
        of(&uri, &headers).map(Cow::into_owned)
    }

    #[test]
    fn the_target_and_the_host_name_one_and_the_same() {
        for (uri, hosts, named) in [
            ("/x", &["A.Example.com"][..], "a.example.com"),
            ("/x", &["a.example.com:8443"], "a.example.com:8443"),
            ("/x", &["[::1]:81"], "[::1]:81"),
            ("http://A.example.com/x", &["a.example.com"], "a.example.com"),
            ("https://a.example.com/x", &[], "a.example.com"),
        ] {
            assert_eq!(host(uri, hosts), Ok(named.to_owned()), "{uri} {hosts:?}");
        }
    }

    #[test]
    fn no_host_two_hosts_and_what_is_no_host_are_refused() {
        for (uri, hosts, why) in [
            ("/x", &[][..], Refusal::Host),
            ("/x", &[""], Refusal::Host),
            ("/x", &["a", "a"], Refusal::TwoHosts),
            ("http://a/x", &["b"], Refusal::TwoHosts),
            ("http://a:80/x", &["a"], Refusal::TwoHosts),
            ("ftp://a/x", &["a"], Refusal::Host),
            ("/x", &["user@a"], Refusal::Host),
            ("/x", &["a b"], Refusal::Host),
            ("/x", &["a/b"], Refusal::Host),
            ("/x", &["a,b"], Refusal::Host),
            ("/x", &["a:b:c"], Refusal::Host),
            ("/x", &["é"], Refusal::Host),
            ("/x", &["a%2eb"], Refusal::Host),
        ] {
            assert_eq!(host(uri, hosts), Err(why), "{uri} {hosts:?}");
        }
    }
}
