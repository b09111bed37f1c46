//! A browser without a screen, strict where browsers differ: it withholds every cookie from frames of other sites, takes
//! none with a `Domain`, sends what it loads and from where as browsers do, and obeys the policy of the page that frames.

use acquit_oidc::uri::same_origin;
use http::{HeaderValue, Method, StatusCode, header};
use hyper::upgrade::Upgraded;
use url::Url;

mod html;
mod jar;

pub use html::{Form, Frame};

use super::http::{Answer, Ask, HttpError, send, switch};
use jar::Jar;

/// The most redirects that are followed for one click.
const MAX_HOPS: usize = 20;

/// Why the browser does not get on.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    /// There is no answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A URL is none.
    #[error("{0} is no URL")]
    Url(String),
    /// Redirects without end.
    #[error("{0} redirects again and again")]
    Loop(String),
    /// A server sets a cookie that a strict browser refuses.
    #[error("a cookie is refused: {0}")]
    Cookie(String),
    /// A page lacks what was expected of it.
    #[error("{0} lacks {1}")]
    Lacks(String, &'static str),
    /// A frame is not allowed, by the page around it or by itself.
    #[error("the frame {0} is not allowed on its page")]
    Frame(String),
}

/// A browser with its cookies. A clone is another one with copies of them.
#[derive(Clone, Debug)]
pub struct Browser {
    jar: Jar,
    user_agent: HeaderValue,
}

/// What the browser shows.
#[derive(Debug)]
pub struct Page {
    /// Where it is.
    pub url: Url,
    /// The answer's status.
    pub status: StatusCode,
    /// Its policy.
    policy: String,
    /// Its text.
    pub html: String,
}

/// How something is loaded.
#[derive(Clone, Copy)]
enum Load<'a> {
    /// Typed into the address bar.
    Typed,
    /// By a link or a form of this page.
    From(&'a Url),
    /// Into a frame of this page.
    Frame(&'a Url),
    /// By a script of this page.
    Script(&'a Url),
}

impl Browser {
    /// One that calls itself so, without any cookie.
    #[must_use]
    pub fn new(user_agent: &'static str) -> Self {
        Self { jar: Jar::default(), user_agent: HeaderValue::from_static(user_agent) }
    }

    /// Goes to a URL.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn go(&mut self, url: &str) -> Result<Page, BrowserError> {
        let url = Url::parse(url).map_err(|_| BrowserError::Url(url.to_owned()))?;
        self.load(Ask::get(url), Load::Typed).await
    }

    /// Follows a link of a page.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn follow(&mut self, page: &Page, href: &str) -> Result<Page, BrowserError> {
        self.load(Ask::get(page.join(href)?), Load::From(&page.url)).await
    }

    /// Fills a form in and sends it.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn submit(&mut self, page: &Page, form: &Form, filled: &[(&str, &str)]) -> Result<Page, BrowserError> {
        let url = page.join(&form.action)?;
        let fields = form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields: Vec<(&str, &str)> = fields.chain(filled.iter().copied()).collect();
        let mut ask = Ask::post(url, fields);
        ask.headers.insert(header::ORIGIN, value(&page.url.origin().ascii_serialization())?);
        self.load(ask, Load::From(&page.url)).await
    }

    /// Loads a frame of a page.
    ///
    /// # Errors
    /// [`BrowserError::Frame`] when it may not be shown there.
    pub async fn frame(&mut self, page: &Page, frame: &Frame) -> Result<Page, BrowserError> {
        let url = page.join(&frame.src)?;
        let refused = || BrowserError::Frame(url.origin().ascii_serialization());
        if !page.allows("frame-src", &url) {
            return Err(refused());
        }
        let shown = self.load(Ask::get(url.clone()), Load::Frame(&page.url)).await?;
        if shown.allows("frame-ancestors", &page.url) { Ok(shown) } else { Err(refused()) }
    }

    /// Posts a form as a script of the page does.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn report(&mut self, page: &Page, to: &str, fields: &[(&str, &str)]) -> Result<Page, BrowserError> {
        let mut ask = Ask::post(page.join(to)?, fields.iter().copied());
        ask.headers.insert(header::ORIGIN, value(&page.url.origin().ascii_serialization())?);
        self.load(ask, Load::Script(&page.url)).await
    }

    /// Opens a WebSocket as a script of the page does: the status, and the stream where there is one.
    ///
    /// # Errors
    /// [`BrowserError`].
    pub async fn websocket(&self, page: &Page, to: &str) -> Result<(StatusCode, Option<Upgraded>), BrowserError> {
        let mut ask = Ask::get(page.join(to)?);
        self.dress(&mut ask, Load::Script(&page.url))?;
        for (name, text) in [
            (header::CONNECTION, "Upgrade"),
            (header::UPGRADE, "websocket"),
            (header::SEC_WEBSOCKET_VERSION, "13"),
            (header::ORIGIN, &page.url.origin().ascii_serialization()),
            // Against answers from a cache, where one per stream would be needed; there is none on the way.
            (header::SEC_WEBSOCKET_KEY, "YWNxdWl0IGRlbW8gLS1vbg=="),
        ] {
            ask.headers.insert(name, value(text)?);
        }
        ask.headers.insert("sec-fetch-mode", HeaderValue::from_static("websocket"));
        Ok(switch(ask).await?)
    }

    async fn load(&mut self, mut ask: Ask, load: Load<'_>) -> Result<Page, BrowserError> {
        let body_headers = ask.headers.clone();
        for _ in 0..MAX_HOPS {
            let url = ask.url.clone();
            self.dress(&mut ask, load)?;
            let answer = send(ask).await?;
            let third_party = load.embedder().is_some_and(|page| site(page) != site(&url));
            if !third_party {
                self.jar.take(&url, &answer.headers)?;
            }
            let Some(next) = onward(&url, &answer)? else { return Ok(Page::of(url, answer)) };
            // 303, and 302 as browsers have it; the others repeat the request, which nothing here wants.
            ask = Ask::get(next);
            if let Some(origin) = body_headers.get(header::ORIGIN)
                && same_origin(url.as_str(), ask.url.as_str())
            {
                ask.headers.insert(header::ORIGIN, origin.clone());
            }
        }
        Err(BrowserError::Loop(ask.url.origin().ascii_serialization()))
    }

    /// Adds what a browser sends beside the request itself.
    fn dress(&self, ask: &mut Ask, load: Load<'_>) -> Result<(), BrowserError> {
        let from_site = match load {
            Load::Typed => "none",
            Load::From(page) | Load::Frame(page) | Load::Script(page) => relation(page, &ask.url),
        };
        let (dest, mode) = match load {
            Load::Typed | Load::From(_) => ("document", "navigate"),
            Load::Frame(_) => ("iframe", "navigate"),
            Load::Script(_) => ("empty", "cors"),
        };
        for (name, text) in [("sec-fetch-site", from_site), ("sec-fetch-dest", dest), ("sec-fetch-mode", mode)] {
            ask.headers.insert(name, HeaderValue::from_static(text));
        }
        ask.headers.insert(header::USER_AGENT, self.user_agent.clone());
        // SameSite=Lax, which all cookies here are taken for: with what the site itself sends, and when somebody comes by a
        // link. Never in a frame of another site.
        let own = matches!(from_site, "none" | "same-origin" | "same-site");
        let by_link = matches!(load, Load::From(_)) && ask.method == Method::GET;
        if (own || by_link)
            && let Some(cookies) = self.jar.header(&ask.url)
        {
            ask.headers.insert(header::COOKIE, value(&cookies)?);
        }
        Ok(())
    }
}

impl<'a> Load<'a> {
    fn embedder(self) -> Option<&'a Url> {
        match self {
            Self::Frame(page) | Self::Script(page) => Some(page),
            Self::Typed | Self::From(_) => None,
        }
    }
}

impl Page {
    fn of(url: Url, answer: Answer) -> Self {
        let policy = answer.headers.get(header::CONTENT_SECURITY_POLICY);
        let policy = policy.and_then(|policy| policy.to_str().ok()).unwrap_or_default().to_owned();
        Self { url, status: answer.status, policy, html: answer.body }
    }

    /// The first element with this attribute, by that attribute's value.
    #[must_use]
    pub fn mark(&self, attribute: &str) -> Option<String> {
        html::tags(&self.html).find_map(|tag| tag.get(attribute).map(str::to_owned))
    }

    /// The target of the first link with this attribute.
    #[must_use]
    pub fn link(&self, attribute: &str) -> Option<String> {
        let mut links = html::tags(&self.html).filter(|tag| tag.name == "a" && tag.get(attribute).is_some());
        links.find_map(|tag| tag.get("href").map(str::to_owned))
    }

    /// The first form that has a field or a button of this name.
    #[must_use]
    pub fn form(&self, with: &str) -> Option<Form> {
        html::forms(&self.html).into_iter().find(|form| form.controls.iter().any(|name| name == with))
    }

    /// Its frames.
    #[must_use]
    pub fn frames(&self) -> Vec<Frame> {
        html::frames(&self.html)
    }

    /// What a person is told when the page is not the one that was expected: where it is, never its query.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}{} ({})", self.url.origin().ascii_serialization(), self.url.path(), self.status.as_u16())
    }

    fn join(&self, href: &str) -> Result<Url, BrowserError> {
        self.url.join(href).map_err(|_| BrowserError::Url(href.to_owned()))
    }

    /// Whether a directive of its policy names the origin of `url`. A page without the directive allows everything,
    /// unless `default-src` speaks for it.
    fn allows(&self, directive: &str, url: &Url) -> bool {
        let find = |wanted: &str| {
            let directives = self.policy.split(';').map(str::trim);
            directives
                .filter_map(|one| one.split_once(' '))
                .find(|(name, _)| *name == wanted)
                .map(|(_, sources)| sources)
        };
        let fallback = directive.ends_with("-src").then(|| find("default-src")).flatten();
        let Some(sources) = find(directive).or(fallback) else { return true };
        let origin = url.origin().ascii_serialization();
        sources.split(' ').any(|source| source == origin || source == "'self'" && url.origin() == self.url.origin())
    }
}

fn onward(from: &Url, answer: &Answer) -> Result<Option<Url>, BrowserError> {
    if !matches!(answer.status.as_u16(), 302 | 303) {
        return Ok(None);
    }
    let location = answer.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
    let location = location.ok_or_else(|| BrowserError::Lacks(from.path().to_owned(), "a Location"))?;
    from.join(location).map(Some).map_err(|_| BrowserError::Url("a Location".to_owned()))
}

/// The site of a URL. No name under `localhost` shares one with another.
fn site(url: &Url) -> Option<&str> {
    url.host_str()
}

fn relation(from: &Url, to: &Url) -> &'static str {
    if from.origin() == to.origin() {
        "same-origin"
    } else if site(from) == site(to) {
        "same-site"
    } else {
        "cross-site"
    }
}

fn value(text: &str) -> Result<HeaderValue, BrowserError> {
    HeaderValue::from_str(text).map_err(|_| BrowserError::Cookie("it cannot be sent".to_owned()))
}

#[cfg(test)]
mod tests;
