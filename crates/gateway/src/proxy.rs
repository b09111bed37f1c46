//! The data path: each request is read once, decided about from memory, and carried to the app; what it opens stays bound
//! to the session that it was opened in.

mod access;
mod balance;
mod body;
mod forward;
mod frame;
mod house;
mod onward;
mod page;
mod rights;
#[cfg(test)]
mod tests;
mod tunnel;
mod upload;
mod upstream;
mod way;
mod websocket;

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use acquit_core::SessionId;
use acquit_delivery::egress::EgressError;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header, request::Parts, uri::PathAndQuery};
use hyper::body::Incoming;
use ipnet::IpNet;
use rustls_pki_types::CertificateDer;

use self::{access::Access, page::Page, upstream::Dialer, way::Way};
pub use self::{
    balance::Balance,
    body::ProxyBody,
    frame::{close, text},
    house::{House, Renewed, Unavailable},
    onward::{Onward, Unanswered},
    upstream::Answer,
    websocket::accept,
};
use crate::{
    cookie::{self, Cookies},
    decide::{Decision, decide},
    hygiene::cookies,
    identity::Identity,
    listener::Caller,
    live::{Opened, Stream},
    origin::Origin,
    program::{self, Presented},
    route::{Route, Routes},
    standing::Standing,
};

/// How many cookies of our name are looked at: on loopback those of other ports come too.
const MAX_COOKIES: usize = 4;

/// What may change while the proxy runs.
#[derive(Debug, Default)]
pub struct Rules {
    /// The routes.
    pub routes: Routes,
    /// Acquit's own host, as a `Host` header names it.
    pub own: Option<String>,
    /// Who may say whom they ask for.
    pub trusted_proxies: Vec<IpNet>,
}

/// What a proxy is made of.
#[derive(Debug)]
pub struct Config {
    /// What may change later.
    pub rules: Rules,
    /// Reads the cookies of routes.
    pub cookies: Arc<Cookies>,
    /// What this node knows of endings.
    pub standing: Arc<Standing>,
    /// Roots that connections to apps trust beside the system's.
    pub extra_roots: Vec<CertificateDer<'static>>,
}

/// The proxy. Clones share everything.
pub struct Proxy<H>(Arc<Shared<H>>);

struct Shared<H> {
    house: Arc<H>,
    rules: RwLock<Arc<Rules>>,
    /// How often the rules were changed.
    changes: AtomicU64,
    cookies: Arc<Cookies>,
    standing: Arc<Standing>,
    dialer: Dialer,
}

impl<H> Clone for Proxy<H> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<H> fmt::Debug for Proxy<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").finish_non_exhaustive()
    }
}

/// A request that may pass.
struct Admitted {
    identity: Option<Arc<Identity>>,
    /// What it has open, in its session if it has one.
    stream: Arc<Stream>,
    /// The cookie that the browser gets instead of its old one.
    cookie: Option<HeaderValue>,
}

/// A request for a route, as it was read.
struct Asked {
    parts: Parts,
    /// None once it is on its way.
    body: Option<Incoming>,
    caller: Caller,
    path: PathAndQuery,
    route: Arc<Route>,
    rules: Arc<Rules>,
    /// How often the rules had changed when these were read.
    changes: u64,
}

impl<H: House> Proxy<H> {
    /// A proxy in this house.
    ///
    /// # Errors
    /// [`EgressError`] for a root that cannot be used.
    pub fn new(config: Config, house: Arc<H>) -> Result<Self, EgressError> {
        let Config { rules, cookies, standing, extra_roots } = config;
        let dialer = Dialer::new(extra_roots)?;
        let rules = RwLock::new(Arc::new(rules));
        let changes = AtomicU64::default();
        Ok(Self(Arc::new(Shared { house, rules, changes, cookies, standing, dialer })))
    }

    /// Answers one request. hyper moves the future about, so it holds what it needs and no more: what can be done at once is done
    /// before there is one, and what is seldom needed lies elsewhere.
    pub fn serve(
        &self,
        request: Request<Incoming>,
        caller: Caller,
    ) -> impl Future<Output = Response<ProxyBody<H>>> + Send + use<H> {
        let (changes, rules) = (self.0.changes.load(Ordering::Acquire), self.0.rules());
        let (mut parts, body) = request.into_parts();
        let mut access = Access::begin(&parts, &caller);
        let way = Way::of(&parts, &rules);
        if let Ok(way) = &way {
            access.goes(way);
        }
        let shared = self.0.clone();
        let mut going = match way {
            Err(page) => Going::Answered(page),
            Ok(Way::Home(uri) | Way::Door(uri)) => {
                // HTTP/2 names it in the target, of which the path alone goes on.
                let host = parts.uri.authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
                if let Some(host) = host {
                    parts.headers.entry(header::HOST).or_insert(host);
                }
                parts.uri = uri;
                Going::House(Box::pin(
                    async move { shared.house.door(Request::from_parts(parts, body), &caller).await },
                ))
            }
            Ok(Way::Route(route, path)) => {
                parts.uri = path.clone().into();
                let asked = Asked { parts, body: Some(body), caller, path, route, rules, changes };
                Going::App(shared, Box::new(asked))
            }
        };
        async move {
            // By reference: what is moved out has its place twice.
            let response = match &mut going {
                Going::Answered(page) => answer(*page),
                Going::House(answer) => answer.await.map(ProxyBody::house),
                Going::App(shared, asked) => shared.pass(asked, &mut access).await,
            };
            logged(response, access)
        }
    }
}

/// A request on its way.
enum Going<H, F> {
    /// Nowhere: it cannot be read in one way only.
    Answered(Page),
    House(Pin<Box<F>>),
    App(Arc<Shared<H>>, Box<Asked>),
}

/// The answer, with the line of the access log that is written when it is over.
fn logged<H: House>(response: Response<ProxyBody<H>>, mut access: Access) -> Response<ProxyBody<H>> {
    access.answered(&response);
    response.map(|body| body.logged(access))
}

impl<H: House> Shared<H> {
    /// Answers a request for a route: by its app, if it may pass.
    async fn pass(&self, asked: &mut Asked, access: &mut Access) -> Response<ProxyBody<H>> {
        let mut outgoing = match self.admit(&asked.parts, &asked.route, &asked.path).await {
            Ok(admitted) => {
                self.judge_again(&admitted, asked.changes, (&asked.route, &asked.path));
                access.of(admitted.identity.as_deref(), Some(&admitted.stream));
                match self.prepare(asked, admitted) {
                    Ok(outgoing) => outgoing,
                    Err(refusal) => return answer(refusal.into()),
                }
            }
            Err(response) => {
                if access.is_on() && response.status() == StatusCode::FORBIDDEN {
                    access.of(self.identify(&asked.route.from, &asked.parts.headers).as_deref(), None);
                }
                return *response;
            }
        };
        self.forward(asked, &mut outgoing, access).await
    }

    /// Lets a request pass, or answers it.
    async fn admit(
        &self,
        parts: &Parts,
        route: &Arc<Route>,
        path: &PathAndQuery,
    ) -> Result<Admitted, Box<Response<ProxyBody<H>>>> {
        let house = |response: Response<H::Body>| Box::new(response.map(ProxyBody::house));
        let unsure = || Box::new(answer(Page::Unsure));
        let (mut asked, mut renewed): (bool, Option<Renewed>) = (false, None);
        loop {
            let identity = match &renewed {
                Some(renewed) => Some(renewed.identity.clone()),
                None => self.identify(&route.from, &parts.headers),
            };
            // A program keeps its token, and is described anew each time once that is old.
            let is_browser = || program::presented(&parts.headers) == Presented::Nothing;
            let cookie = || renewed.as_ref().filter(|_| is_browser()).map(|new| new.cookie.clone());
            let somebody = identity.is_some();
            // It is open before it is decided about: what ends now either cuts it or decides.
            let mut stream = self.open(identity.clone(), route, path);
            match decide(route, path.path(), identity, &self.standing) {
                Decision::Public(identity) => {
                    // Who is out is nobody there.
                    if somebody && identity.is_none() {
                        stream = self.open(None, route, path);
                    }
                    return Ok(Admitted { identity, stream: Arc::new(stream), cookie: cookie() });
                }
                Decision::Pass(identity) => {
                    return Ok(Admitted { identity: Some(identity), stream: Arc::new(stream), cookie: cookie() });
                }
                Decision::Forbidden(identity) => return Err(house(self.house.forbidden(parts, route, &identity))),
                Decision::Unsure if !asked => {
                    asked = true;
                    Box::pin(self.house.refresh()).await.map_err(|Unavailable| unsure())?;
                }
                Decision::Unsure => return Err(unsure()),
                Decision::Renew(identity) if renewed.is_none() => {
                    renewed = Box::pin(self.house.renew(route, &identity)).await.map_err(|Unavailable| unsure())?;
                    if renewed.is_none() {
                        return Err(house(Box::pin(self.house.sign_in(parts, route)).await));
                    }
                }
                Decision::SignIn | Decision::Renew(_) => {
                    return Err(house(Box::pin(self.house.sign_in(parts, route)).await));
                }
            }
        }
    }

    fn open(&self, identity: Option<Arc<Identity>>, route: &Arc<Route>, path: &PathAndQuery) -> Stream {
        self.standing.live().open(Opened { identity, route: route.clone(), path: path.path().into() })
    }

    /// Who it is, by a program's token, and by the route's cookie where there is none: a program that says who it is means that.
    fn identify(&self, origin: &Origin, headers: &HeaderMap) -> Option<Arc<Identity>> {
        let now = self.house.now();
        match program::presented(headers) {
            Presented::Nothing => {}
            Presented::Token(token) => return self.cookies.open_program(origin, token, now),
            Presented::Several => return None,
        }
        let mut values = cookies::values(headers, cookie::name(origin)).take(MAX_COOKIES);
        values.find_map(|value| self.cookies.open(origin, value, now))
    }
}

fn answer<H: House>(page: Page) -> Response<ProxyBody<H>> {
    page.answer().map(ProxyBody::page)
}

/// A session that can be said to be used.
struct Used<H> {
    house: Arc<H>,
    session: SessionId,
}

impl<H: House> Used<H> {
    fn again(&self) {
        self.house.used(&self.session);
    }
}

impl<H> fmt::Debug for Used<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Used").field(&self.session).finish()
    }
}
