//! `/.acquit/sign_out` and `/.pomerium/sign_out` on the host of a route. The session ends first, on every node and for every app;
//! then the browser loses what it has here; then it goes through Acquit's own way out.

use acquit_core::plan::{By, Scope, Tell};
use acquit_gateway::{identity::Identity, origin::Origin};
use acquit_oidc::{frontchannel, params::Params};
use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{
    exit::RouteExit,
    host::RouteHost,
    named,
    proof::{self, Bound},
    redirect,
    sign_in::RouteError,
    visitor,
};
use crate::{
    App,
    door::DoorError,
    form::{self, Address, Query},
    logout::{LogoutError, Order, log_out},
    provenance::{self, Load},
    respond,
};

/// What a request to sign out is made of.
pub(super) struct Asked<'a> {
    pub(super) method: Method,
    pub(super) headers: &'a HeaderMap,
    pub(super) params: Params,
    pub(super) address: String,
    pub(super) load: Load,
}

/// `GET`.
pub async fn get(
    State(app): State<App>,
    RouteHost(origin): RouteHost,
    Address(address): Address,
    headers: HeaderMap,
    Query(params): Query,
) -> Result<Response, RouteError> {
    let load = provenance::load(&headers);
    Ok(asked(&app, &origin, Asked { method: Method::GET, headers: &headers, params, address, load }).await?)
}

/// `POST`.
pub async fn post(
    State(app): State<App>,
    RouteHost(origin): RouteHost,
    Address(address): Address,
    request: Request,
) -> Result<Response, RouteError> {
    let (headers, params) = read(request).await?;
    let load = provenance::load(&headers);
    Ok(asked(&app, &origin, Asked { method: Method::POST, headers: &headers, params, address, load }).await?)
}

/// The headers of a POST, and the parameters of its query and form together.
pub(super) async fn read(request: Request) -> Result<(HeaderMap, Params), DoorError> {
    let headers = request.headers().clone();
    let uri: Uri = request.uri().clone();
    let body = if form::is_type(&headers, form::FORM) {
        form::read_form(request).await?
    } else {
        // A script may post nothing, or what it likes.
        form::read(request.into_body()).await?;
        axum::body::Bytes::new()
    };
    let params = Params::parse_request(uri.query().unwrap_or_default().as_bytes(), &body)?;
    Ok((headers, params))
}

/// Whether a script asks by `fetch`, so that it may be answered in words.
fn is_script(asked: &Asked<'_>) -> bool {
    let says = |name: &str, wanted: &str| asked.headers.get(name).is_some_and(|value| value == wanted);
    asked.method == Method::POST && asked.load == Load::Embedded && says("sec-fetch-dest", "empty")
}

async fn asked(app: &App, origin: &Origin, asked: Asked<'_>) -> Result<Response, DoorError> {
    if asked.load == Load::Prefetch {
        return Err(DoorError::Forbidden("signing out is not done ahead of time"));
    }
    let whose = visitor::identity(app, origin, asked.headers);
    if let Some(session) = frontchannel::parse(&asked.params)? {
        return named::at_route(app, origin, &asked, whose, session).await;
    }
    let bound = Bound { authority: origin.authority(), session: whose.as_ref().map(|identity| &identity.session) };
    let proved = proof::is_proved(app, &asked.method, asked.headers, &asked.params, (&origin.to_string(), bound));
    match (asked.load, whose) {
        (Load::TopLevel, Some(identity)) if proved => {
            let landing = landing(app, origin, &asked.params);
            end(app, origin, &identity, &asked.address).await?;
            let url = RouteExit::url(app, origin, Some(identity.session.clone()), landing)?;
            Ok(forget(app, origin, respond::see_other(&url)))
        }
        (Load::Embedded, Some(identity)) if proved && is_script(&asked) => {
            let landing = landing(app, origin, &asked.params);
            end(app, origin, &identity, &asked.address).await?;
            let url = RouteExit::url(app, origin, Some(identity.session.clone()), landing)?;
            let answer = Json(json!({ "signed_out": true, "continue": url })).into_response();
            Ok(without_cookies(app, origin, answer))
        }
        (Load::TopLevel, whose) => {
            if whose.is_none() {
                app.limits().try_bare_logout(&asked.address)?;
            }
            confirm(app, origin, landing(app, origin, &asked.params))
        }
        (_, whose) => named::bare_frame(app, origin, &asked, whose).await,
    }
}

fn landing(app: &App, origin: &Origin, params: &Params) -> Option<String> {
    redirect::wanted(params).and_then(|wanted| redirect::after_sign_out(app, origin, wanted))
}

/// To Acquit's own page, which asks whoever is signed in there.
fn confirm(app: &App, origin: &Origin, landing: Option<String>) -> Result<Response, DoorError> {
    Ok(respond::see_other(&RouteExit::url(app, origin, None, landing)?))
}

/// Ends the session that a cookie is of. Of one that has ended it does nothing more.
async fn end(app: &App, origin: &Origin, identity: &Identity, address: &str) -> Result<(), DoorError> {
    let order = Order {
        scope: Scope::Session(identity.session.clone()),
        by: By::Application,
        party: Some(origin.authority().to_owned()),
        reason: None,
        tell: Tell::Everyone,
        ip: Some(address.to_owned()),
        browser: Some(identity.session.clone()),
        named: Vec::new(),
    };
    match log_out(app, order).await {
        Ok(_) => Ok(()),
        // The store has lost it, as where a backup was restored. The cookie, and copies of it, are good all the same until this.
        Err(LogoutError::UnknownTarget) => {
            let now = app.clock.now();
            app.store.revoke_unknown(&identity.session, now).await?;
            app.gate.standing().ended(&identity.session, now);
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Takes our cookies at this origin and those of the app that the route names, and has the browser forget what it keeps of it.
fn forget(app: &App, origin: &Origin, response: Response) -> Response {
    let mut response = without_cookies(app, origin, response);
    clear_site_data(app, origin, &mut response);
    response
}

/// Has the browser forget what it keeps of this origin, if its routes say so.
pub(super) fn clear_site_data(app: &App, origin: &Origin, response: &mut Response) {
    let routes = app.gate.routes();
    let of_host = routes.of_host(origin.authority()).map(|routes| &routes[..]).unwrap_or_default();
    if of_host.iter().any(|route| route.clear_site_data) {
        let forget = HeaderValue::from_static("\"cache\", \"storage\"");
        response.headers_mut().insert(HeaderName::from_static("clear-site-data"), forget);
    }
}

/// Takes our cookies at this origin, and those of the app that its routes name.
pub(super) fn without_cookies(app: &App, origin: &Origin, mut response: Response) -> Response {
    for cookie in visitor::clear(origin) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    clear_apps_cookies(app, origin, &mut response);
    response
}

/// Takes the cookies of the app that its routes name.
pub(super) fn clear_apps_cookies(app: &App, origin: &Origin, response: &mut Response) {
    let routes = app.gate.routes();
    let of_host = routes.of_host(origin.authority()).map(|routes| &routes[..]).unwrap_or_default();
    for route in of_host {
        for name in &route.clear_cookies {
            for cookie in clear(origin, name, &route.prefix) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
        }
    }
}

/// What takes an app's cookie of this name away, wherever below the route and for this host alone it was set. Never of the whole
/// registrable domain: other apps have theirs there.
fn clear(origin: &Origin, name: &str, prefix: &str) -> Vec<HeaderValue> {
    let secure = if origin.is_https() { "; Secure" } else { "" };
    let gone = |path: &str, domain: &str| {
        HeaderValue::from_str(&format!("{name}=; Path={path}{domain}; Max-Age=0{secure}")).ok()
    };
    let mut cookies = vec![gone("/", "")];
    let bare = prefix.trim_end_matches('/');
    if !bare.is_empty() {
        cookies.push(gone(bare, ""));
        cookies.push(gone(&format!("{bare}/"), ""));
    }
    let host = url::Url::parse(&origin.to_string()).ok();
    if let Some(host) = host.as_ref().and_then(url::Url::domain).filter(|_| !name.starts_with("__Host-")) {
        cookies.push(gone("/", &format!("; Domain={host}")));
    }
    cookies.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_apps_cookie_is_taken_at_its_host_and_its_paths_and_nowhere_else() {
        let texts = |origin: &str, name: &str, prefix: &str| -> Vec<String> {
            let cookies = clear(&Origin::parse(origin).unwrap(), name, prefix);
            cookies.iter().map(|cookie| cookie.to_str().unwrap().to_owned()).collect()
        };
        assert_eq!(
            texts("https://a.example.com:8443", "sid", "/app/"),
            [
                "sid=; Path=/; Max-Age=0; Secure",
                "sid=; Path=/app; Max-Age=0; Secure",
                "sid=; Path=/app/; Max-Age=0; Secure",
                "sid=; Path=/; Domain=a.example.com; Max-Age=0; Secure",
            ]
        );
        assert_eq!(texts("https://a.example.com", "__Host-sid", "/"), ["__Host-sid=; Path=/; Max-Age=0; Secure"]);
        assert_eq!(texts("http://127.0.0.1:80", "sid", "/"), ["sid=; Path=/; Max-Age=0"]);
    }
}
