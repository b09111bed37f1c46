//! Webhooks: an event, signed anew for each attempt, so that a receiver may refuse old signatures. The event is the same each
//! time, and so is its id.

use std::{fmt::Write, sync::Arc};

use acquit_core::{
    EndpointId, Timestamp,
    step::{Moment, Notice, Step},
};
use acquit_delivery::{
    egress::{Incoming, Outgoing},
    worker::{ComposeError, Composed, Heard, Reader, printable},
};
use acquit_store::Store;
use aws_lc_rs::hmac;
use axum::http::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

use crate::{
    broker::{
        event::{self, Whose},
        registry::Connections,
    },
    seal::{Purpose, Sealer},
};

const SIGNATURE: HeaderName = HeaderName::from_static("workos-signature");
const APPLICATION_GONE: &str = "the application has no webhook any more, so there is nothing to sign with";
const ENDPOINT_GONE: &str = "the endpoint was deleted";
const ENDPOINT_DISABLED: &str = "the endpoint was disabled";

/// What webhooks are signed with.
#[derive(Clone)]
pub struct Webhooks {
    /// Opens the secrets of the store.
    pub sealer: Arc<Sealer>,
    /// The applications as they are configured now.
    pub connections: Connections,
}

impl Webhooks {
    /// The request that posts the event of a step.
    ///
    /// # Errors
    /// [`ComposeError`].
    pub(super) async fn event(
        &self,
        store: &Store,
        step: &Step,
        (uri, endpoint, notice): (&str, Option<&EndpointId>, &Notice),
        now: Timestamp,
    ) -> Result<Composed, ComposeError> {
        let secret = self.secret(store, step, endpoint).await?;
        let body = body(store, step, notice).await?;
        let signature = signature(&secret, now, body.as_bytes());
        let not_now = |_| ComposeError::NotNow("the signature is no text for a header".to_owned());
        let signature = HeaderValue::from_str(&signature).map_err(not_now)?;
        let mut request = Outgoing::post(uri, HeaderValue::from_static("application/json"), body);
        request.headers.insert(SIGNATURE, signature);
        Ok(Composed { request, key_age: None, reader: Some(Reader::new(heard)) })
    }

    async fn secret(
        &self,
        store: &Store,
        step: &Step,
        endpoint: Option<&EndpointId>,
    ) -> Result<Zeroizing<Vec<u8>>, ComposeError> {
        let Some(endpoint) = endpoint else {
            let application = self.connections.application(&step.party);
            let webhook = application.as_ref().and_then(|application| application.webhook.as_ref());
            let gone = || ComposeError::Final(APPLICATION_GONE.to_owned());
            return Ok(Zeroizing::new(webhook.ok_or_else(gone)?.secret.expose().as_bytes().to_vec()));
        };
        let found = store.endpoint(&step.party, endpoint).await;
        let found = found.map_err(|error| ComposeError::NotNow(error.to_string()))?;
        let found = found.ok_or_else(|| ComposeError::Final(ENDPOINT_GONE.to_owned()))?;
        if !found.enabled {
            return Err(ComposeError::Final(ENDPOINT_DISABLED.to_owned()));
        }
        let opened = self.sealer.open_bytes(Purpose::WebhookSecret, &found.sealed);
        opened.map_err(|error| ComposeError::NotNow(format!("the secret of {endpoint}: {error}")))
    }
}

async fn body(store: &Store, step: &Step, notice: &Notice) -> Result<String, ComposeError> {
    let whose =
        Whose { user: &step.user, connection: notice.connection.as_ref(), organization: notice.organization.as_ref() };
    let event = match (notice.moment, &step.session) {
        (Moment::Started, Some(session)) => {
            let of = (&step.logout, session);
            event::logout_started(of, &whose, (notice.by.as_str(), &notice.scope), notice.at)
        }
        (Moment::Started, None) => return Err(ComposeError::Final("no session is named".to_owned())),
        (Moment::Completed, _) => {
            let settled = store.settled(&step.logout).await;
            let settled = settled.map_err(|error| ComposeError::NotNow(error.to_string()))?;
            // Somebody has it retried; when that is settled, this is due again.
            let settled = settled.ok_or_else(|| ComposeError::NotNow("the logout is not settled".to_owned()))?;
            event::logout_completed(&settled, settled.receipt.state.as_str(), &whose, &step.party)
        }
    };
    Ok(event.to_string())
}

/// The value of `WorkOS-Signature`: the time in milliseconds, and the HMAC-SHA256 of the time, a dot and the body.
fn signature(secret: &[u8], now: Timestamp, body: &[u8]) -> String {
    let millis = now.as_micros().div_euclid(1000).to_string();
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    context.update(millis.as_bytes());
    context.update(b".");
    context.update(body);
    let mut text = format!("t={millis}, v1=");
    for byte in context.sign().as_ref() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// What came with a 2xx is nobody's words.
fn heard(answer: &Incoming) -> Heard {
    Heard::Status { words: if answer.status.is_success() { None } else { printable(answer) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_the_time_and_the_raw_body() {
        let now = Timestamp::from_micros(1_600_000_000_123_999);
        let made = signature(b"whsec_test", now, b"{}");
        // By `printf '1600000000123.{}' | openssl dgst -sha256 -hmac whsec_test`.
        assert_eq!(made, "t=1600000000123, v1=d9b8340fc967ab27760a3fca1e18406a52b765c29c4e7aa7e92b655cfba62e40");
        assert_ne!(made, signature(b"whsec_tesT", now, b"{}"));
        assert_ne!(made, signature(b"whsec_test", now, b"{} "));
    }
}
