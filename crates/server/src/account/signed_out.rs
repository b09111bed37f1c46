//! `/signed-out`: where a sign-out ends when no application wants the browser back.

use acquit_core::{AppId, LogoutId, receipt::Receipt};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::Response,
};

use crate::{
    App,
    account::sign_out,
    browser::Browser,
    door::DoorError,
    form::Query,
    logout::finish,
    pages::{
        Moment, outcome,
        signed_out::{Ending, SignedOut},
    },
    respond,
};

/// The page of a logout, with the key of its receipt.
#[must_use]
pub fn url(logout: &LogoutId, key: &str) -> String {
    format!("/signed-out?logout={logout}&key={key}")
}

/// `GET /signed-out`: what the receipt of `logout` says, in short; without one, that nobody is signed in.
pub async fn show(State(app): State<App>, headers: HeaderMap, Query(query): Query) -> Result<Response, DoorError> {
    let browser = Browser::look_up(&app, &headers).await?;
    let (Some(logout), Some(key)) = (query.get("logout"), query.get("key")) else {
        if browser.session.is_some() {
            return Ok(respond::see_other("/account"));
        }
        return nobody(&app, &browser).await;
    };
    let receipt = super::receipt::load(&app, logout, key).await?;
    Ok(logged_out(respond::page(StatusCode::OK, &view(&app, &receipt, key))))
}

fn view(app: &App, receipt: &Receipt, key: &str) -> SignedOut {
    let not_asked = receipt.steps.iter().any(|line| line.detail.as_deref() == Some("not asked"));
    SignedOut {
        ending: if not_asked { Ending::HereOnly } else { Ending::SignedOut },
        at: Some(Moment(receipt.requested.at)),
        apps: outcome::apps(&receipt.steps, |party| app.clients.name(&AppId::new(party))),
        receipt: Some(format!("/logouts/{}?key={key}", receipt.id)),
        sign_in: "/sign-in".to_owned(),
    }
}

/// The page for a browser that has no session. One whose logout is not durable yet has it finished first. One that a sign-out left a moment ago gets that sign-out's page.
///
/// # Errors
/// [`DoorError`].
pub async fn nobody(app: &App, browser: &Browser) -> Result<Response, DoorError> {
    if let Some(view) = &browser.leaving {
        let done = finish(app, &view.session).await?;
        return sign_out::leave(app, &view.session.id, &done, None, None).await;
    }
    let ended = browser.former.as_ref().and_then(|view| view.session.ended.as_ref());
    if let Some(ended) = ended {
        return Ok(sign_out::forget(app, respond::see_other(&url(&ended.logout, &app.receipt_key(&ended.logout)))));
    }
    Ok(logged_out(respond::page(StatusCode::OK, &bare(Ending::NobodyWasSignedIn))))
}

/// The page for a browser without the session that a hint named, while that session lives elsewhere: never "signed out".
#[must_use]
pub fn lives_elsewhere() -> Response {
    respond::page(StatusCode::OK, &bare(Ending::LivesElsewhere))
}

fn bare(ending: Ending) -> SignedOut {
    SignedOut { ending, at: None, apps: Vec::new(), receipt: None, sign_in: "/sign-in".to_owned() }
}

fn logged_out(mut response: Response) -> Response {
    response.headers_mut().insert(HeaderName::from_static("set-login"), HeaderValue::from_static("logged-out"));
    response
}
