//! A browser without a screen: strict cookies, Fetch Metadata, redirects, forms and frames, as Chromium does them.
//!
//! It runs no scripts. Where our pages need one they say so with a refresh or a link, and those work here.

use std::{net::IpAddr, sync::Mutex};

use http::{HeaderName, HeaderValue, Method, Request, header};
use hyper::body::Bytes;
use url::Url;

use crate::wire;

pub mod html;
pub mod jar;
pub mod load;
pub mod page;
pub mod site;

use jar::{Context, Jar};
pub use load::{Dest, Load};
pub use page::{Form, Hop, Page};

/// The most redirects that are followed.
const MAX_HOPS: usize = 20;

/// A browser of one person.
#[derive(Debug)]
pub struct Browser {
    jar: Mutex<Jar>,
    user_agent: String,
    third_party_cookies: bool,
    from: Option<IpAddr>,
}

impl Default for Browser {
    fn default() -> Self {
        Self::new()
    }
}

impl Browser {
    /// A browser that has been nowhere yet.
    #[must_use]
    pub fn new() -> Self {
        let user_agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36";
        Self { jar: Mutex::default(), user_agent: user_agent.to_owned(), third_party_cookies: true, from: None }
    }

    /// One that neither sends nor takes cookies in frames of other sites.
    #[must_use]
    pub fn without_third_party_cookies(mut self) -> Self {
        self.third_party_cookies = false;
        self
    }

    /// One at this address, of 127.0.0.0/8.
    #[must_use]
    pub fn at(mut self, from: [u8; 4]) -> Self {
        self.from = Some(from.into());
        self
    }

    /// The same cookies in another browser: a thief's, or a copy from before.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self {
            jar: Mutex::new(self.jar()),
            user_agent: self.user_agent.clone(),
            third_party_cookies: self.third_party_cookies,
            from: self.from,
        }
    }

    /// A copy of the cookies as they are now.
    #[must_use]
    pub fn jar(&self) -> Jar {
        self.lock().clone()
    }

    /// The value of a cookie that would be sent to `url` on a visit.
    #[must_use]
    pub fn cookie(&self, url: &str, name: &str) -> Option<String> {
        let url = Url::parse(url).ok()?;
        let context = Context { same_site: true, top_level: true, safe_method: true };
        self.lock().matching(&url, context).iter().find(|cookie| cookie.name == name).map(|cookie| cookie.value.clone())
    }

    /// Plants a cookie as a response of `url` would.
    ///
    /// # Panics
    /// A browser would refuse it.
    pub fn plant(&self, url: &str, set_cookie: &str) {
        let context = Context { same_site: true, top_level: true, safe_method: true };
        self.lock().set(set_cookie, &Url::parse(url).unwrap(), context).unwrap();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Types an address in, and follows to where it leads.
    pub async fn open(&self, url: &str) -> Page {
        self.load(Load::typed(url)).await
    }

    /// Follows a link, or a script's `location =`, on `page`.
    pub async fn click(&self, page: &Page, url: &str) -> Page {
        let url = page.url.join(url).unwrap();
        self.load(Load::typed(url.as_str()).by(&page.url)).await
    }

    /// Sends a form of `page`, with what was filled in and pressed.
    pub async fn submit(&self, page: &Page, form: Form) -> Page {
        self.load(Load::form(page, &form)).await
    }

    /// Loads every frame of `page`, in parallel, each through its redirects.
    pub async fn load_frames(&self, page: &Page) -> Vec<Page> {
        let frames = page.tags("iframe");
        let loads = frames.iter().filter_map(|frame| {
            let url = page.url.join(frame.get("src")?).ok()?;
            let policy = frame.get("referrerpolicy").or(page.header("referrer-policy"));
            Some(self.load(Load::typed(url.as_str()).by(&page.url).framed_in(&page.url).referrer_policy(policy)))
        });
        futures_util::future::join_all(loads).await
    }

    /// Loads something and follows redirects to the end.
    ///
    /// # Panics
    /// Nobody answers, or it goes round in circles.
    pub async fn load(&self, load: Load) -> Page {
        self.try_load(load).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`Browser::load`]; an address that nobody answers at gives the address and the error, not a panic.
    ///
    /// # Errors
    /// Where and why nobody answered, with the hops so far.
    pub async fn try_load(&self, mut load: Load) -> Result<Page, Lost> {
        let mut hops = Vec::new();
        loop {
            let page = match self.step(&load).await {
                Ok(page) => page,
                Err(error) => return Err(Lost { url: load.url, error, hops }),
            };
            let next = page.location().filter(|_| matches!(page.status, 301 | 302 | 303 | 307 | 308));
            // A native application's own scheme leads out of the browser.
            let Some(next) = next.filter(|url| url.scheme() == "http") else {
                return Ok(Page { hops, ..page });
            };
            hops.push(Hop { url: page.url.clone(), status: page.status, headers: page.headers.clone() });
            assert!(hops.len() <= MAX_HOPS, "round in circles: {}", Page { hops, ..page });
            load = load.redirected(&page, next);
        }
    }

    /// Sends one request and follows nothing.
    ///
    /// # Errors
    /// Nobody answers.
    pub async fn step(&self, load: &Load) -> std::io::Result<Page> {
        let context = load.context();
        let blocked = !self.third_party_cookies && !load.same_site() && load.dest != Dest::Document;
        let mut request = Request::builder()
            .method(load.method.clone())
            .uri(load.url.as_str())
            .header(header::USER_AGENT, &self.user_agent)
            .header(header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8")
            .header(header::ACCEPT_LANGUAGE, "en");
        for (name, value) in load.metadata() {
            request = request.header(name, value);
        }
        if !blocked {
            let jar = self.lock();
            let cookies = jar.matching(&load.url, context);
            let pairs: Vec<String> = cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
            if !pairs.is_empty() {
                request = request.header(header::COOKIE, pairs.join("; "));
            }
        }
        let mut request = request.body(load.body.clone().unwrap_or_default()).map_err(std::io::Error::other)?;
        for (name, value) in &load.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(std::io::Error::other)?;
            request
                .headers_mut()
                .insert(name, HeaderValue::from_bytes(value.as_bytes()).map_err(std::io::Error::other)?);
        }
        let response = wire::exchange(request, self.from).await?;
        if !blocked {
            let mut jar = self.lock();
            for value in response.headers().get_all(header::SET_COOKIE) {
                // What a browser refuses is simply not kept, as there.
                let _ = jar.set(&String::from_utf8_lossy(value.as_bytes()), &load.url, context);
            }
        }
        let (parts, body) = response.into_parts();
        let is_head = load.method == Method::HEAD;
        let body = if is_head { Bytes::new() } else { body };
        Ok(Page {
            url: load.url.clone(),
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            hops: Vec::new(),
        })
    }
}

/// Nobody answered.
#[derive(Debug)]
pub struct Lost {
    /// Where.
    pub url: Url,
    /// Why.
    pub error: std::io::Error,
    /// The redirects that led there.
    pub hops: Vec<Hop>,
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} (after {} redirects)", self.url, self.error, self.hops.len())
    }
}
