//! Telling a SAML application in a frame, as Okta does (`slo_frame`): its LogoutRequest in the frame's URL, or in a form that
//! posts itself from a frame of ours.

use acquit_core::step::{Step, Target};
use acquit_store::saml::Skipped;
use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use super::{
    answer,
    hop::{self, Carried, Unmade},
};
use crate::{App, door::DoorError, form::Query, pages::form_post::FormPost, respond};

/// Where the form of the POST binding is.
pub const PATH: &str = "/saml/slo/frame";

/// The URL of a step's frame, which counts as sent from here on; none when nothing can be sent.
///
/// # Errors
/// [`DoorError`].
pub async fn url(app: &App, step: &Step) -> Result<Option<String>, DoorError> {
    let now = app.clock.now();
    let carried = match hop::carry(app, step).await {
        Ok(carried) => carried,
        Err(Unmade::Now(why)) => {
            app.store.skip_hop(&step.logout, &step.id, now, &why, Skipped::Waits).await?;
            return Ok(None);
        }
        Err(Unmade::Ever(why)) => {
            app.store.skip_hop(&step.logout, &step.id, now, &why, Skipped::Failed).await?;
            return Ok(None);
        }
    };
    let note = step.target.note().map(str::to_owned);
    if !app.store.record_hop(&step.logout, &step.id, now, note).await? {
        return Ok(None);
    }
    Ok(Some(match carried {
        Carried::Redirect(url) => url,
        Carried::Post(_) => {
            let key = app.sealer.tag("saml frame", &[step.id.as_str()]);
            format!("{}{PATH}?step={}&key={key}", app.issuer(), step.id)
        }
    }))
}

/// `GET /saml/slo/frame`: the form, in a frame of our own page.
pub async fn show(State(app): State<App>, Query(query): Query) -> Result<Response, DoorError> {
    let (logout, step) = hop::step_of(query.get("step").unwrap_or_default()).ok_or(DoorError::NotFound)?;
    if !app.sealer.tag_matches("saml frame", &[step.as_str()], query.get("key").unwrap_or_default()) {
        return Err(DoorError::NotFound);
    }
    let step = app.store.hop(&logout, &step).await?.ok_or(DoorError::NotFound)?;
    let framed = matches!(&step.target, Target::SamlHop { frame: true, .. });
    let Ok(Carried::Post(form)) = hop::carry(&app, &step).await else { return Err(DoorError::NotFound) };
    if !framed {
        return Err(DoorError::NotFound);
    }
    let page =
        FormPost { hidden: answer::hidden(&form), action: form.action, application: app.clients.name(&step.party) };
    let mut response = respond::page(StatusCode::OK, &page);
    let headers = response.headers_mut();
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    let policy = headers.get(header::CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok());
    let policy = policy.unwrap_or_default().replace("frame-ancestors 'none'", "frame-ancestors 'self'");
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}
