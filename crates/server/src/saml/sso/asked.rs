//! What a request for an assertion asks, and what it asks in vain.

use std::sync::Arc;

use acquit_saml::{
    binding::Arrived,
    message::{AuthnRequest, Code, Expect, Kind, Status},
    names::{FORMAT_UNSPECIFIED, HTTP_ARTIFACT},
};

use crate::{
    App,
    door::DoorError,
    flow::SamlPending,
    saml::{context, incoming, party::Party, registry::Sp, subject},
    settings::saml::NameIdKind,
};

/// A sign-in that the application did not ask for (Profiles section 4.1.5).
pub(super) fn unasked(app: &App, sp: &Sp, relay_state: Option<String>) -> Result<SamlPending, DoorError> {
    let acs = sp.metadata.acs_for(None).map_err(|error| incoming::refused("AssertionConsumerService", &error))?;
    if relay_state.as_ref().is_some_and(|relay| relay.len() > acquit_saml::binding::RELAY_STATE_TAKEN) {
        return Err(DoorError::parameter("RelayState", "is too long"));
    }
    Ok(SamlPending {
        app: sp.app().clone(),
        request: None,
        acs: acs.location.clone(),
        artifact: acs.binding == HTTP_ARTIFACT,
        relay_state,
        force: false,
        passive: false,
        format: None,
        begun_at: app.clock.now().as_micros(),
        application: sp.settings.name.clone(),
        subject: None,
        login_hint: None,
        // Nobody asked, so that nobody could be refused.
        signed: true,
        reprompt: false,
    })
}

/// A request that was read, or that is to be refused with a status.
pub(super) type Begun = Result<SamlPending, (Arc<Sp>, SamlPending, Status)>;

/// Reads a request that comes for the first time.
pub(super) fn begin(app: &App, arrived: &Arrived, here: &str, only: Option<&Arc<Sp>>) -> Result<Begun, DoorError> {
    let only = only.cloned().map(Party::Application);
    let (message, party) = incoming::open(app, arrived, &[Kind::AuthnRequest], only.as_ref())?;
    let Party::Application(sp) = party else { return Err(DoorError::NotFound) };
    let here = [here];
    let expect = Expect::new(&here, app.clock.now());
    let request = AuthnRequest::receive(&message, &sp.metadata, &expect, &[])
        .map_err(|error| incoming::refused("SAMLRequest", &error))?;
    let acs = sp
        .metadata
        .acs_for(Some(&request))
        .map_err(|error| incoming::refused("AssertionConsumerServiceURL", &error))?;
    let subject = request.subject.clone().map(subject::kept);
    let pending = SamlPending {
        app: sp.app().clone(),
        request: Some(request.header.id.clone()),
        acs: acs.location.clone(),
        artifact: acs.binding == HTTP_ARTIFACT,
        relay_state: arrived.relay_state().map(str::to_owned),
        force: request.force_authn,
        passive: request.is_passive,
        format: request.name_id_policy.as_ref().and_then(|policy| policy.format.clone()),
        begun_at: app.clock.now().as_micros(),
        application: sp.settings.name.clone(),
        login_hint: subject.as_ref().and_then(subject::hint),
        subject,
        signed: message.claims_signature(),
        reprompt: false,
    };
    let foreign = request
        .name_id_policy
        .as_ref()
        .and_then(|policy| policy.sp_name_qualifier.as_deref())
        .is_some_and(|qualifier| qualifier != sp.entity_id());
    if foreign || kind(&sp, pending.format.as_deref()).is_none() {
        return Ok(Err((sp, pending, Status::new(Code::Requester, "InvalidNameIDPolicy"))));
    }
    if request.context.as_ref().is_some_and(|context| !context::reaches(context)) {
        return Ok(Err((sp, pending, Status::new(Code::Responder, "NoAuthnContext"))));
    }
    Ok(Ok(pending))
}

/// How the person is named: as the operator says, else as the request asks, else as the metadata lists first.
pub(super) fn kind(sp: &Sp, asked: Option<&str>) -> Option<NameIdKind> {
    let of = |format: &str| NameIdKind::ALL.into_iter().find(|kind| kind.format() == format);
    let asked = asked.filter(|format| *format != FORMAT_UNSPECIFIED);
    match (sp.settings.name_id, asked) {
        (Some(kind), Some(format)) => Some(kind).filter(|kind| kind.format() == format),
        (Some(kind), None) => Some(kind),
        (None, Some(format)) => of(format),
        (None, None) => {
            let listed = sp.metadata.role.name_id_formats.iter().find_map(|format| of(format));
            Some(listed.unwrap_or(NameIdKind::Persistent))
        }
    }
}
