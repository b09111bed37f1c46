//! Dynamic client registration (RFC 7591, RFC 7592, OpenID Connect Registration 1.0).
//!
//! A client registers what the specifications have names for. What gives it power over others (`single_logout`,
//! `confirm`, `token_audience`) is the operator's and cannot be asked for here.

use acquit_core::{AppId, Timestamp};

use crate::{
    client::{Authentication, Client, ClientKeys, GrantTypes, InvalidClient, SecretDigest, SecretMethod},
    error::{ErrorCode, OAuthError},
    jose::Algorithm,
};

mod document;
mod metadata;

pub use document::ClientDocument;
pub use metadata::{ClientMetadata, MAX_METADATA};

/// The least that a drawn client secret must hold, in bytes before it is encoded.
pub const SECRET_BYTES: usize = 32;

/// What the server drew or looked up for a registration.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The application's id in the house.
    pub app: AppId,
    /// Its `client_id`.
    pub client_id: String,
    /// The digest of its secret, where [`ClientMetadata::needs_secret`]; for an update, the one that it has.
    pub secret: Option<SecretDigest>,
}

impl ClientMetadata {
    /// Whether a secret must be drawn for this client.
    ///
    /// # Errors
    /// `invalid_client_metadata` when the method is not supported.
    pub fn needs_secret(&self) -> Result<bool, OAuthError> {
        Ok(matches!(self.method()?, Method::Secret(_)))
    }

    fn method(&self) -> Result<Method, OAuthError> {
        // RFC 7591 section 2: client_secret_basic when it is left out.
        match self.token_endpoint_auth_method.as_deref() {
            None | Some("client_secret_basic") => Ok(Method::Secret(SecretMethod::Basic)),
            Some("client_secret_post") => Ok(Method::Secret(SecretMethod::Post)),
            Some("private_key_jwt") => Ok(Method::PrivateKeyJwt),
            Some("none") => Ok(Method::None),
            Some(_) => Err(metadata_error("token_endpoint_auth_method is not supported")),
        }
    }

    /// The client that this registers.
    ///
    /// # Errors
    /// `invalid_redirect_uri` or `invalid_client_metadata`, naming the field.
    pub fn into_client(self, identity: Identity) -> Result<Client, OAuthError> {
        self.supported()?;
        let authentication = match (self.method()?, identity.secret) {
            (Method::None, _) => Authentication::None,
            (Method::Secret(via), secret) => Authentication::Secret { via, digests: secret.into_iter().collect() },
            (Method::PrivateKeyJwt, _) => {
                let keys = match (self.jwks, self.jwks_uri) {
                    (Some(jwks), None) => ClientKeys::Jwks(jwks),
                    (None, Some(uri)) => ClientKeys::JwksUri(uri),
                    _ => return Err(metadata_error("private_key_jwt needs either jwks or jwks_uri")),
                };
                let alg =
                    algorithm("token_endpoint_auth_signing_alg", self.token_endpoint_auth_signing_alg.as_deref())?;
                Authentication::PrivateKeyJwt { keys, alg }
            }
        };
        let grant = |name: &str| self.grant_types.as_ref().map(|grants| grants.iter().any(|grant| grant == name));
        let client = Client {
            name: self.client_name.unwrap_or_else(|| identity.client_id.clone()),
            native: self.application_type.as_deref() == Some("native"),
            redirect_uris: self.redirect_uris,
            post_logout_redirect_uris: self.post_logout_redirect_uris.unwrap_or_default(),
            backchannel_logout_uri: self.backchannel_logout_uri,
            backchannel_logout_session_required: self.backchannel_logout_session_required.unwrap_or(false),
            frontchannel_logout_uri: self.frontchannel_logout_uri,
            frontchannel_logout_session_required: self.frontchannel_logout_session_required.unwrap_or(false),
            id_token_signed_response_alg: algorithm(
                "id_token_signed_response_alg",
                self.id_token_signed_response_alg.as_deref(),
            )?
            .unwrap_or(Algorithm::Rs256),
            // RFC 7591 section 2: only authorization_code when they are left out.
            grant_types: GrantTypes {
                authorization_code: grant("authorization_code").unwrap_or(true),
                refresh_token: grant("refresh_token").unwrap_or(false),
            },
            require_pushed_authorization_requests: self.require_pushed_authorization_requests.unwrap_or(false),
            default_max_age: self.default_max_age,
            ..Client::new(identity.app, identity.client_id, authentication)
        };
        match client.problems().first() {
            Some(problem) => Err(problem.into()),
            None => Ok(client),
        }
    }
}

enum Method {
    None,
    Secret(SecretMethod),
    PrivateKeyJwt,
}

pub(crate) fn metadata_error(why: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidClientMetadata, why)
}

fn algorithm(field: &'static str, name: Option<&str>) -> Result<Option<Algorithm>, OAuthError> {
    let Some(name) = name else { return Ok(None) };
    let known = Algorithm::parse(name).map(Some);
    known.ok_or_else(|| OAuthError::with(ErrorCode::InvalidClientMetadata, &format!("{field} is not supported")))
}

impl From<&InvalidClient> for OAuthError {
    fn from(problem: &InvalidClient) -> Self {
        let code = match problem.field {
            "redirect_uris" => ErrorCode::InvalidRedirectUri,
            _ => ErrorCode::InvalidClientMetadata,
        };
        // RFC 7591 calls it client_name.
        let field = if problem.field == "name" { "client_name" } else { problem.field };
        Self::with(code, &format!("{field} {}", problem.why))
    }
}

/// The answer to a registration, with status 201, and to a later reading or update of it, with 200.
#[must_use]
pub fn document(client: &Client, issued_at: Timestamp) -> ClientDocument {
    ClientDocument::of(client, issued_at)
}

#[cfg(test)]
mod tests;
