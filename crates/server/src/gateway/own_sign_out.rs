//! `/.acquit/sign_out` and `/.pomerium/sign_out` on Acquit's own host: where browsers come from the hosts of routes, and where
//! whoever goes straight to Acquit ends all of it at once, the sessions at the routes too.

use acquit_oidc::{frontchannel, params::Params};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
};

use super::{
    exit::RouteExit,
    named,
    proof::{self, Bound},
    redirect,
    sign_out::read,
};
use crate::{
    App,
    account::{
        sign_out::{self, Asker, RouteAsker},
        signed_out,
    },
    browser::Browser,
    door::DoorError,
    form::{Address, Query},
    provenance::{self, Load, only_top_level},
    respond,
    way_out::{self, End},
};

/// `GET`.
pub async fn show(
    State(app): State<App>,
    Address(address): Address,
    headers: HeaderMap,
    Query(params): Query,
) -> Result<Response, DoorError> {
    asked(&app, &Method::GET, &headers, &params, address).await
}

/// `POST`.
pub async fn post(State(app): State<App>, Address(address): Address, request: Request) -> Result<Response, DoorError> {
    let (headers, params) = read(request).await?;
    asked(&app, &Method::POST, &headers, &params, address).await
}

async fn asked(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    params: &Params,
    address: String,
) -> Result<Response, DoorError> {
    let load = provenance::load(headers);
    if let Some(session) = frontchannel::parse(params)?.filter(|_| load != Load::Prefetch) {
        named::at_home(app, session, &address).await?;
        return Ok(if load == Load::TopLevel {
            respond::see_other("/signed-out")
        } else {
            StatusCode::OK.into_response()
        });
    }
    only_top_level(headers)?;
    let mut browser = Browser::look_up(app, headers).await?;
    if let Some(sealed) = params.get("exit") {
        return arrived(app, browser, RouteExit::open(app, sealed)?, address).await;
    }
    let landing = redirect::wanted(params).filter(|url| redirect::is_allowed(app, url)).map(str::to_owned);
    let Some(view) = browser.session.clone() else {
        app.limits().try_bare_logout(&address)?;
        return gone(app, &browser, landing).await;
    };
    let bound = Bound { authority: app.issuer(), session: Some(&view.session.id) };
    let proved = proof::is_proved(app, method, headers, params, (app.issuer(), bound));
    let asker = Asker { route: Some(RouteAsker { host: None, landing }), ..Asker::default() };
    if proved {
        sign_out::perform(app, &view, asker, address).await
    } else {
        sign_out::ask(app, &mut browser, asker).await
    }
}

/// A browser that signs out at a route, on its way.
async fn arrived(app: &App, mut browser: Browser, exit: RouteExit, address: String) -> Result<Response, DoorError> {
    let landing = exit.from.landing.clone().filter(|url| redirect::is_allowed(app, url));
    let former = browser.former.as_ref().filter(|view| exit.ended.as_ref() == Some(&view.session.id));
    if let Some((session, ended)) = former.and_then(|view| Some((&view.session.id, view.session.ended.as_ref()?))) {
        // Only the session's own browser is taken to its receipt.
        let url = landing.unwrap_or_else(|| signed_out::url(&ended.logout, &app.receipt_key(&ended.logout)));
        return way_out::leave_later(app, session, &ended.logout, End::Url { url, name: None }).await;
    }
    if browser.session.is_some() {
        // Another session than the one that ended there, or nothing that proves whose wish it is.
        let asker = Asker { route: Some(exit.from), ..Asker::default() };
        return sign_out::ask(app, &mut browser, asker).await;
    }
    app.limits().try_bare_logout(&address)?;
    gone(app, &browser, landing).await
}

/// Nobody is signed in here.
async fn gone(app: &App, browser: &Browser, landing: Option<String>) -> Result<Response, DoorError> {
    match landing {
        Some(url) if browser.leaving.is_none() => Ok(respond::see_other(&url)),
        _ => signed_out::nobody(app, browser).await,
    }
}
