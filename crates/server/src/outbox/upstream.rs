//! Giving tokens back to identity providers (RFC 7009): a request for each attempt, and what the answer means.

use std::{sync::Arc, time::Duration};

use acquit_core::{ConnectionId, Timestamp, UpstreamId, delivery::Answer, upstream::TokenKind};
use acquit_delivery::{
    egress::Incoming,
    worker::{ComposeError, Composed, Heard, Reader},
};
use acquit_oidc::rp::{client::RpClient, revoke};
use acquit_store::Store;

use crate::{
    broker::{
        provider::outgoing,
        registry::Connections,
        secrets::{Secrets, as_client},
    },
    keys::Keys,
    seal::Sealer,
};

/// What is needed to speak to identity providers in our name.
#[derive(Clone)]
pub struct Upstreams {
    /// Opens the tokens.
    pub sealer: Arc<Sealer>,
    /// The connections as they are configured now.
    pub connections: Connections,
}

impl Upstreams {
    /// The request that gives a token back to `uri`.
    ///
    /// # Errors
    /// [`ComposeError`].
    pub(super) async fn revocation(
        &self,
        (store, keys): (&Store, &Keys),
        uri: &str,
        (connection, upstream): (&ConnectionId, &UpstreamId),
        kind: TokenKind,
        now: Timestamp,
    ) -> Result<Composed, ComposeError> {
        let secrets = Secrets::find(store, &self.sealer, upstream).await;
        let secrets = secrets.map_err(|error| ComposeError::NotNow(error.to_string()))?;
        let gone = || ComposeError::Final("the token is not kept any more".to_owned());
        let secrets = secrets.ok_or_else(gone)?;
        let token = secrets.token(kind).ok_or_else(gone)?;
        let connection = self.connections.find(connection);
        let current = connection.as_ref().and_then(|connection| connection.oidc());
        let authentication = secrets.authentication(current);
        let not_now = |error: &dyn std::error::Error| ComposeError::NotNow(error.to_string());
        let make = |client: &RpClient<'_>| revoke::request((&secrets.issuer, uri), client, kind, token);
        let post = as_client(keys, &secrets.client_id, &authentication, now, make)
            .map_err(|error| not_now(&error))?
            .map_err(|error| not_now(&error))?;
        let request = outgoing(&post, revoke::MAX_ANSWER)
            .ok_or_else(|| ComposeError::Final("our name at this provider is no text for a header".to_owned()))?;
        let reader = Some(Reader::new(move |answer| heard(kind, answer)));
        Ok(Composed { request, key_age: None, reader })
    }
}

fn heard(kind: TokenKind, answer: &Incoming) -> Heard {
    let retry_after: Option<Duration> = answer.retry_after();
    match revoke::answer(kind, answer.status.as_u16(), retry_after, &answer.body) {
        Answer::Said { said, .. } => Heard::Said(said),
        Answer::Status { words, .. } => Heard::Status { words },
        Answer::Nothing { .. } => Heard::Status { words: None },
    }
}
