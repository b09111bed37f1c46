//! `Idempotency-Key`: a call that makes something and is tried again gets the answer of the first time, for a day.

use std::{sync::Arc, time::Duration};

use acquit_store::{Hash, management::Kept};
use axum::{
    Json,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::Value;

use super::{call::idempotency_key, error::Failure};
use crate::{App, random, seal::Purpose, settings::BrokerApplication};

/// How long an answer is kept.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// A call that may be tried again.
pub struct Call {
    key: Hash,
    request: Hash,
}

impl Call {
    /// The call of an application at a path, if it has a name.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for what is no name of a call.
    pub fn read(
        headers: &HeaderMap,
        application: &Arc<BrokerApplication>,
        path: &str,
        body: &[u8],
    ) -> Result<Option<Self>, Failure> {
        let Some(key) = idempotency_key(headers)? else { return Ok(None) };
        let key = random::hash(&format!("{}\0{path}\0{key}", application.app));
        Ok(Some(Self { key, request: random::hash_bytes(body) }))
    }

    /// The answer that it got before, if it did.
    ///
    /// # Errors
    /// As [`Call::answer`], and [`Failure::Unavailable`]: then it must not be done.
    pub async fn before(&self, app: &App) -> Result<Option<Response>, Failure> {
        match app.store.kept_answer(&self.key).await? {
            Some(kept) => self.answer(app, &kept).map(Some),
            None => Ok(None),
        }
    }

    /// What was kept, as an answer.
    ///
    /// # Errors
    /// [`Failure::Invalid`] when the name was of another call.
    pub fn answer(&self, app: &App, kept: &Kept) -> Result<Response, Failure> {
        if kept.request != self.request {
            return Err(Failure::invalid("this Idempotency-Key was used with another body"));
        }
        let opened = app.sealer.open_bytes(Purpose::KeptAnswer, &kept.sealed)?;
        let (key, status, body): (Hash, u16, Value) = serde_json::from_slice(&opened).map_err(|_| Failure::Internal)?;
        let status = StatusCode::from_u16(status).map_err(|_| Failure::Internal)?;
        if key == self.key { Ok((status, Json(body)).into_response()) } else { Err(Failure::Internal) }
    }

    /// The answer, to be kept in the transaction of what the call does.
    ///
    /// # Errors
    /// [`Failure::Internal`].
    pub fn keep(&self, app: &App, status: StatusCode, body: &Value) -> Result<Kept, Failure> {
        let plain = serde_json::to_vec(&(self.key, status.as_u16(), body)).map_err(|_| Failure::Internal)?;
        let sealed = app.sealer.seal_bytes(Purpose::KeptAnswer, &plain)?;
        Ok(Kept { key: self.key, request: self.request, sealed, until: app.clock.now().plus(LIFE) })
    }
}
