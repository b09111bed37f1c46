//! The cookies of one browser.

use http::{HeaderMap, header};
use url::Url;

use super::BrowserError;

/// A cookie goes to the host that set it, whatever the port, and only there.
#[derive(Clone, Debug)]
struct Cookie {
    host: String,
    name: String,
    value: String,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Jar {
    cookies: Vec<Cookie>,
}

impl Jar {
    /// Takes what an answer sets.
    pub(super) fn take(&mut self, from: &Url, headers: &HeaderMap) -> Result<(), BrowserError> {
        for set in headers.get_all(header::SET_COOKIE) {
            let set = set.to_str().map_err(|_| BrowserError::Cookie("it is no text".to_owned()))?;
            self.set(from.host_str().unwrap_or_default(), set)?;
        }
        Ok(())
    }

    fn set(&mut self, host: &str, set: &str) -> Result<(), BrowserError> {
        let mut parts = set.split(';').map(str::trim);
        let (name, value) = parts
            .next()
            .and_then(|pair| pair.split_once('='))
            .filter(|(name, _)| !name.is_empty())
            .ok_or_else(|| BrowserError::Cookie("it has no name".to_owned()))?;
        let refuse = |why: &str| Err(BrowserError::Cookie(format!("{name} {why}")));
        let (mut gone, mut http_only, mut lax, mut path) = (false, false, false, false);
        for attribute in parts {
            let (key, text) = attribute.split_once('=').unwrap_or((attribute, ""));
            match key.to_ascii_lowercase().as_str() {
                "path" => path = text == "/",
                "httponly" => http_only = true,
                "samesite" => lax = matches!(text.to_ascii_lowercase().as_str(), "lax" | "strict"),
                "max-age" => gone = text.parse::<i64>().is_ok_and(|age| age <= 0),
                "secure" => return refuse("is Secure on a plain http origin"),
                "expires" => {}
                _ => return refuse("has an attribute that is not expected here"),
            }
        }
        if !(path && http_only && lax) {
            return refuse("is not HttpOnly, SameSite and for the whole host");
        }
        self.cookies.retain(|cookie| cookie.host != host || cookie.name != name);
        if !gone {
            self.cookies.push(Cookie { host: host.to_owned(), name: name.to_owned(), value: value.to_owned() });
        }
        Ok(())
    }

    /// The `Cookie` header for a URL.
    pub(super) fn header(&self, url: &Url) -> Option<String> {
        let own = self.cookies.iter().filter(|cookie| Some(cookie.host.as_str()) == url.host_str());
        let pairs: Vec<String> = own.map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "Path=/; HttpOnly; SameSite=Lax";

    fn sent(jar: &Jar, url: &str) -> Option<String> {
        jar.header(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_cookie_goes_to_its_host_on_every_port_and_nowhere_else() {
        let mut jar = Jar::default();
        jar.set("localhost", &format!("a=1; {GOOD}")).unwrap();
        assert_eq!(sent(&jar, "http://localhost:1/x").as_deref(), Some("a=1"));
        assert_eq!(sent(&jar, "http://notes.localhost:1/x"), None);
        jar.set("localhost", &format!("a=2; {GOOD}")).unwrap();
        assert_eq!(sent(&jar, "http://localhost:2/").as_deref(), Some("a=2"));
        jar.set("localhost", &format!("a=; Max-Age=0; {GOOD}")).unwrap();
        assert_eq!(sent(&jar, "http://localhost:1/"), None);
    }

    #[test]
    fn a_careless_cookie_is_refused() {
        for careless in
            ["a=1", "a=1; Path=/; SameSite=Lax", "a=1; Path=/; HttpOnly", "a=1; Path=/x; HttpOnly; SameSite=Lax"]
        {
            assert!(Jar::default().set("localhost", careless).is_err(), "{careless}");
        }
        for extra in ["Domain=localhost", "Secure", "Partitioned"] {
            assert!(Jar::default().set("localhost", &format!("a=1; {GOOD}; {extra}")).is_err(), "{extra}");
        }
    }
}
