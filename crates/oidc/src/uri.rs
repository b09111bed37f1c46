//! What may be registered as a URI. Strict, because every later comparison is one of strings.

use url::{Host, Url};

/// The longest URI that may be registered, in bytes.
pub const MAX_URI: usize = 2048;

/// For what a URI is registered; each has rules of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The browser is sent there with an answer: `redirect_uris`, `post_logout_redirect_uris`. `native` applications may
    /// use a private scheme (RFC 8252 section 7.1).
    Redirect {
        /// Whether it is a public native application.
        native: bool,
    },
    /// The server or the browser calls it over HTTP: logout URIs, `jwks_uri`.
    Http,
}

/// Why a URI may not be registered. Whoever registers it must change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUri {
    /// Longer than [`MAX_URI`].
    #[error("is longer than {MAX_URI} bytes")]
    TooLong,
    /// A space, a control character, a backslash or something that is not ASCII.
    #[error("has a character that a URI must carry percent-encoded")]
    Character,
    /// It has a fragment (RFC 6749 section 3.1.2, FC-2, BC-3).
    #[error("has a fragment")]
    Fragment,
    /// A user name or password.
    #[error("has a user name or password")]
    UserInfo,
    /// A `*`: nothing here is a pattern.
    #[error("has a wildcard; register each URI in full")]
    Wildcard,
    /// Relative, or no URI.
    #[error("is not an absolute URI")]
    NotAbsolute,
    /// Its host is written in a way that readers differ on, such as `0x7f.1`.
    #[error("has a host that is not written in its plain form")]
    Host,
    /// `http` beyond loopback.
    #[error("must be https (http only for a loopback host)")]
    PlainHttp,
    /// A scheme that may not be used here.
    #[error("has a scheme that may not be used here")]
    Scheme,
}

/// Checks `uri` for `purpose`.
///
/// # Errors
/// [`InvalidUri`]
pub fn check(uri: &str, purpose: Purpose) -> Result<Url, InvalidUri> {
    if uri.len() > MAX_URI {
        return Err(InvalidUri::TooLong);
    }
    if !uri
        .bytes()
        .all(|b| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'}'))
    {
        return Err(InvalidUri::Character);
    }
    if uri.contains('#') {
        return Err(InvalidUri::Fragment);
    }
    if uri.contains('*') {
        return Err(InvalidUri::Wildcard);
    }
    let url = Url::parse(uri).map_err(|_| InvalidUri::NotAbsolute)?;
    match url.scheme() {
        "https" | "http" => check_http(uri, &url).map(|()| url),
        scheme => match purpose {
            // The period keeps out `javascript:`, `data:` and every scheme that somebody else may own (RFC 8252 section 8.4).
            Purpose::Redirect { native: true } if scheme.contains('.') && uri.starts_with(scheme) => {
                if url.username().is_empty() && url.password().is_none() { Ok(url) } else { Err(InvalidUri::UserInfo) }
            }
            Purpose::Redirect { .. } | Purpose::Http => Err(InvalidUri::Scheme),
        },
    }
}

fn check_http(uri: &str, url: &Url) -> Result<(), InvalidUri> {
    // The parser forgives `https:host`, `HTTPS://host` and `https:///host`; other readers do not agree on these.
    let prefix = format!("{}://", url.scheme());
    let rest = uri.strip_prefix(&prefix).ok_or(InvalidUri::NotAbsolute)?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(InvalidUri::UserInfo);
    }
    let host = match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => &authority[..colon],
        _ => authority,
    };
    if host.is_empty() || !url.host_str().is_some_and(|parsed| parsed.eq_ignore_ascii_case(host)) {
        return Err(InvalidUri::Host);
    }
    if url.scheme() == "http" && !is_loopback(url) {
        return Err(InvalidUri::PlainHttp);
    }
    Ok(())
}

/// Whether a URL's host can only be this machine: `localhost`, a name under it, or a loopback address.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether two URIs have the same scheme, host and port (FC-1).
#[must_use]
pub fn same_origin(one: &str, other: &str) -> bool {
    match (Url::parse(one), Url::parse(other)) {
        (Ok(one), Ok(other)) => {
            let origin = one.origin();
            origin.is_tuple() && origin == other.origin()
        }
        _ => false,
    }
}

/// Whether `asked` is `registered` but for the port of a loopback address, as RFC 8252 section 7.3 wants for native
/// applications, which cannot choose their port ahead. Only for addresses: a name could resolve elsewhere.
#[must_use]
pub fn equal_but_for_loopback_port(registered: &str, asked: &str) -> bool {
    fn split(uri: &str) -> Option<(&str, &str)> {
        for host in ["http://127.0.0.1", "http://[::1]"] {
            let Some(rest) = uri.strip_prefix(host) else { continue };
            let rest = match rest.strip_prefix(':') {
                Some(port) => {
                    let end = port.find(|c: char| !c.is_ascii_digit()).unwrap_or(port.len());
                    port[..end].parse::<u16>().ok()?;
                    &port[end..]
                }
                None => rest,
            };
            let ends_authority = rest.is_empty() || rest.starts_with(['/', '?']);
            return ends_authority.then_some((host, rest));
        }
        None
    }
    match (split(registered), split(asked)) {
        (Some(registered), Some(asked)) => registered == asked,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: Purpose = Purpose::Redirect { native: false };
    const NATIVE: Purpose = Purpose::Redirect { native: true };

    #[test]
    fn ordinary_uris_may_be_registered() {
        for good in [
            "https://app.example.com/cb",
            "https://app.example.com",
            "https://App.example.com:8443/cb?tenant=1&x=%2F",
            "http://localhost:3000/cb",
            "http://wiki.localhost/cb",
            "http://127.0.0.1:8080/",
            "http://[::1]:8080/cb",
            "https://[2001:db8::1]/cb",
            "https://xn--bcher-kva.example/cb",
        ] {
            assert!(check(good, WEB).is_ok(), "{good}: {:?}", check(good, WEB));
        }
        assert!(check("com.example.app:/cb", NATIVE).is_ok() && check("com.example.app://cb", NATIVE).is_ok());
    }

    #[test]
    fn uris_that_readers_differ_on_are_refused() {
        for (bad, why) in [
            ("https://app.example.com/cb#x", InvalidUri::Fragment),
            ("https://app.example.com/cb#", InvalidUri::Fragment),
            ("https://user@app.example.com/", InvalidUri::UserInfo),
            ("https://good.example@evil.example/", InvalidUri::UserInfo),
            ("https://@evil.example/", InvalidUri::UserInfo),
            ("https://evil.example\\@good.example/", InvalidUri::Character),
            ("https://good.example\\.evil.example/", InvalidUri::Character),
            ("https://app.example.com/a b", InvalidUri::Character),
            ("https://app.example.com/\t", InvalidUri::Character),
            ("https://app.example.com/\r\nSet-Cookie:x", InvalidUri::Character),
            ("https://app.exämple.com/", InvalidUri::Character),
            ("https://app.example.com/\u{202e}", InvalidUri::Character),
            ("https://*.example.com/", InvalidUri::Wildcard),
            ("https://app.example.com/*", InvalidUri::Wildcard),
            ("/cb", InvalidUri::NotAbsolute),
            ("//app.example.com/cb", InvalidUri::NotAbsolute),
            ("https:app.example.com/cb", InvalidUri::NotAbsolute),
            ("https:/app.example.com/cb", InvalidUri::NotAbsolute),
            ("https:///app.example.com/cb", InvalidUri::Host),
            ("HTTPS://app.example.com/cb", InvalidUri::NotAbsolute),
            ("", InvalidUri::NotAbsolute),
            ("https://0x7f.1/", InvalidUri::Host),
            ("https://2130706433/", InvalidUri::Host),
            ("https://ex%61mple.com/", InvalidUri::Host),
            ("http://app.example.com/cb", InvalidUri::PlainHttp),
            ("http://localhost.evil.example/cb", InvalidUri::PlainHttp),
            ("http://127.0.0.1.evil.example/cb", InvalidUri::PlainHttp),
            ("javascript:alert(1)", InvalidUri::Scheme),
            ("data:text/html,x", InvalidUri::Scheme),
            ("com.example.app:/cb", InvalidUri::Scheme),
        ] {
            assert_eq!(check(bad, WEB), Err(why), "{bad}");
        }
        assert_eq!(check(&format!("https://a.example/{}", "x".repeat(MAX_URI)), WEB), Err(InvalidUri::TooLong));
    }

    #[test]
    fn a_private_scheme_needs_a_period_and_a_native_application() {
        for bad in ["javascript:alert(1)", "myapp:/cb", "file:///etc/passwd", "vbscript:x", "data:,x"] {
            assert_eq!(check(bad, NATIVE), Err(InvalidUri::Scheme), "{bad}");
        }
        assert_eq!(check("com.example.app:/cb", Purpose::Http), Err(InvalidUri::Scheme));
    }

    #[test]
    fn the_port_of_a_loopback_address_is_free_and_nothing_else_is() {
        let registered = "http://127.0.0.1/cb?x=1";
        assert!(equal_but_for_loopback_port(registered, "http://127.0.0.1:51004/cb?x=1"));
        assert!(equal_but_for_loopback_port("http://[::1]:1/cb", "http://[::1]:2/cb"));
        for bad in [
            "http://127.0.0.1:51004/cb",
            "http://127.0.0.1:51004@evil.example/cb?x=1",
            "http://127.0.0.1.evil.example/cb?x=1",
            "http://127.0.0.1:/cb?x=1",
            "http://127.0.0.1:99999/cb?x=1",
            "http://localhost:51004/cb?x=1",
            "https://127.0.0.1:51004/cb?x=1",
            "http://[::1]:51004/cb?x=1",
        ] {
            assert!(!equal_but_for_loopback_port(registered, bad), "{bad}");
        }
        assert!(!equal_but_for_loopback_port("http://localhost/cb", "http://localhost:1/cb"));
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert!(same_origin("https://a.example/x", "https://a.example:443/y?z"));
        assert!(!same_origin("https://a.example/x", "https://a.example:444/x"));
        assert!(!same_origin("https://a.example/x", "http://a.example/x"));
        assert!(!same_origin("com.example.app:/x", "com.example.app:/x"));
    }
}
