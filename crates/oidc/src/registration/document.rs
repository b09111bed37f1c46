//! What a client is told about its registration (RFC 7591 section 3.2.1, RFC 7592 section 3).

use acquit_core::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::{
    client::{Authentication, Client, ClientKeys},
    jose::Algorithm,
};

/// A registration as the client reads it.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each field is the metadata parameter of that name")]
pub struct ClientDocument {
    pub client_id: String,
    pub client_id_issued_at: i64,
    /// In the answer that the secret was drawn for, and never again: only its digest is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// 0: it does not expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_expires_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_access_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_client_uri: Option<String>,
    pub client_name: String,
    pub application_type: &'static str,
    pub redirect_uris: Vec<String>,
    pub post_logout_redirect_uris: Vec<String>,
    pub token_endpoint_auth_method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_signing_alg: Option<&'static str>,
    pub grant_types: Vec<&'static str>,
    pub response_types: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    pub backchannel_logout_session_required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontchannel_logout_uri: Option<String>,
    pub frontchannel_logout_session_required: bool,
    pub id_token_signed_response_alg: &'static str,
    pub subject_type: &'static str,
    pub require_pushed_authorization_requests: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<u32>,
}

impl ClientDocument {
    pub(super) fn of(client: &Client, issued_at: Timestamp) -> Self {
        let (jwks, jwks_uri, alg) = match &client.authentication {
            Authentication::PrivateKeyJwt { keys: ClientKeys::Jwks(jwks), alg } => (Some(jwks.clone()), None, *alg),
            Authentication::PrivateKeyJwt { keys: ClientKeys::JwksUri(uri), alg } => (None, Some(uri.clone()), *alg),
            Authentication::None | Authentication::Secret { .. } => (None, None, None),
        };
        let mut grant_types = Vec::new();
        if client.grant_types.authorization_code {
            grant_types.push("authorization_code");
        }
        if client.grant_types.refresh_token {
            grant_types.push("refresh_token");
        }
        Self {
            client_id: client.client_id.clone(),
            client_id_issued_at: issued_at.as_seconds(),
            client_secret: None,
            client_secret_expires_at: matches!(client.authentication, Authentication::Secret { .. }).then_some(0),
            registration_access_token: None,
            registration_client_uri: None,
            client_name: client.name.clone(),
            application_type: if client.native { "native" } else { "web" },
            redirect_uris: client.redirect_uris.clone(),
            post_logout_redirect_uris: client.post_logout_redirect_uris.clone(),
            token_endpoint_auth_method: client.authentication.method_names()[0],
            token_endpoint_auth_signing_alg: alg.map(Algorithm::as_str),
            grant_types,
            response_types: if client.grant_types.authorization_code { vec!["code"] } else { Vec::new() },
            jwks,
            jwks_uri,
            backchannel_logout_uri: client.backchannel_logout_uri.clone(),
            backchannel_logout_session_required: client.backchannel_logout_session_required,
            frontchannel_logout_uri: client.frontchannel_logout_uri.clone(),
            frontchannel_logout_session_required: client.frontchannel_logout_session_required,
            id_token_signed_response_alg: client.id_token_signed_response_alg.as_str(),
            subject_type: "public",
            require_pushed_authorization_requests: client.require_pushed_authorization_requests,
            default_max_age: client.default_max_age,
        }
    }

    /// With the secret that was drawn.
    #[must_use]
    pub fn with_secret(self, secret: impl Into<String>) -> Self {
        Self { client_secret: Some(secret.into()), ..self }
    }

    /// With where and how the registration is managed (RFC 7592).
    #[must_use]
    pub fn with_management(self, uri: impl Into<String>, access_token: impl Into<String>) -> Self {
        Self { registration_client_uri: Some(uri.into()), registration_access_token: Some(access_token.into()), ..self }
    }
}

/// The client's name only: there are credentials in it.
impl std::fmt::Debug for ClientDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClientDocument({})", self.client_id)
    }
}
