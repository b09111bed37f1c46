//! What a client says about itself.

use serde::Deserialize;
use serde_json::Value;

use super::metadata_error;
use crate::error::OAuthError;

/// The longest registration that is read, in bytes.
pub const MAX_METADATA: usize = 64 * 1024;

/// Client metadata as it is sent. Names that mean nothing here are ignored (RFC 7591 section 2).
#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "each field is the metadata parameter of that name")]
pub struct ClientMetadata {
    /// Only in an update (RFC 7592 section 2.2).
    pub client_id: Option<String>,
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    pub client_name: Option<String>,
    pub application_type: Option<String>,
    pub token_endpoint_auth_method: Option<String>,
    pub token_endpoint_auth_signing_alg: Option<String>,
    pub grant_types: Option<Vec<String>>,
    pub response_types: Option<Vec<String>>,
    pub jwks: Option<Value>,
    pub jwks_uri: Option<String>,
    pub post_logout_redirect_uris: Option<Vec<String>>,
    pub backchannel_logout_uri: Option<String>,
    pub backchannel_logout_session_required: Option<bool>,
    pub frontchannel_logout_uri: Option<String>,
    pub frontchannel_logout_session_required: Option<bool>,
    pub id_token_signed_response_alg: Option<String>,
    pub id_token_encrypted_response_alg: Option<String>,
    pub userinfo_signed_response_alg: Option<String>,
    pub userinfo_encrypted_response_alg: Option<String>,
    pub subject_type: Option<String>,
    pub require_pushed_authorization_requests: Option<bool>,
    pub default_max_age: Option<u32>,
}

impl ClientMetadata {
    /// Reads a registration's body.
    ///
    /// # Errors
    /// `invalid_client_metadata` when it is too long or not JSON of the right types.
    pub fn parse(json: &[u8]) -> Result<Self, OAuthError> {
        if json.len() > MAX_METADATA {
            return Err(metadata_error("the registration is too long"));
        }
        serde_json::from_slice(json)
            .map_err(|_| metadata_error("the registration is not a JSON object of the right types"))
    }

    /// Reads an update's body for `client_id` (RFC 7592 section 2.2).
    ///
    /// # Errors
    /// As [`ClientMetadata::parse`], and when it is for another client.
    pub fn parse_update(json: &[u8], client_id: &str) -> Result<Self, OAuthError> {
        let metadata = Self::parse(json)?;
        match metadata.client_id.as_deref() {
            Some(named) if named == client_id => Ok(metadata),
            _ => Err(metadata_error("client_id must be that of the registration")),
        }
    }

    /// Refuses what is not spoken here: a client that was told otherwise would fail later and elsewhere.
    pub(super) fn supported(&self) -> Result<(), OAuthError> {
        let only = |values: &Option<Vec<String>>, known: &[&str]| {
            values.as_ref().is_none_or(|values| values.iter().all(|value| known.contains(&value.as_str())))
        };
        if !only(&self.response_types, &["code"]) {
            return Err(metadata_error("response_types may have code only"));
        }
        if !only(&self.grant_types, &["authorization_code", "refresh_token"]) {
            return Err(metadata_error("grant_types may have authorization_code and refresh_token only"));
        }
        if !matches!(self.application_type.as_deref(), None | Some("web" | "native")) {
            return Err(metadata_error("application_type must be web or native"));
        }
        if !matches!(self.subject_type.as_deref(), None | Some("public")) {
            return Err(metadata_error("subject_type must be public"));
        }
        if self.id_token_encrypted_response_alg.is_some() || self.userinfo_encrypted_response_alg.is_some() {
            return Err(metadata_error("encrypted tokens are not supported"));
        }
        if self.userinfo_signed_response_alg.is_some() {
            return Err(metadata_error("signed userinfo is not supported"));
        }
        Ok(())
    }
}
