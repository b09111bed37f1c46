//! `PATCH /connections/{id}`: what is sent is changed, the rest stays.

use std::time::Duration;

use acquit_oidc::rp::OurUrls;
use acquit_store::management::ConnectionRecord;
use axum::{
    Json,
    extract::{Path, Request, State},
};
use serde_json::Value;

use super::{
    make::{learn, refused},
    object, of_the_file, one, options, saml,
};
use crate::{
    App,
    broker::{
        body::Body,
        error::Failure,
        made::changed,
        manage::Manager,
        stored::{self, Stored, StoredProvider},
    },
};

/// `PATCH /connections/{id}`. Beyond what WorkOS has, `state` may be `active` or `inactive`: through an inactive connection
/// nobody comes, and the sessions of who came end.
pub async fn patch(
    State(app): State<App>,
    Manager(application): Manager,
    Path(id): Path<String>,
    request: Request,
) -> Result<Json<Value>, Failure> {
    let (mut body, _) = Body::read(request).await?;
    let listed = one(&app, &application, &id)?;
    let record = listed.record.as_ref().ok_or_else(|| of_the_file(&id))?;
    let mut stored = Stored::of(record).ok_or_else(|| Failure::invalid("a newer program wrote this connection"))?;
    let mut fresh = record.clone();
    if let Some(name) = body.some_text("name")? {
        fresh.name = name;
    }
    if let Some(external_id) = body.text("external_id")? {
        fresh.external_id = external_id.filter(|id| !id.is_empty());
    }
    if body.some_text("connection_type")?.is_some_and(|name| name != record.connection_type) {
        return Err(Failure::invalid("connection_type cannot be changed"));
    }
    match body.some_text("state")?.as_deref() {
        None => {}
        Some("active") => fresh.active = true,
        Some("inactive") => fresh.active = false,
        Some(_) => return Err(Failure::invalid("state must be active or inactive")),
    }
    if let Some(maps) = body.object("attribute_maps")? {
        options::attributes(maps, &mut stored.attributes)?;
    }
    let (oidc, by_saml) = (body.object("oidc_options")?, body.object("saml_options")?);
    body.done()?;
    let mut metadata = None;
    match (&stored.provider, oidc, by_saml) {
        (_, None, None) => {}
        (StoredProvider::Oidc(known), Some(asked), None) => {
            let ours = OurUrls::of(app.issuer(), &record.external_key);
            let asked = options::Asked::read(asked, Some(&ours.callback))?;
            let secret =
                record.sealed.as_ref().and_then(|sealed| stored::open(&app.sealer, &record.id, &known.issuer, sealed));
            let (provider, secret) = asked.changed(&app, known, secret).await?;
            fresh.sealed =
                secret.map(|secret| stored::seal(&app.sealer, &record.id, &provider.issuer, &secret)).transpose()?;
            stored.provider = StoredProvider::Oidc(provider);
        }
        (StoredProvider::Saml(known), None, Some(asked)) => {
            let asked = saml::Asked::read(&app, asked, Some(&record.id))?;
            let (provider, fetched) = asked.provider(&app, Some(known)).await?;
            metadata = fetched;
            stored.provider = StoredProvider::Saml(provider);
        }
        (StoredProvider::Oidc(_), _, Some(_)) => {
            return Err(Failure::invalid("saml_options do not fit a connection by OpenID Connect"));
        }
        (StoredProvider::Saml(_), Some(_), _) => {
            return Err(Failure::invalid("oidc_options do not fit a connection by SAML"));
        }
    }
    fresh.options = serde_json::to_string(&stored).map_err(|_| Failure::Internal)?;
    fresh.updated_at = app.clock.now().max(record.updated_at.plus(Duration::from_micros(1)));
    write(&app, fresh, record).await?;
    learn(&app, &record.id, metadata);
    Ok(Json(object::shown(&app, &*one(&app, &application, &id)?)))
}

async fn write(app: &App, fresh: ConnectionRecord, was: &ConnectionRecord) -> Result<(), Failure> {
    let written = app.store.change_connection(fresh, was.updated_at).await?;
    // Also where it was refused: somebody else changed it.
    changed(app).await?;
    written.map_err(|why| refused(why, was.id.as_str()))
}
