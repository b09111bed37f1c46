//! `POST /connections`.

use acquit_core::ConnectionId;
use acquit_saml::metadata::IdentityProvider;
use acquit_store::management::{ConnectionRecord, Made, Refused};
use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};

use super::{object, options, saml};
use crate::{
    App,
    broker::{
        body::Body,
        error::Failure,
        ids,
        kept::{Begun, Call},
        made::changed,
        manage::Manager,
        organizations,
        registry::ListedConnection,
        stored::{self, Stored, StoredAttributes, StoredProvider},
    },
    random,
    settings::{Secret, connection_type as types},
};

/// How many characters an external key has: about 148 bits.
const EXTERNAL_KEY: usize = 25;
/// The most connections of one organization.
const MAX_CONNECTIONS: usize = 100;

/// `POST /connections`. One that the application already has by this `external_id` is the answer, as it is.
pub async fn make(
    State(app): State<App>,
    Manager(application): Manager,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Failure> {
    let (mut body, bytes) = Body::read(request).await?;
    let call = match Call::begin(&app, &application, "/connections", &headers, &bytes).await? {
        Begun::Fresh(call) => call,
        Begun::Before(answer) => return Ok(answer),
    };
    let organization = organizations::one(&app, &application, &body.need("organization_id")?)?;
    let name = body.some_text("name")?.unwrap_or_else(|| organization.name.clone());
    let external_id = body.some_text("external_id")?;
    let connection_type = body.some_text("connection_type")?;
    let mut attributes = StoredAttributes::default();
    if let Some(maps) = body.object("attribute_maps")? {
        options::attributes(maps, &mut attributes)?;
    }
    let (oidc, by_saml) = (body.object("oidc_options")?, body.object("saml_options")?);
    body.done()?;
    if let Some(existing) = external_id.as_deref().and_then(|id| by_external_id(&app, &organization.id, id)) {
        return Ok(Json(object::connection(&existing, Some(&organization))).into_response());
    }
    let generic = if by_saml.is_some() { types::GENERIC_SAML } else { types::GENERIC };
    let connection_type = connection_type.unwrap_or_else(|| generic.to_owned());
    let asked = Options::fitting(&connection_type, oidc, by_saml)?;
    let of_it = |known: &ListedConnection| known.organization.as_ref() == Some(&organization.id);
    if app.clients.connections().listed().iter().filter(|known| of_it(known)).count() >= MAX_CONNECTIONS {
        return Err(Failure::invalid(format!("an organization has at most {MAX_CONNECTIONS} connections")));
    }
    let (provider, secret, metadata) = asked.provider(&app).await?;

    let now = app.clock.now();
    let id = ids::upper(&ConnectionId::from_random(random::id_at(now)?), ConnectionId::parse)?;
    let (sealed, external_key) = match &provider {
        StoredProvider::Oidc(oidc) => {
            let sealed = secret.map(|secret| stored::seal(&app.sealer, &id, &oidc.issuer, &secret)).transpose()?;
            (sealed, random::alphanumeric::<EXTERNAL_KEY>()?)
        }
        // Every message is signed there, so nothing has to be unguessable.
        StoredProvider::Saml(_) => (None, id.to_string()),
    };
    let stored = Stored { provider, attributes };
    let record = ConnectionRecord {
        id,
        organization: organization.id.clone(),
        name,
        connection_type,
        external_id,
        external_key,
        active: true,
        options: serde_json::to_string(&stored).map_err(|_| Failure::Internal)?,
        sealed,
        created_at: now,
        updated_at: now,
    };
    let answer = object::connection(&ListedConnection::of_store(&record, true), Some(&organization));
    let answer_kept = call.keep(&app, StatusCode::CREATED, &answer)?;
    let (external_id, id) = (record.external_id.clone(), record.id.clone());
    let organization_is_here = organization.record.is_some();
    match app.store.make_connection(record, organization_is_here, answer_kept).await? {
        Ok(Made::Now) => {
            changed(&app).await?;
            learn(&app, &id, metadata);
            Ok((StatusCode::CREATED, Json(answer)).into_response())
        }
        Ok(Made::Before(before)) => call.answer(&app, &before),
        Err(Refused::ExternalIdTaken) => {
            // Made a moment ago, on another node perhaps.
            changed(&app).await?;
            let existing = external_id.as_deref().and_then(|id| by_external_id(&app, &organization.id, id));
            let existing = existing.ok_or_else(|| refused(Refused::Changed, organization.id.as_str()))?;
            Ok(Json(object::connection(&existing, Some(&organization))).into_response())
        }
        Err(why) => Err(refused(why, organization.id.as_str())),
    }
}

/// What was fetched when a connection was written is good at once.
pub(super) fn learn(app: &App, id: &ConnectionId, metadata: Option<IdentityProvider>) {
    let connections = app.clients.connections();
    if let (Some(connection), Some(metadata)) = (connections.find(id), metadata) {
        connections.identity_providers().learn(&connection, metadata);
    }
}

/// What is said of the provider.
enum Options {
    Oidc(Body),
    Saml(Body),
}

impl Options {
    /// Those that the type of the connection needs.
    fn fitting(connection_type: &str, oidc: Option<Body>, saml: Option<Body>) -> Result<Self, Failure> {
        match (oidc, saml) {
            (Some(oidc), None) if types::is_oidc(connection_type) => Ok(Self::Oidc(oidc)),
            (None, Some(saml)) if types::is_saml(connection_type) => Ok(Self::Saml(saml)),
            (Some(_), Some(_)) => Err(Failure::invalid("oidc_options and saml_options cannot be given together")),
            _ if types::is_oidc(connection_type) => Err(Failure::invalid("oidc_options are required")),
            _ if types::is_saml(connection_type) => Err(Failure::invalid("saml_options are required")),
            _ => Err(Failure::invalid(
                "connection_type must be one of OpenID Connect or SAML, such as GenericOIDC or GenericSAML",
            )),
        }
    }

    /// The provider, our secret there, and its metadata where that was fetched.
    async fn provider(self, app: &App) -> Result<(StoredProvider, Option<Secret>, Option<IdentityProvider>), Failure> {
        match self {
            Self::Oidc(asked) => {
                let (provider, secret) = options::Asked::read(asked, None)?.provider(app).await?;
                Ok((StoredProvider::Oidc(provider), secret, None))
            }
            Self::Saml(asked) => {
                let (provider, metadata) = saml::Asked::read(app, asked, None)?.provider(app, None).await?;
                Ok((StoredProvider::Saml(provider), None, metadata))
            }
        }
    }
}

fn by_external_id(
    app: &App,
    organization: &acquit_core::OrganizationId,
    external_id: &str,
) -> Option<std::sync::Arc<ListedConnection>> {
    let is_it = |known: &&std::sync::Arc<ListedConnection>| {
        let theirs = known.record.as_ref().and_then(|record| record.external_id.as_deref());
        known.organization.as_ref() == Some(organization) && theirs == Some(external_id)
    };
    app.clients.connections().listed().iter().find(is_it).cloned()
}

/// Why the store did not take a change of the object `id`.
pub(in crate::broker) fn refused(why: Refused, id: &str) -> Failure {
    match why {
        Refused::Gone | Refused::NoOrganization => Failure::not_found(id),
        Refused::Changed => Failure::Conflict {
            code: "changed_meanwhile",
            message: format!("{id} was changed by another call; read it again"),
        },
        Refused::DomainTaken(domain) => {
            Failure::Conflict { code: "domain_in_use", message: format!("{domain} belongs to somebody else") }
        }
        Refused::TooMany(most) => {
            Failure::invalid(format!("an application makes {most} organizations at most; delete one that is not used"))
        }
        Refused::ExternalIdTaken => {
            Failure::Bad { code: "external_id_already_used", message: "this external_id is another one's".to_owned() }
        }
    }
}
