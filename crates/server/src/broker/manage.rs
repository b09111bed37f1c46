//! Who calls the management API: an application by its API key, which reads what was granted to it, and may change it if the
//! operator said so.

use std::sync::Arc;

use acquit_core::OrganizationId;
use axum::{extract::FromRequestParts, http::request::Parts};

use super::{call, error::Failure};
use crate::{App, form::Address, settings::BrokerApplication};

/// The application that calls.
pub struct Reader(pub Arc<BrokerApplication>);

/// The application that calls, which may change things.
pub struct Manager(pub Arc<BrokerApplication>);

impl FromRequestParts<App> for Reader {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let Some(application) = call::application(app, &parts.headers) else {
            let Ok(Address(address)) = Address::from_request_parts(parts, app).await;
            return Err(call::failed(app, &address, Failure::Unauthorized));
        };
        call::within_limit(app, &application)?;
        Ok(Self(application))
    }
}

impl FromRequestParts<App> for Manager {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let Reader(application) = Reader::from_request_parts(parts, app).await?;
        if application.manage {
            Ok(Self(application))
        } else {
            let message = "This API key may only read; the operator can let it manage with `manage = true`";
            Err(Failure::Forbidden { message: message.to_owned() })
        }
    }
}

/// Whether an organization exists for an application.
#[must_use]
pub fn sees(application: &BrokerApplication, organization: Option<&OrganizationId>) -> bool {
    application.gets(organization)
}
