//! `Idempotency-Key`: a call that makes something and is tried again gets the answer of the first time, for a day.

use std::time::Duration;

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

/// How a call begins.
pub enum Begun {
    /// With work to do.
    Fresh(Call),
    /// It was done before: its answer.
    Before(Response),
}

/// A call that makes something; with a name it may be tried again.
pub struct Call(Option<Named>);

struct Named {
    key: Hash,
    request: Hash,
}

impl Call {
    /// Begins the call of an application at a path.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for what is no name of a call, or was the name of another one; [`Failure::Unavailable`]: then it must
    /// not be done.
    pub async fn begin(
        app: &App,
        application: &BrokerApplication,
        path: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Begun, Failure> {
        let Some(key) = idempotency_key(headers)? else { return Ok(Begun::Fresh(Self(None))) };
        let key = random::hash(&format!("{}\0{path}\0{key}", application.app));
        let call = Self(Some(Named { key, request: random::hash_bytes(body) }));
        match app.store.kept_answer(&key).await? {
            Some(kept) => call.answer(app, &kept).map(Begun::Before),
            None => Ok(Begun::Fresh(call)),
        }
    }

    /// What was kept, as an answer.
    ///
    /// # Errors
    /// [`Failure::Invalid`] when the name was of another call.
    pub fn answer(&self, app: &App, kept: &Kept) -> Result<Response, Failure> {
        let Named { key, request } = self.0.as_ref().ok_or(Failure::Internal)?;
        if kept.request != *request {
            return Err(Failure::invalid("this Idempotency-Key was used with another body"));
        }
        let opened = app.sealer.open_bytes(Purpose::KeptAnswer, &kept.sealed)?;
        let (sealed_for, status, body): (Hash, u16, Value) =
            serde_json::from_slice(&opened).map_err(|_| Failure::Internal)?;
        let status = StatusCode::from_u16(status).map_err(|_| Failure::Internal)?;
        if sealed_for == *key { Ok((status, Json(body)).into_response()) } else { Err(Failure::Internal) }
    }

    /// The answer of a call with a name, to be kept in the transaction of what it does.
    ///
    /// # Errors
    /// [`Failure::Internal`].
    pub fn keep(&self, app: &App, status: StatusCode, body: &Value) -> Result<Option<Kept>, Failure> {
        let Some(Named { key, request }) = self.0 else { return Ok(None) };
        let plain = serde_json::to_vec(&(key, status.as_u16(), body)).map_err(|_| Failure::Internal)?;
        let sealed = app.sealer.seal_bytes(Purpose::KeptAnswer, &plain)?;
        Ok(Some(Kept { key, request, sealed, until: app.clock.now().plus(LIFE) }))
    }
}
