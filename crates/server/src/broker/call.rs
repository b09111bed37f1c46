//! A call of an application's server: its fields, in whichever encoding the SDK sends them, and whose API key it carries.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::Request,
    http::{HeaderMap, header},
};
use serde_json::Value;

use super::error::Failure;
use crate::{
    App,
    form::{self, BodyError},
    settings::BrokerApplication,
};

const JSON: &str = "application/json";
/// The longest name of a call, in bytes.
const MAX_KEY: usize = 255;

/// The fields of a call: those of the body, and of the query where the body has none of that name.
#[derive(Default)]
pub struct Fields(HashMap<String, String>);

impl Fields {
    /// Reads them.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for a body that is neither JSON nor a form, a field that is no text, or a field that says two
    /// different things.
    pub async fn read(request: Request) -> Result<Self, Failure> {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let headers = request.headers().clone();
        let body = form::read(request.into_body()).await?;
        let mut fields = Self::default();
        if body.is_empty() {
            // Some SDKs say JSON and send nothing.
        } else if form::is_type(&headers, JSON) {
            let Ok(Value::Object(object)) = serde_json::from_slice(&body) else {
                return Err(Failure::Invalid { message: "the body is not a JSON object".to_owned() });
            };
            for (name, value) in object {
                match value {
                    Value::String(text) => fields.add(name, text)?,
                    Value::Null => {}
                    _ => return Err(Failure::Invalid { message: format!("{name} must be text") }),
                }
            }
        } else if form::is_type(&headers, form::FORM) {
            for (name, value) in form_urlencoded::parse(&body).into_owned() {
                fields.add(name, value)?;
            }
        } else {
            return Err(BodyError::Type("application/json or application/x-www-form-urlencoded").into());
        }
        for (name, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
            fields.add(name, value)?;
        }
        Ok(fields)
    }

    fn add(&mut self, name: String, value: String) -> Result<(), Failure> {
        if value.is_empty() {
            return Ok(());
        }
        match self.0.get(&name) {
            Some(known) if *known != value => Err(Failure::Invalid { message: format!("{name} was sent twice") }),
            _ => {
                self.0.insert(name, value);
                Ok(())
            }
        }
    }

    /// A field; an empty one counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// The bearer credential of a request, if it carries exactly one.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, credential) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim())
}

/// Takes note of a call with an application's API key.
///
/// # Errors
/// [`Failure::TooMany`].
pub fn within_limit(app: &App, application: &BrokerApplication) -> Result<(), Failure> {
    app.limits().try_api_key(application.app.as_str()).map_err(|refusal| Failure::too_many(app, refusal))
}

/// The application whose API key a request carries.
#[must_use]
pub fn application(app: &App, headers: &HeaderMap) -> Option<Arc<BrokerApplication>> {
    app.clients.connections().by_api_key(bearer(headers)?)
}

/// The name of a call that may be tried again: the SDKs send one, and try again by themselves when an answer is lost.
///
/// # Errors
/// [`Failure::Invalid`].
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=MAX_KEY).contains(&key.len()));
    key.map(Some).ok_or_else(|| Failure::Invalid { message: "Idempotency-Key must be 1 to 255 letters".to_owned() })
}

/// A call that did not prove itself: it gets `failure`, or hears to wait where its address has failed too often.
#[must_use]
pub fn failed(app: &App, address: &str, failure: Failure) -> Failure {
    match app.limits().try_broker_failure(address) {
        Ok(()) => failure,
        Err(refusal) => Failure::too_many(app, refusal),
    }
}
