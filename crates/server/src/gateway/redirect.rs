//! Where a sign-in or a sign-out at a route may lead to: the route's own origin, and what the operator trusts, to the letter.

use acquit_gateway::origin::Origin;
use acquit_oidc::params::Params;
use url::Url;

use crate::App;

/// The longest URL that is looked at, in bytes.
const MAX: usize = 2048;

/// What a request wants: `pomerium_redirect_uri`, as Pomerium's SDK sends it, or `redirect_uri`.
#[must_use]
pub fn wanted(params: &Params) -> Option<&str> {
    params.get("pomerium_redirect_uri").or_else(|| params.get("redirect_uri")).filter(|wanted| wanted.len() <= MAX)
}

/// The URL that is wanted at an origin, if it is of that origin: whole, or a path. It is what the parser made of it, so that
/// browsers read nothing else.
#[must_use]
pub fn at(origin: &Origin, wanted: &str) -> Option<Url> {
    let base = Url::parse(&origin.to_string()).ok()?;
    let url = if wanted.starts_with('/') { base.join(wanted) } else { Url::parse(wanted) }.ok()?;
    let same = url.origin() == base.origin() && url.username().is_empty() && url.password().is_none();
    same.then_some(url)
}

/// The path and query of what is wanted at an origin, if it is of that origin.
#[must_use]
pub fn path_at(origin: &Origin, wanted: &str) -> Option<String> {
    let url = at(origin, wanted)?;
    Some(match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    })
}

/// Where a sign-out at a route leads to, if that is allowed.
#[must_use]
pub fn after_sign_out(app: &App, origin: &Origin, wanted: &str) -> Option<String> {
    at(origin, wanted).map(String::from).or_else(|| trusted(app, wanted))
}

/// The same on Acquit's own host, where any route will do.
#[must_use]
pub fn is_allowed(app: &App, wanted: &str) -> bool {
    let of_route = || {
        let authority = Url::parse(wanted).ok()?.authority().to_ascii_lowercase();
        at(app.gate.routes().origin(&authority)?, wanted)
    };
    trusted(app, wanted).is_some() || of_route().is_some()
}

fn trusted(app: &App, wanted: &str) -> Option<String> {
    let wanted = Url::parse(wanted).ok()?;
    app.settings().gateway.trusted_redirects.contains(&wanted).then(|| wanted.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_browsers_take_for_the_same_origin_is_of_it() {
        let origin = Origin::parse("https://a.example.com").unwrap();
        for (wanted, found) in [
            ("https://a.example.com", "https://a.example.com/"),
            ("https://a.example.com/bye?x=1#y", "https://a.example.com/bye?x=1#y"),
            ("https://A.example.com:443/bye", "https://a.example.com/bye"),
            ("/bye", "https://a.example.com/bye"),
            ("/", "https://a.example.com/"),
            ("https:a.example.com", "https://a.example.com/"),
        ] {
            assert_eq!(at(&origin, wanted).map(String::from).as_deref(), Some(found), "{wanted}");
        }
        for wanted in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "\\\\evil.example",
            "http://a.example.com/",
            "https://a.example.com:8443/",
            "https://a.example.com.evil.example/",
            "https://a.example.com@evil.example/",
            "https://u@a.example.com/",
            "javascript:alert(1)",
            "data:text/html,x",
            "bye",
            "",
        ] {
            assert_eq!(at(&origin, wanted).map(String::from), None, "{wanted}");
        }
    }
}
