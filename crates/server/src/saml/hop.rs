//! One hop: a LogoutRequest that the browser carries to an application, and what the answer says of it.

use acquit_core::{
    LogoutId, StepId,
    delivery::Said,
    participant::HopBinding,
    step::{Step, Target},
};
use acquit_delivery::worker::ComposeError;
use acquit_saml::{
    binding::{Arrived, post, redirect},
    message::{Expect, LogoutRequest, LogoutResponse, Message, MessageId},
};
use acquit_store::saml::HopAnswer;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{answer, incoming, party::Party};
use crate::{
    App,
    door::DoorError,
    outbox::{self, Parties},
};

/// A LogoutRequest, ready for the browser.
pub enum Carried {
    /// In a URL.
    Redirect(String),
    /// In a form.
    Post(post::Form),
}

/// Why a hop is not made.
pub enum Unmade {
    /// For now; it may be made when the browser comes again.
    Now(String),
    /// For good.
    Ever(String),
}

/// What the hop's answer brings back: the step, by its logout and its number. It proves nothing; the answer's signature does.
pub(super) fn relay_state(step: &Step) -> String {
    step.id.to_string()
}

/// The step that a RelayState of ours names.
pub(super) fn step_of(relay_state: &str) -> Option<(LogoutId, StepId)> {
    let step = StepId::parse(relay_state).ok()?;
    let logout = step.as_str().strip_prefix("stp_")?.rsplit_once('.')?.0;
    Some((LogoutId::parse(&format!("lgo_{logout}")).ok()?, step))
}

/// The identifier of the step's request: unguessable without the master key, and the same each time, so that nothing need be
/// kept to know the answer by.
fn request_id(app: &App, step: &StepId) -> String {
    let tag = URL_SAFE_NO_PAD.decode(app.sealer.tag("saml logout request", &[step.as_str()])).unwrap_or_default();
    let mut random = [0; 20];
    for (to, from) in random.iter_mut().zip(tag) {
        *to = from;
    }
    MessageId::from_random(random).to_string()
}

/// The step's request as the browser is to carry it now.
///
/// # Errors
/// [`Unmade`].
pub async fn carry(app: &App, step: &Step) -> Result<Carried, Unmade> {
    let deadline = app.settings().lifetimes.logout_deadline;
    let unmade = |error| match error {
        ComposeError::NotNow(why) => Unmade::Now(why),
        ComposeError::Final(why) => Unmade::Ever(why),
    };
    let target = outbox::target_now(&app.store, deadline, step).await.map_err(unmade)?;
    let Target::SamlHop { binding, uri, named, .. } = target.as_ref() else {
        return Err(Unmade::Ever("this step is not carried by the browser".to_owned()));
    };
    let now = app.clock.now();
    let ours = app.parties.ours(named, now).ok_or_else(|| Unmade::Now("no key for SAML".to_owned()))?;
    if app.parties.has_expired(named, now) {
        return Err(Unmade::Now(outbox::EXPIRED.to_owned()));
    }
    let mut request: LogoutRequest = outbox::carry(&ours, uri, named, now).map_err(unmade)?.request;
    request.header.id = request_id(app, &step.id);
    answer::sent(&request);
    let relay = relay_state(step);
    let carried = match binding {
        HopBinding::Redirect => {
            redirect::encode(&request, uri, Some(&relay), Some(&ours.signer)).map(Carried::Redirect)
        }
        HopBinding::Post => post::encode(&request, uri, Some(&relay), &ours.signer).map(Carried::Post),
    };
    carried.map_err(|error| Unmade::Ever(error.to_string()))
}

/// Takes a party's LogoutResponse: verified, and to this very request. Gives the step, so that the browser can go on.
///
/// # Errors
/// [`DoorError::BadRequest`] for what is not believed: then nothing is recorded.
pub(super) async fn answered(
    app: &App,
    party: &Party,
    arrived: &Arrived,
    message: &Message<'_>,
    here: &str,
) -> Result<Step, DoorError> {
    let unknown = || DoorError::parameter("RelayState", "is none that this server gave");
    let (logout, step) = arrived.relay_state().and_then(step_of).ok_or_else(unknown)?;
    let step = app.store.hop(&logout, &step).await?.filter(|step| step.party == party.id()).ok_or_else(unknown)?;
    let answer = {
        let trust = party.trust(app.clock.now()).map_err(|error| incoming::refused("Signature", &error))?;
        let here = [here];
        let refused = |error| incoming::refused("SAMLResponse", &error);
        let signed = message.verify(&trust, &Expect::new(&here, app.clock.now())).map_err(refused)?;
        LogoutResponse::from_signed(&signed, &request_id(app, &step.id)).map_err(refused)?.into_inner()
    };
    let answer = match outbox::said(&answer.status, step.target.note()) {
        Said::Done { note, .. } => HopAnswer::Confirmed(note),
        Said::Refused { words } | Said::Unproved { words } => HopAnswer::Failed(words),
    };
    app.store.answer_hop(&logout, &step.id, app.clock.now(), answer).await?;
    Ok(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_state_of_ours_names_its_step_within_eighty_bytes() {
        let logout = LogoutId::from_random([7; 16]);
        let step = StepId::of(&logout, 99_999);
        assert!(step.as_str().len() <= acquit_saml::binding::RELAY_STATE_BYTES);
        assert_eq!(step_of(step.as_str()), Some((logout, step)));
        for bad in ["", "stp_", "stp_x", "lgo_x.1", "https://evil.example/"] {
            assert_eq!(step_of(bad), None, "{bad}");
        }
    }
}
