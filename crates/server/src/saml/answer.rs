//! What we say to applications, and to identity providers about logouts, through the browser.

use acquit_core::SessionId;
use acquit_saml::{
    BuildError,
    binding::{post, redirect},
    message::{Header, LogoutResponse, MessageId, Outbound, Response as SamlResponse, SignWhat, Status, outline_of},
    metadata::Endpoint,
    names::{HTTP_POST, HTTP_REDIRECT},
    security::Signer,
};
use acquit_store::replay::Once;
use axum::{http::StatusCode, response::Response};

use super::{artifact, keys, party::Party, registry::Sp};
use crate::{
    App,
    door::DoorError,
    flow::SamlPending,
    pages::{Hidden, form_post::FormPost},
    random, respond,
};

/// The key that signs now.
pub(crate) fn signer(app: &App) -> Result<Signer, DoorError> {
    app.saml_keys.signer(app.clock.now()).ok_or_else(|| keys::none().into())
}

pub(crate) fn ours(error: BuildError) -> DoorError {
    DoorError::Internal(format!("a SAML message cannot be written: {error}"))
}

/// A request whose one assertion was given.
pub(super) fn answered_before() -> DoorError {
    DoorError::parameter("ID", "this request was answered before; begin at the application again")
}

/// Shows what is sent to whoever looks for the reason of something, without its secrets.
pub(crate) fn sent(message: &impl Outbound) {
    tracing::debug!(message = %outline_of(message), "a SAML message is sent");
}

/// What a Response signs in to.
pub(super) struct SignsIn<'a> {
    /// The session.
    pub(super) session: &'a SessionId,
    /// The request, unless it was used up when the application joined.
    pub(super) once: Option<Once>,
}

/// A Response to an AuthnRequest, to the endpoint that was found registered: by a form that posts itself, or by an artifact,
/// which is good only while the session that it signs in to lives, and whose request is used up with it.
///
/// # Errors
/// [`DoorError::BadRequest`] for a request that an artifact answered before, [`DoorError::Unavailable`],
/// [`DoorError::Internal`].
pub(super) async fn response(
    app: &App,
    sp: &Sp,
    response: &SamlResponse,
    pending: &SamlPending,
    signs_in: Option<SignsIn<'_>>,
) -> Result<Response, DoorError> {
    sent(response);
    let recipient = match (sp.settings.encrypt_assertions, sp.metadata.recipient()) {
        (false, _) => None,
        (true, Some(recipient)) => Some(recipient),
        (true, None) if response.assertion.is_none() => None,
        (true, None) => return Err(DoorError::Internal(format!("{} has no key to encrypt to", sp.app()))),
    };
    // What is encrypted is signed as well: whoever keeps it after decryption can still tell whose it is.
    let both = sp.metadata.want_assertions_signed || recipient.is_some();
    let what = if both { SignWhat::Both } else { SignWhat::Response };
    let relay_state = pending.relay_state.as_deref();
    if pending.artifact {
        let xml = response.to_xml(&signer(app)?, what, recipient).map_err(ours)?;
        let artifact = artifact::keep(app, sp, &xml, signs_in).await?;
        return Ok(respond::see_other(&artifact.to_url(&pending.acs, relay_state).map_err(ours)?));
    }
    let form =
        post::encode_response(response, &pending.acs, relay_state, &signer(app)?, what, recipient).map_err(ours)?;
    Ok(form_page(form, &sp.settings.name))
}

fn form_page(form: post::Form, application: &str) -> Response {
    respond::page(
        StatusCode::OK,
        &FormPost { hidden: hidden(&form), action: form.action, application: application.to_owned() },
    )
}

/// The fields of a form of the POST binding.
#[must_use]
pub fn hidden(form: &post::Form) -> Vec<Hidden> {
    let message = Hidden::new(form.field, form.message.clone());
    let relay = form.relay_state.as_ref().map(|relay| Hidden::new("RelayState", relay.clone()));
    std::iter::once(message).chain(relay).collect()
}

/// A LogoutResponse, to where the party takes answers: by the binding of its request if it has that, else by the other one.
/// None when it has no such endpoint, or when nobody vouches for it any more.
///
/// # Errors
/// [`DoorError::Internal`].
pub fn logout(
    app: &App,
    party: &Party,
    status: Status,
    request: &str,
    relay_state: Option<&str>,
    by_post: bool,
) -> Result<Option<Response>, DoorError> {
    if party.has_expired(app.clock.now()) {
        // It may have been good when the request came.
        return Ok(None);
    }
    let bindings = if by_post { [HTTP_POST, HTTP_REDIRECT] } else { [HTTP_REDIRECT, HTTP_POST] };
    let Some(endpoint) = bindings.into_iter().find_map(|binding| party.role().logout_by(binding)) else {
        return Ok(None);
    };
    let to = Endpoint::for_answers(endpoint);
    let answer = logout_response(app, Some(party), status, request, Some(to))?;
    let signer = signer(app)?;
    Ok(Some(if endpoint.binding == HTTP_POST {
        form_page(post::encode(&answer, to, relay_state, &signer).map_err(ours)?, party.name())
    } else {
        respond::see_other(&redirect::encode(&answer, to, relay_state, Some(&signer)).map_err(ours)?)
    }))
}

/// A LogoutResponse, to be sent; without a party, in the name of the identity provider that we are.
///
/// # Errors
/// [`DoorError::Internal`].
pub(super) fn logout_response(
    app: &App,
    party: Option<&Party>,
    status: Status,
    request: &str,
    to: Option<&str>,
) -> Result<LogoutResponse, DoorError> {
    let id = MessageId::from_random(random::bytes()?);
    let issuer = party.map_or_else(|| app.entity_id(), |party| party.our_name(app.issuer()));
    let mut header = Header::new(&id, app.clock.now(), &issuer, to.unwrap_or_default()).answering(request);
    header.destination = to.map(str::to_owned);
    let answer = LogoutResponse { header, status };
    sent(&answer);
    Ok(answer)
}
