//! Telling applications through the browser: the page with one frame for each, and the report of what loaded.

use acquit_core::{
    LogoutId, SessionId, StepId,
    step::{Channel, Outcome, Step, Target},
};
use acquit_oidc::frontchannel::{Session, frame_uri};
use acquit_store::frontchannel::Shown;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};

use crate::{
    App,
    door::DoorError,
    form::RawForm,
    pages::signing_out::{Frame, SigningOut},
    provenance, respond,
    saml::frame,
    seal::Purpose,
};

/// Where the page's script posts which frames have loaded.
pub const REPORT: &str = "/signing-out/loaded";

/// How long after the page a report of it is taken.
const REPORT_LIFE: std::time::Duration = std::time::Duration::from_secs(120);
/// The most frames that one page loads; an application beyond them waits as pending.
const MAX_FRAMES: usize = 100;

/// The frames that wait for the browser of an ended session and may still be loaded before a new sign-in: those that name
/// the ended session. The others would end the new one, so they fail now.
///
/// # Errors
/// [`acquit_store::StoreError`].
pub async fn left_behind(app: &App, former: &SessionId) -> Result<Vec<Step>, acquit_store::StoreError> {
    let waiting = app.store.pending_frontchannel(former).await?;
    let (named, bare): (Vec<Step>, Vec<Step>) = waiting
        .into_iter()
        .filter(|step| step.outcome == Outcome::Pending)
        .partition(|step| matches!(&step.target, Target::Frontchannel { sid: Some(_), .. }));
    if !bare.is_empty() {
        let why = "a newer sign-in began in this browser before it could be told";
        app.store.fail_frontchannel(former, why, app.clock.now()).await?;
    }
    Ok(named)
}

/// The page that loads these steps' frames and then goes to `onward`. The steps count as sent from here on: the browser
/// was given the frames, and nothing more can be known.
///
/// # Errors
/// [`DoorError`].
pub async fn page(
    app: &App,
    steps: &[Step],
    onward: String,
    onward_name: Option<String>,
) -> Result<Response, DoorError> {
    let shown: Vec<&Step> = steps.iter().take(MAX_FRAMES).collect();
    let ids: Vec<(&LogoutId, &StepId)> = shown.iter().map(|step| (&step.logout, &step.id)).collect();
    let report_token = app.sealer.seal(Purpose::Report, &ids, app.clock.now().plus(REPORT_LIFE))?;
    let mut frames = Vec::new();
    for step in &shown {
        let url = match &step.target {
            Target::Frontchannel { uri, sid } => {
                let session = sid.as_deref().map(|sid| Session { iss: app.issuer(), sid });
                frame_uri(uri, session)
            }
            Target::SamlHop { frame: true, .. } => match frame::url(app, step).await? {
                Some(url) => url,
                None => continue,
            },
            _ => continue,
        };
        frames.push(Frame { id: step.id.to_string(), name: app.clients.name(&step.party), url });
    }
    let view = SigningOut {
        frames,
        continue_to: onward,
        continue_name: onward_name,
        cap: app.settings().lifetimes.sign_out_page,
        report_to: REPORT.to_owned(),
        report_token,
    };
    let response = respond::page(StatusCode::OK, &view);
    // Recorded beside the response: the page must not wait for the disk, and a lost record leaves the step pending, which
    // claims less, not more.
    let app = app.clone();
    let of_oidc = shown.iter().filter(|step| step.channel == Some(Channel::Frontchannel));
    let rendered: Vec<(LogoutId, StepId)> = of_oidc.map(|step| (step.logout.clone(), step.id.clone())).collect();
    tokio::spawn(async move {
        for (logout, step) in rendered {
            let now = app.clock.now();
            if let Err(error) = app.store.record_frontchannel(&logout, &step, now, Shown::Rendered).await {
                tracing::warn!(%logout, %step, %error, "a rendered frame could not be recorded");
            }
        }
    });
    Ok(response)
}

/// `POST /signing-out/loaded`: the page's script says which frames have loaded.
pub async fn loaded(
    State(app): State<App>,
    headers: HeaderMap,
    RawForm(pairs): RawForm,
) -> Result<Response, DoorError> {
    if !provenance::same_origin(&headers, app.issuer()) {
        return Err(DoorError::Forbidden("this report was sent by another site"));
    }
    let token = pairs.iter().find(|(name, _)| name == "token").map(|(_, value)| value.as_str());
    let rendered: Vec<(LogoutId, StepId)> =
        app.sealer.open(Purpose::Report, token.unwrap_or_default(), app.clock.now())?;
    let now = app.clock.now();
    for (logout, step) in &rendered {
        if pairs.iter().any(|(name, value)| name == "frame" && value == step.as_str()) {
            app.store.record_frontchannel(logout, step, now, Shown::Loaded).await?;
        }
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
