//! LogoutRequests: made for each attempt of a SAML step, and what the answers to them mean.
//!
//! A step is confirmed only by a LogoutResponse with `Success` at the top, which says that the application's own session
//! ended (Core section 3.7.3.2), to this very request and proved to be from this application: by its signature or, when it
//! has none and came back on an `https` connection to the application's own endpoint, by that connection. Over `http` an
//! unsigned answer proves nothing.

use std::{sync::Arc, time::Duration};

use acquit_core::{
    Timestamp,
    delivery::Said,
    step::{SamlNamed, SamlReason},
};
use acquit_delivery::{
    egress::{Incoming, Outgoing},
    worker::{ComposeError, Composed, Heard, Reader},
};
use acquit_saml::{
    Error, MESSAGE_BYTES,
    binding::soap,
    message::{
        Code, Expect, Header, Kind, LogoutRequest, LogoutResponse, Message, MessageId, NameId, REASON_ADMIN,
        REASON_GLOBAL_TIMEOUT, REASON_USER, Signed, Status, outline_of,
    },
    security::{Signer, Trust},
};
use axum::http::{HeaderName, HeaderValue, StatusCode};

use crate::random;

/// For how long a LogoutRequest holds at least.
const HOLDS: Duration = Duration::from_secs(5 * 60);
/// What the receipt adds for an application that answered `PartialLogout`.
pub const PARTIAL: &str = "ended its own session, but not all that hang on it";
const PAGE: &str = "its answer proves nothing: it is a web page, not a SOAP envelope";
const SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");

/// What we are in SAML.
#[derive(Clone, Debug)]
pub struct Ours {
    /// Our entity ID.
    pub entity_id: String,
    /// The key that signs.
    pub signer: Signer,
    /// Since when it does; an application that refuses a young one may not have our new metadata yet.
    pub signs_from: Timestamp,
    /// The addresses of our own logout endpoints, one of which an answer's Destination must be if it has one.
    pub endpoints: Vec<String>,
}

/// Who we are and whom we trust: the SAML applications and identity providers and our keys, as they are at the moment. Each is
/// asked about the party that a LogoutRequest names.
pub trait Parties: Send + Sync + 'static {
    /// What we are to it; none while there is no key.
    fn ours(&self, named: &SamlNamed, now: Timestamp) -> Option<Arc<Ours>>;

    /// The trust in it by its registered certificates; none for one that is not registered, whose metadata has expired or that
    /// has no usable certificate.
    fn trust(&self, named: &SamlNamed, now: Timestamp) -> Option<Trust>;

    /// Whether its metadata has expired. What was planned while it was good is not sent where it points.
    fn has_expired(&self, named: &SamlNamed, now: Timestamp) -> bool;
}

/// Why a step waits whose party's metadata has expired since it was planned.
pub const EXPIRED: &str = "its metadata has expired";

/// A LogoutRequest that is to be carried by the browser, not yet encoded for its binding.
#[derive(Clone, Debug)]
pub struct Carried {
    /// The request.
    pub request: LogoutRequest,
    /// Its identifier, which the answer must name.
    pub id: String,
}

/// A fresh LogoutRequest for what a step names, for the address that it goes to.
///
/// # Errors
/// [`ComposeError::NotNow`] when no random bytes can be had.
pub fn carry(ours: &Ours, uri: &str, named: &SamlNamed, now: Timestamp) -> Result<Carried, ComposeError> {
    let random = random::bytes().map_err(|error| ComposeError::NotNow(error.to_string()))?;
    let id = MessageId::from_random(random);
    let request = LogoutRequest {
        header: Header::new(&id, now, &ours.entity_id, uri),
        // It must reach an assertion that is still on its way (Core section 3.7.3.2).
        not_on_or_after: Some(named.not_on_or_after.unwrap_or_default().max(now.plus(HOLDS))),
        reason: named.reason.map(|reason| reason_name(reason).to_owned()),
        name_id: NameId {
            value: named.subject.clone(),
            format: named.form.format.clone(),
            name_qualifier: named.form.name_qualifier.clone(),
            sp_name_qualifier: named.form.sp_name_qualifier.clone(),
            sp_provided_id: None,
        },
        session_indexes: named.session_index.iter().cloned().collect(),
        asynchronous: false,
    };
    Ok(Carried { request, id: id.as_str().to_owned() })
}

fn reason_name(reason: SamlReason) -> &'static str {
    match reason {
        SamlReason::User => REASON_USER,
        SamlReason::Admin => REASON_ADMIN,
        SamlReason::GlobalTimeout => REASON_GLOBAL_TIMEOUT,
    }
}

/// What a status that was proved means for the step; `note` is what the receipt must add to a success.
#[must_use]
pub fn said(status: &Status, note: Option<&str>) -> Said {
    let mut words = status.to_string();
    if let Some(message) = &status.message {
        words.push_str(": ");
        words.push_str(message);
    }
    if status.code != Code::Success {
        // Also with PartialLogout at the second level: the top says whether its own session ended.
        return Said::Refused { words: format!("answered {words}") };
    }
    let partial = status.is_partial().then_some(PARTIAL);
    let note = match (note, partial) {
        (Some(note), Some(partial)) => Some(format!("{note}; {partial}")),
        (note, partial) => note.or(partial).map(str::to_owned),
    };
    Said::Done { words: format!("answered {words}"), note }
}

/// The request of a step over SOAP.
pub(super) fn soap(
    parties: Option<&dyn Parties>,
    uri: &str,
    named: &SamlNamed,
    note: Option<&'static str>,
    now: Timestamp,
) -> Result<Composed, ComposeError> {
    let missing = || ComposeError::NotNow("no key for SAML".to_owned());
    let parties = parties.ok_or_else(missing)?;
    let ours = parties.ours(named, now).ok_or_else(missing)?;
    if parties.has_expired(named, now) {
        return Err(ComposeError::NotNow(EXPIRED.to_owned()));
    }
    let Carried { request, id } = carry(&ours, uri, named, now)?;
    tracing::debug!(message = %outline_of(&request), "a SAML message is sent");
    let body = soap::encode(&request, &ours.signer).map_err(|error| ComposeError::NotNow(error.to_string()))?;
    let mut outgoing = Outgoing::post(uri, HeaderValue::from_static(soap::CONTENT_TYPE), body);
    outgoing.headers.insert(SOAP_ACTION, HeaderValue::from_static(soap::SOAP_ACTION));
    outgoing.max_body = MESSAGE_BYTES;
    let asked = Asked {
        id,
        trust: parties.trust(named, now),
        connection: soap::TlsEndpoint::new(&named.entity_id, uri),
        endpoints: ours.endpoints.clone(),
        note,
        at: now,
    };
    let reader = Some(Reader::new(move |answer| asked.hear(answer)));
    Ok(Composed { request: outgoing, key_age: Some(now.since(ours.signs_from)), reader })
}

/// Whether an answer is a page for people, as applications show one when they break: no rule of XML says that better.
fn is_page(body: &[u8]) -> bool {
    const BEGIN: &[u8] = b"<!doctype html";
    body.trim_ascii_start().get(..BEGIN.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(BEGIN))
}

/// What was asked, to read the answer by.
struct Asked {
    id: String,
    trust: Option<Trust>,
    connection: Option<soap::TlsEndpoint>,
    endpoints: Vec<String>,
    note: Option<&'static str>,
    at: Timestamp,
}

impl Asked {
    fn hear(&self, answer: &Incoming) -> Heard {
        // An HTTP error is the transport's or a fault (Bindings section 3.2.3.3); SAML's own errors come with 200.
        if answer.status != StatusCode::OK {
            let fault = answer.status == StatusCode::INTERNAL_SERVER_ERROR
                && matches!(self.read(&answer.body), Err(Error::Fault));
            return Heard::Status { words: fault.then(|| "a SOAP fault".to_owned()) };
        }
        if answer.cut {
            return Heard::Said(Said::Unproved { words: "its answer broke off or is too large".to_owned() });
        }
        Heard::Said(match self.read(&answer.body) {
            Ok(status) => said(&status, self.note),
            Err(_) if is_page(&answer.body) => Said::Unproved { words: PAGE.to_owned() },
            Err(error) => Said::Unproved { words: format!("its answer proves nothing: {error}") },
        })
    }

    fn read(&self, body: &[u8]) -> Result<Status, Error> {
        let arrived = soap::decode(body.to_vec())?;
        let message = Message::open(&arrived, &[Kind::LogoutResponse])?;
        tracing::debug!(message = %message.outline(), "a SAML message arrived");
        let here: Vec<_> = self.endpoints.iter().map(String::as_str).collect();
        // An attempt ends within seconds, so the time at which it began is as good as the time now.
        let signed = self.proved(&message, &Expect::new(&here, self.at))?;
        Ok(LogoutResponse::from_signed(&signed, &self.id)?.into_inner().status)
    }

    fn proved<'m>(&self, message: &'m Message<'_>, expect: &Expect<'_>) -> Result<Signed<'m>, Error> {
        match (&self.connection, &self.trust) {
            (Some(connection), _) if !message.claims_signature() => message.verify_by_connection(connection, expect),
            (_, Some(trust)) => message.verify(trust, expect),
            (_, None) => Err(Error::NoKey),
        }
    }
}

#[cfg(test)]
mod tests;
