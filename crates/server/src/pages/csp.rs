//! The content security policy of a page: everything off, then what that page needs.

use url::{Host, Url};

/// Where the forms of a page may lead, redirects included: Chromium holds each redirect that answers a form against
/// `form-action` too, and a sign-in form ends at the application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FormTargets {
    /// Only Acquit itself.
    #[default]
    Own,
    /// Acquit itself and the origins of these URLs.
    And(Vec<String>),
    /// Anywhere: for a page that cannot know where an application redirects next.
    Any,
}

/// Builds the value of a `Content-Security-Policy` header.
#[derive(Clone, Debug)]
pub struct Csp {
    scripts: bool,
    connects: bool,
    forms: FormTargets,
    frames: Vec<String>,
}

impl Csp {
    /// A page with style sheet, icon and a script that shows times in the reader's zone, and no forms elsewhere.
    #[must_use]
    pub fn page() -> Self {
        Self { scripts: true, connects: false, forms: FormTargets::Own, frames: Vec::new() }
    }

    /// A page whose script also talks to Acquit.
    #[must_use]
    pub fn connecting(mut self) -> Self {
        self.connects = true;
        self
    }

    /// A page without any script.
    #[must_use]
    pub fn scriptless(mut self) -> Self {
        self.scripts = false;
        self
    }

    /// A page whose forms lead there.
    #[must_use]
    pub fn forms(mut self, targets: &FormTargets) -> Self {
        self.forms = targets.clone();
        self
    }

    /// A page that frames exactly the origins of these URLs.
    #[must_use]
    pub fn frames<'a>(mut self, urls: impl IntoIterator<Item = &'a str>) -> Self {
        self.frames = sources(urls);
        self
    }

    /// The header's value.
    #[must_use]
    pub fn value(&self) -> String {
        let mut policy = String::from("default-src 'none'; style-src 'self'; img-src 'self'");
        if self.scripts {
            policy.push_str("; script-src 'self'");
        }
        if self.connects {
            policy.push_str("; connect-src 'self'");
        }
        match &self.forms {
            FormTargets::Own => policy.push_str("; form-action 'self'"),
            FormTargets::And(urls) => {
                policy.push_str("; form-action 'self'");
                for source in sources(urls.iter().map(String::as_str)) {
                    policy.push(' ');
                    policy.push_str(&source);
                }
            }
            FormTargets::Any => {}
        }
        if !self.frames.is_empty() {
            policy.push_str("; frame-src ");
            policy.push_str(&self.frames.join(" "));
        }
        policy.push_str("; frame-ancestors 'none'; base-uri 'none'");
        policy
    }
}

fn sources<'a>(urls: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut sources: Vec<String> = urls.into_iter().filter_map(source).collect();
    sources.sort();
    sources.dedup();
    sources
}

/// The source expression for a URL; none when it is no URL. Built from the parsed URL, so a registered URI can put
/// no directive of its own into the policy.
fn source(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let origin = url.origin();
    // A native application's own scheme has no origin, and the grammar of CSP knows no IPv6 address: the scheme it is.
    let by_scheme = !origin.is_tuple() || matches!(url.host(), Some(Host::Ipv6(_)));
    Some(if by_scheme { format!("{}:", url.scheme()) } else { origin.ascii_serialization() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_page_may_do_next_to_nothing() {
        assert_eq!(
            Csp::page().value(),
            "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'"
        );
    }

    #[test]
    fn a_scriptless_page_allows_no_script() {
        assert!(!Csp::page().scriptless().value().contains("script-src"));
    }

    #[test]
    fn frames_are_named_by_exact_origins_once_each() {
        let csp = Csp::page().frames(["https://b.example:8443/x?sid=1", "https://a.example/f", "https://a.example/g"]);
        assert!(csp.value().contains("; frame-src https://a.example https://b.example:8443;"));
    }

    #[test]
    fn forms_may_end_at_the_application_and_at_native_schemes() {
        let targets = FormTargets::And(vec!["https://app.example/cb?a=b".into(), "com.example.app:/cb".into()]);
        let value = Csp::page().forms(&targets).value();
        assert!(value.contains("; form-action 'self' com.example.app: https://app.example;"), "{value}");
    }

    #[test]
    fn a_url_cannot_add_a_directive() {
        for hostile in
            ["https://a.example;script-src *", "https://a.example/;script-src *", "x; script-src *", "a:;x y"]
        {
            let value = Csp::page().frames([hostile]).value();
            assert_eq!(value.matches("script-src").count(), 1, "{value}");
            assert!(!value.contains('*'), "{value}");
        }
    }

    #[test]
    fn an_ipv6_address_becomes_its_scheme() {
        assert!(Csp::page().frames(["http://[::1]:8080/x"]).value().contains("frame-src http:;"));
    }
}
