//! `/sso/saml/slo/{connection}`: single logout with a connection's identity provider, in both directions and by every binding.
//! What comes is signed by that provider or it is nothing: neither its connection's id nor a cookie is a right here.

use axum::{
    extract::{Path, Request, State},
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
};

use super::slo_path;
use crate::{
    App,
    door::DoorError,
    form::{self, Address},
    saml::{
        party::Party,
        slo::{ANY, arrive, posted},
        soap,
    },
};

/// `GET`: the Redirect binding, or a request that was posted and goes on.
pub async fn get(
    State(app): State<App>,
    Path(id): Path<String>,
    Address(address): Address,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, DoorError> {
    let provider = Party::Provider(super::provider(&app, &id)?);
    arrive(&app, &headers, &uri, address, Some(&provider), ANY).await
}

/// `POST`: a form of the POST binding, or an envelope.
pub async fn post(
    State(app): State<App>,
    Path(id): Path<String>,
    Address(address): Address,
    request: Request,
) -> Response {
    let idp = match super::provider(&app, &id) {
        Ok(idp) => idp,
        Err(error) => return error.into_response(),
    };
    let path = slo_path(&idp.connection.id);
    let provider = Party::Provider(idp);
    if form::is_type(request.headers(), "text/xml") {
        return soap::serve(&app, &address, request, &path, Some(&provider)).await;
    }
    posted(&app, request, address, Some(&provider), ANY).await.into_response()
}
