//! Which identity provider an authorization request wants its person from: `connection`, `organization` and `domain_hint`.

use std::sync::Arc;

use acquit_core::{ConnectionId, OrganizationId};
use acquit_oidc::{
    authorize::AuthorizeRequest,
    error::{ErrorCode, OAuthError},
};
use acquit_store::session::SessionView;
use axum::{http::HeaderMap, response::Response};

use crate::{
    App,
    broker::{
        registry::Connections,
        trip::{self, NoTrip, Wishes},
    },
    door::DoorError,
    flow::{Flow, Pending},
    settings::Connection,
};

/// Where a person has to come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// From anywhere: by a password here, or by any provider.
    Anywhere,
    /// Through one of these, which is never empty. Of several the person has to choose.
    Through(Vec<Arc<Connection>>),
}

impl Source {
    /// What a request asks for. A hint that fits nobody is none; what is named has to be there.
    ///
    /// # Errors
    /// `invalid_request`, for the client, when there is no such connection or organization.
    pub fn of(connections: &Connections, request: &AuthorizeRequest) -> Result<Self, OAuthError> {
        let invalid = |why| OAuthError::new(ErrorCode::InvalidRequest, why);
        let organization = match &request.organization {
            None => None,
            Some(named) => {
                let known = OrganizationId::parse(named).ok().filter(|id| connections.organization(id).is_some());
                Some(known.ok_or_else(|| invalid("organization names none that is known"))?)
            }
        };
        if let Some(named) = &request.connection {
            let found = ConnectionId::parse(named).ok().and_then(|id| connections.find(&id));
            let found = found.ok_or_else(|| invalid("connection names none that is known"))?;
            if organization.is_some_and(|organization| found.organization.as_ref() != Some(&organization)) {
                return Err(invalid("connection is none of that organization"));
            }
            return Ok(Self::Through(vec![found]));
        }
        if let Some(organization) = organization {
            let of_it = of(connections, &organization);
            return if of_it.is_empty() {
                Err(invalid("organization has no connection"))
            } else {
                Ok(Self::Through(of_it))
            };
        }
        let hinted = request.domain_hint.as_deref().and_then(|domain| connections.by_domain(domain));
        let of_it = hinted.map(|organization| of(connections, &organization.id)).unwrap_or_default();
        Ok(if of_it.is_empty() { Self::Anywhere } else { Self::Through(of_it) })
    }

    /// Whether a session's person came from there. Anybody else's sign-in is not what was asked for.
    #[must_use]
    pub fn is_of(&self, view: &SessionView) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Through(connections) => {
                let origin = view.user.origin.as_ref();
                origin.is_some_and(|origin| connections.iter().any(|connection| connection.id == origin.connection))
            }
        }
    }

    /// The one provider to go to, if there is no choice.
    #[must_use]
    pub fn only(&self) -> Option<&Arc<Connection>> {
        match self {
            Self::Through(connections) => connections.first().filter(|_| connections.len() == 1),
            Self::Anywhere => None,
        }
    }
}

fn of(connections: &Connections, organization: &OrganizationId) -> Vec<Arc<Connection>> {
    let all = connections.all().into_iter();
    all.filter(|connection| connection.organization.as_ref() == Some(organization)).collect()
}

/// Sends the browser straight to a provider, past our own page; the inner error is one for the client.
///
/// # Errors
/// [`DoorError`].
pub(super) async fn leave(
    app: &App,
    headers: &HeaderMap,
    connection: &Connection,
    pending: Pending,
) -> Result<Result<Response, OAuthError>, DoorError> {
    let (login_hint, domain_hint) = (pending.request.login_hint.clone(), pending.request.domain_hint.clone());
    let flow = Flow::Authorize(Box::new(pending));
    // Whoever has to prove again who they are does so there.
    let prompt = flow.wants_proof().then(|| "login".to_owned());
    let wishes = Wishes { prompt, login_hint, domain_hint, ..Wishes::default() };
    match trip::leave(app, headers, connection, flow, &wishes).await {
        Ok(response) => Ok(Ok(response)),
        Err(NoTrip::Door(error)) => Err(error),
        Err(error) => {
            tracing::warn!(connection = %connection.id, %error, "a sign-in upstream cannot begin");
            let code = match error {
                NoTrip::Request(_) => ErrorCode::InvalidRequest,
                _ => ErrorCode::TemporarilyUnavailable,
            };
            Ok(Err(OAuthError::with(code, &error.to_string())))
        }
    }
}
