//! A request that a browser is about to make: who asks, for what, in which frame, and what it says of that.

use http::Method;
use hyper::body::Bytes;
use url::Url;

use super::{
    jar::Context,
    page::{Form, Page},
    site::{self, Relation},
};

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dest {
    /// The top-level page.
    Document,
    /// A frame.
    Frame,
    /// An image.
    Image,
    /// A script's `fetch` without CORS.
    Fetch,
}

/// A request to be made.
#[derive(Clone, Debug)]
pub struct Load {
    /// The method.
    pub method: Method,
    /// The address.
    pub url: Url,
    /// The body.
    pub body: Option<Bytes>,
    /// More headers, or other values of those that the browser sends.
    pub headers: Vec<(String, String)>,
    /// What it is for.
    pub dest: Dest,
    /// The page that asks; none when a person typed the address.
    initiator: Option<Url>,
    /// The top-level page that a frame is in.
    top: Option<Url>,
    relation: Relation,
    referrer_policy: String,
    tainted: bool,
}

impl Load {
    /// A person types this address.
    ///
    /// # Panics
    /// It is no URL.
    #[must_use]
    pub fn typed(url: &str) -> Self {
        Self {
            method: Method::GET,
            url: Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}")),
            body: None,
            headers: Vec::new(),
            dest: Dest::Document,
            initiator: None,
            top: None,
            relation: Relation::None,
            referrer_policy: "strict-origin-when-cross-origin".to_owned(),
            tainted: false,
        }
    }

    /// A form of `page`.
    ///
    /// # Panics
    /// Its action is no URL.
    #[must_use]
    pub fn form(page: &Page, form: &Form) -> Self {
        let mut url = page.url.join(&form.action).unwrap();
        let mut load = if form.method == "post" {
            Self::typed(url.as_str()).post(form.encoded())
        } else {
            url.set_query(Some(&form.encoded()));
            Self::typed(url.as_str())
        };
        load = load.referrer_policy(page.header("referrer-policy"));
        load.by(&page.url)
    }

    /// Under this policy for `Referer` and `Origin`, if there is one.
    #[must_use]
    pub fn referrer_policy(mut self, policy: Option<&str>) -> Self {
        if let Some(policy) = policy {
            policy.clone_into(&mut self.referrer_policy);
        }
        self
    }

    /// Makes it a POST of a form-encoded body.
    #[must_use]
    pub fn post(mut self, body: impl Into<Bytes>) -> Self {
        self.method = Method::POST;
        self.body = Some(body.into());
        self.with("content-type", "application/x-www-form-urlencoded")
    }

    /// With this method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// With this header, instead of what the browser would send under that name.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(old, _)| old != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Asked for by the page at `initiator`.
    #[must_use]
    pub fn by(mut self, initiator: &Url) -> Self {
        self.relation = site::relation(initiator, &self.url);
        self.initiator = Some(initiator.clone());
        self
    }

    /// For a frame in the page at `top`.
    #[must_use]
    pub fn framed_in(mut self, top: &Url) -> Self {
        self.dest = Dest::Frame;
        self.top = Some(top.clone());
        self
    }

    /// For something else than a page, in the page at `top`.
    #[must_use]
    pub fn embedded_in(mut self, top: &Url, dest: Dest) -> Self {
        self = self.by(&top.clone());
        self.dest = dest;
        self.top = Some(top.clone());
        self
    }

    /// The request that follows a redirect of `page` to `next`.
    #[must_use]
    pub fn redirected(mut self, page: &Page, mut next: Url) -> Self {
        if next.fragment().is_none() {
            next.set_fragment(self.url.fragment());
        }
        let becomes_get =
            page.status == 303 && self.method != Method::HEAD || page.status < 303 && self.method == Method::POST;
        if becomes_get {
            self.method = Method::GET;
            self.body = None;
            self.headers.retain(|(name, _)| name != "content-type");
        }
        if let Some(initiator) = &self.initiator {
            self.relation = self.relation.max(site::relation(initiator, &next));
            self.tainted |= page.url.origin() != next.origin() && page.url.origin() != initiator.origin();
        }
        self.url = next;
        self
    }

    /// Whether everyone involved is of the URL's own site.
    #[must_use]
    pub fn same_site(&self) -> bool {
        let of_site = |other: &Option<Url>| other.as_ref().is_none_or(|other| site::same_site(other, &self.url));
        of_site(&self.top) && of_site(&self.initiator)
    }

    pub(super) fn context(&self) -> Context {
        Context {
            same_site: self.same_site(),
            top_level: self.dest == Dest::Document,
            safe_method: self.method == Method::GET || self.method == Method::HEAD,
        }
    }

    /// The headers that say where the request comes from. Fetch Metadata goes to trusted connections only.
    pub(super) fn metadata(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if site::trustworthy(&self.url) {
            let (mode, dest) = match self.dest {
                Dest::Document => ("navigate", "document"),
                Dest::Frame => ("navigate", "iframe"),
                Dest::Image => ("no-cors", "image"),
                Dest::Fetch => ("no-cors", "empty"),
            };
            headers.push(("sec-fetch-site", self.relation.as_str().to_owned()));
            headers.push(("sec-fetch-mode", mode.to_owned()));
            headers.push(("sec-fetch-dest", dest.to_owned()));
            if self.dest == Dest::Document {
                headers.push(("sec-fetch-user", "?1".to_owned()));
            }
        }
        if matches!(self.dest, Dest::Document | Dest::Frame) {
            headers.push(("upgrade-insecure-requests", "1".to_owned()));
        }
        if let Some(initiator) = &self.initiator {
            let is_same_origin = initiator.origin() == self.url.origin();
            if self.method != Method::GET && self.method != Method::HEAD {
                // Fetch, "append a request Origin header": some referrer policies hide the origin too.
                let hidden = self.referrer_policy == "no-referrer"
                    || self.referrer_policy == "same-origin" && !is_same_origin
                    || self.tainted;
                headers.push(("origin", if hidden { "null".into() } else { initiator.origin().ascii_serialization() }));
            }
            let mut referrer = initiator.clone();
            referrer.set_fragment(None);
            match self.referrer_policy.as_str() {
                "no-referrer" => {}
                _ if is_same_origin => headers.push(("referer", referrer.to_string())),
                "same-origin" => {}
                _ => headers.push(("referer", format!("{}/", referrer.origin().ascii_serialization()))),
            }
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(load: &Load, name: &str) -> Option<String> {
        load.metadata().into_iter().find(|(header, _)| *header == name).map(|(_, value)| value)
    }

    fn redirect(from: &str, status: u16) -> Page {
        Page {
            url: Url::parse(from).unwrap(),
            status,
            headers: http::HeaderMap::new(),
            body: String::new(),
            hops: Vec::new(),
        }
    }

    #[test]
    fn a_typed_address_comes_from_nowhere_also_through_redirects() {
        let load = Load::typed("http://a.localhost/");
        assert_eq!(header(&load, "sec-fetch-site").as_deref(), Some("none"));
        let next = load.redirected(&redirect("http://a.localhost/", 302), Url::parse("http://b.localhost/").unwrap());
        assert_eq!(header(&next, "sec-fetch-site").as_deref(), Some("none"));
        assert!(next.context().same_site);
    }

    #[test]
    fn a_chain_of_redirects_is_as_foreign_as_its_most_foreign_part() {
        let own = Url::parse("http://a.localhost/").unwrap();
        let load = Load::typed("http://b.localhost/x").by(&own);
        assert_eq!(header(&load, "sec-fetch-site").as_deref(), Some("cross-site"));
        let back = load.redirected(&redirect("http://b.localhost/x", 302), own.clone());
        assert_eq!(header(&back, "sec-fetch-site").as_deref(), Some("cross-site"));
    }

    #[test]
    fn a_post_becomes_a_get_by_303_and_stays_one_by_307() {
        let next = Url::parse("http://a.localhost/y").unwrap();
        let post = Load::typed("http://a.localhost/x").post("a=b");
        let seen = post.clone().redirected(&redirect("http://a.localhost/x", 303), next.clone());
        assert_eq!((seen.method, seen.body.is_none(), seen.headers.is_empty()), (Method::GET, true, true));
        let kept = post.redirected(&redirect("http://a.localhost/x", 307), next);
        assert_eq!((kept.method, kept.body.is_some()), (Method::POST, true));
    }

    #[test]
    fn a_post_names_its_origin_unless_the_page_hides_it() {
        let own = Url::parse("http://a.localhost/form?secret=1").unwrap();
        let mut load = Load::typed("http://b.localhost/").post("").by(&own);
        assert_eq!(header(&load, "origin").as_deref(), Some("http://a.localhost"));
        assert_eq!(header(&load, "referer").as_deref(), Some("http://a.localhost/"));
        load.referrer_policy = "same-origin".to_owned();
        assert_eq!(header(&load, "origin").as_deref(), Some("null"));
        assert_eq!(header(&load, "referer"), None);
    }

    #[test]
    fn a_frame_of_another_site_is_told_apart() {
        let top = Url::parse("http://id.localhost/").unwrap();
        let load = Load::typed("http://app.localhost/fc").by(&top).framed_in(&top);
        assert_eq!(header(&load, "sec-fetch-dest").as_deref(), Some("iframe"));
        assert!(!load.context().same_site && !load.context().top_level);
    }
}
