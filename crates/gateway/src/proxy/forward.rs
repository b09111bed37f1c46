//! A request that may pass goes to the app, and the app's answer to the browser.

use std::{future::pending, pin::pin, sync::Arc, time::Duration};

use acquit_core::SessionId;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header, uri::PathAndQuery};
use hyper::{body::Body, upgrade::OnUpgrade};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    Admitted, Asked, House, ProxyBody, Shared, Used,
    access::Access,
    answer,
    body::{Download, UseAgain},
    page::Page,
    tunnel,
    upload::{Progress, Upload},
    upstream::{Answer, Failure, Upstream},
    websocket,
};
use crate::{
    hygiene::{Refusal, cookies, forwarded, headers, trace},
    listener::Caller,
    live::Stream,
    program,
    route::{Cache, Route},
};

/// How many headers are added to a request at most.
const ADDED: usize = 16;
/// How long both sides of a WebSocket may take to switch after the app agreed.
const SWITCH_WITHIN: Duration = Duration::from_secs(10);

/// A request as it goes on to the app, and what is to be remembered until the answer comes.
pub(super) struct Outgoing {
    /// None once a connection has taken it.
    request: Option<Request<Upload>>,
    progress: Option<Arc<Progress>>,
    websocket: Option<websocket::Asked>,
    /// Whose request it is.
    session: Option<SessionId>,
    stream: Arc<Stream>,
    cookie: Option<HeaderValue>,
}

impl<H: House> Shared<H> {
    /// Makes of a request that may pass what the app gets.
    pub(super) fn prepare(&self, asked: &mut Asked, admitted: Admitted) -> Result<Outgoing, Refusal> {
        let Asked { parts, body, caller, route, rules, .. } = asked;
        let Admitted { identity, stream, cookie } = admitted;
        let websocket = websocket::Asked::of(parts);
        let body = body.take().filter(|body| !body.is_end_stream());
        // A WebSocket that begins with a body would begin in its middle for the app.
        if websocket.is_some() && body.is_some() || websocket.is_none() && parts.method == Method::CONNECT {
            return Err(Refusal::Length);
        }
        let mut headers = std::mem::take(&mut parts.headers);
        // Room for what is added, at once.
        headers.reserve(ADDED);
        headers::clean_request(&mut headers);
        program::clean_request(&mut headers);
        trace::clean(&mut headers);
        cookies::clean_request(&mut headers);
        if let Some(identity) = identity.as_deref().filter(|_| route.pass_identity) {
            self.house.identity_headers(route, identity, &mut headers);
        }
        forwarded::write(&mut headers, caller.told(), &route.from, &rules.trusted_proxies);
        if let Some(websocket) = &websocket {
            websocket.ask(&mut headers);
        }
        let progress = body.as_ref().map(|_| Progress::begin());
        let upload = match body.zip(progress.clone()) {
            Some((body, progress)) => Upload::new(body, progress, Some(stream.clone()), caller.clone()),
            None => Upload::Nothing,
        };
        let mut request = Request::new(upload);
        *request.method_mut() = if parts.method == Method::CONNECT { Method::GET } else { parts.method.clone() };
        *request.headers_mut() = headers;
        let session = identity.map(|identity| identity.session.clone());
        Ok(Outgoing { request: Some(request), progress, websocket, session, stream, cookie })
    }

    /// Carries a request to the app, and the head of the answer back; the bodies follow by themselves.
    pub(super) async fn forward(
        &self,
        asked: &Asked,
        outgoing: &mut Outgoing,
        access: &mut Access,
    ) -> Response<ProxyBody<H>> {
        let Outgoing { request, progress, websocket, session, stream, cookie } = outgoing;
        let call = Call {
            route: &asked.route,
            path: &asked.path,
            progress: progress.as_deref(),
            upgrade: websocket.is_some(),
        };
        let sent = tokio::select! {
            biased;
            why = stream.cut() => Err(why.into()),
            sent = self.send(&call, request) => sent,
        };
        let mut response = match sent {
            Ok(response) => response,
            Err(page) => return answer(page),
        };
        let agreed = websocket.as_ref().is_some_and(|websocket| websocket.is_agreed(&response));
        let tunnel = websocket.as_ref().is_some_and(websocket::Asked::is_tunnel);
        // What switches without being asked, or opens a tunnel that is no WebSocket, cannot be passed on.
        let opens = response.status().is_informational() || (tunnel && response.status().is_success());
        if headers::clean_response(response.headers_mut()).is_err() || (opens && !agreed) {
            return answer(Page::BadAnswer);
        }
        *response.version_mut() = Version::HTTP_11;
        cookies::clean_response(response.headers_mut());
        if session.is_some() && asked.route.cache == Cache::NoStore && is_page(&response) {
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response.headers_mut().remove(header::EXPIRES);
        }
        if let Some(cookie) = cookie.take() {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        let used = session.take().map(|session| Used { house: self.house.clone(), session });
        if let Some(used) = &used {
            used.again();
        }
        let use_again = used.filter(|_| asked.route.streams_are_use).map(UseAgain::new);
        let (stream, caller) = (stream.clone(), &asked.caller);
        match websocket.take().filter(|_| agreed) {
            Some(websocket) => switch(response, websocket, caller, (stream, std::mem::take(access)), use_again),
            None => response.map(|body| ProxyBody::app(Download::new(body, use_again, stream, caller.clone()))),
        }
    }

    /// Sends the request to an upstream, or to the next ones while none took a connection.
    async fn send(&self, call: &Call<'_>, request: &mut Option<Request<Upload>>) -> Result<Response<Answer>, Page> {
        let turn = call.route.balance.next(&call.route.to, &self.dialer);
        let mut page = Page::NotProxied;
        for upstream in turn {
            if call.upgrade && !upstream.upgrades() {
                page = Page::BadAnswer;
                continue;
            }
            match call.send(&upstream, request).await {
                Ok(response) => return Ok(response),
                Err(Trouble::Page(page)) => return Err(page),
                Err(Trouble::Unreachable) => page = Page::Unreachable,
            }
        }
        Err(page)
    }
}

/// Why a try brought no answer.
enum Trouble {
    /// Nothing of the request was sent.
    Unreachable,
    Page(Page),
}

/// What is to be known of a request while it is sent.
struct Call<'a> {
    route: &'a Route,
    path: &'a PathAndQuery,
    progress: Option<&'a Progress>,
    upgrade: bool,
}

impl Call<'_> {
    async fn send(
        &self,
        upstream: &Upstream,
        request: &mut Option<Request<Upload>>,
    ) -> Result<Response<Answer>, Trouble> {
        let (host, authority) = if self.route.preserve_host {
            let told = self.route.from.told();
            (&told.host, &told.authority)
        } else {
            upstream.names()
        };
        if let Some(request) = request {
            request.headers_mut().insert(header::HOST, host.clone());
        }
        let sending = upstream.send(request, (authority, self.path), self.upgrade);
        match self.in_time(sending).await {
            Some(Ok(response)) => Ok(response),
            Some(Err(failure @ Failure::Unreachable(_))) => {
                if upstream.refused() {
                    let error = failure.error();
                    tracing::warn!(upstream = upstream.authority(), error, "an app takes no connection");
                }
                Err(Trouble::Unreachable)
            }
            Some(Err(failure @ Failure::Broken(_))) => {
                tracing::info!(upstream = upstream.authority(), error = failure.error(), "an app gave no answer");
                Err(Trouble::Page(Page::BadAnswer))
            }
            None if self.progress.is_some_and(|progress| !progress.is_done()) => Err(Trouble::Page(Page::SlowRequest)),
            None => Err(Trouble::Page(Page::TooLate)),
        }
    }

    /// Waits for the head of an answer: as long as the route says from when something of the request last came.
    async fn in_time<T>(&self, sending: impl Future<Output = T>) -> Option<T> {
        let Some(progress) = self.progress else { return timeout(self.route.timeout, sending).await.ok() };
        let mut sending = pin!(sending);
        let mut from = Instant::now();
        loop {
            if let Ok(sent) = timeout_at(from + self.route.timeout, &mut sending).await {
                return Some(sent);
            }
            let last = progress.last();
            if last <= from {
                return None;
            }
            from = last;
        }
    }
}

/// Whether an answer is a page that somebody could come back to.
fn is_page<B>(response: &Response<B>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let begins = |prefix: &[u8]| kind.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    begins(b"text/html") || begins(b"application/xhtml+xml") || response.status() == StatusCode::NOT_MODIFIED
}

/// Answers the browser that the protocol is switched, and carries what follows.
fn switch<H: House>(
    response: Response<Answer>,
    websocket: websocket::Asked,
    caller: &Caller,
    (stream, mut access): (Arc<Stream>, Access),
    use_again: Option<UseAgain<H>>,
) -> Response<ProxyBody<H>> {
    let (mut parts, _) = response.into_parts();
    let Some(app) = parts.extensions.remove::<OnUpgrade>() else { return answer(Page::BadAnswer) };
    let mut response = Response::from_parts(parts, ProxyBody::page(Bytes::new()));
    let browser = websocket.agree(&mut response);
    access.answered(&response);
    let stop = caller.stop().clone();
    caller.spawn(async move {
        let both = async { tokio::try_join!(browser, app) };
        let switched = tokio::select! {
            biased;
            _ = stream.cut() => return,
            switched = timeout(SWITCH_WITHIN, both) => switched,
        };
        let Ok(Ok((browser, app))) = switched else { return };
        let again = async move {
            match use_again {
                Some(again) => again.forever().await,
                None => pending().await,
            }
        };
        let (over, bytes) = tunnel::run(TokioIo::new(browser), TokioIo::new(app), stream, stop, again).await;
        access.sent(bytes);
        access.over(over);
    });
    response
}
