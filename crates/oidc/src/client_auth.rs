//! How a client proves itself at the token, PAR, introspection and revocation endpoints (RFC 6749 section 2.3,
//! OpenID Connect Core section 9).

use base64::{Engine, prelude::BASE64_STANDARD};
use subtle::Choice;
use zeroize::Zeroizing;

use acquit_core::Timestamp;

use crate::{
    client::{Authentication, Client, ClientKeys, SecretMethod},
    error::{ErrorCode, OAuthError},
    jose::{self, ClientAssertion, Jwks, client_assertion::unverified_client_id, verify_client_assertion},
    params::Params,
};

/// `client_assertion_type` of a JWT.
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What a request brought to prove its client, by one method.
pub enum Credentials {
    /// A name only: a public client.
    None {
        /// The client.
        client_id: String,
    },
    /// `client_secret_basic`.
    Basic {
        /// The client.
        client_id: String,
        /// Its secret.
        secret: Zeroizing<String>,
    },
    /// `client_secret_post`.
    Post {
        /// The client.
        client_id: String,
        /// Its secret.
        secret: Zeroizing<String>,
    },
    /// `private_key_jwt`.
    Assertion {
        /// The client, as the unverified assertion names it.
        client_id: String,
        /// The assertion.
        token: String,
    },
}

/// A client that proved itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It is public: there was nothing to prove.
    Public,
    /// By its secret.
    Secret,
    /// By an assertion; good only if its `jti` is new for this client.
    Assertion(ClientAssertion),
}

/// The request does not prove its client; status 401. Deliberately without the reason.
const REFUSED: OAuthError = OAuthError::new(ErrorCode::InvalidClient, "the client did not prove itself");

/// The `WWW-Authenticate` header for a refusal, when the client used the `Authorization` header (RFC 6749 section 5.2).
pub const BASIC_CHALLENGE: &str = r#"Basic realm="acquit", charset="UTF-8""#;

impl Credentials {
    /// Reads what a request brought: its `Authorization` header and its body.
    ///
    /// # Errors
    /// `invalid_request` for more than one method, `invalid_client` for none or a broken one.
    pub fn parse(authorization: Option<&str>, params: &Params) -> Result<Self, OAuthError> {
        let client_id = params.get("client_id");
        let secret = params.get("client_secret");
        let assertion = params.get("client_assertion").or(params.get("client_assertion_type"));
        let methods =
            usize::from(authorization.is_some()) + usize::from(secret.is_some()) + usize::from(assertion.is_some());
        if methods > 1 {
            return Err(OAuthError::new(ErrorCode::InvalidRequest, "more than one way to prove the client was used"));
        }
        let credentials = if let Some(header) = authorization {
            basic(header).ok_or(REFUSED)?
        } else if assertion.is_some() {
            asserted(params)?
        } else {
            let client_id = client_id.ok_or(REFUSED)?.to_owned();
            match secret {
                Some(secret) => Self::Post { client_id, secret: Zeroizing::new(secret.to_owned()) },
                None => Self::None { client_id },
            }
        };
        match client_id {
            Some(named) if named != credentials.client_id() => {
                Err(OAuthError::new(ErrorCode::InvalidRequest, "client_id is not the client that proves itself"))
            }
            _ => Ok(credentials),
        }
    }

    /// The client that they claim to be of: to be looked up.
    #[must_use]
    pub fn client_id(&self) -> &str {
        match self {
            Self::None { client_id }
            | Self::Basic { client_id, .. }
            | Self::Post { client_id, .. }
            | Self::Assertion { client_id, .. } => client_id,
        }
    }

    /// Whether they came in the `Authorization` header.
    #[must_use]
    pub fn in_header(&self) -> bool {
        matches!(self, Self::Basic { .. })
    }

    /// Checks them against the client that they name; `None` when there is no such client. `fetched` are the keys from
    /// the client's `jwks_uri`, `audiences` the issuer and the endpoint that was called.
    ///
    /// # Errors
    /// `invalid_client`
    pub fn verify(
        &self,
        client: Option<&Client>,
        fetched: Option<&Jwks>,
        audiences: &[&str],
        now: Timestamp,
    ) -> Result<Proof, OAuthError> {
        let client = client.filter(|client| client.client_id == self.client_id()).ok_or(REFUSED)?;
        match (self, &client.authentication) {
            (Self::None { .. }, Authentication::None) => Ok(Proof::Public),
            (
                Self::Basic { secret, .. },
                Authentication::Secret { via: SecretMethod::Basic | SecretMethod::Either, digests },
            )
            | (
                Self::Post { secret, .. },
                Authentication::Secret { via: SecretMethod::Post | SecretMethod::Either, digests },
            ) => {
                let hash = jose::sha256(secret.as_bytes());
                let fits = digests.iter().fold(Choice::from(0), |found, digest| found | digest.compare(&hash));
                if bool::from(fits) { Ok(Proof::Secret) } else { Err(REFUSED) }
            }
            (Self::Assertion { token, .. }, Authentication::PrivateKeyJwt { keys, alg }) => {
                let inline;
                let keys = match (keys, fetched) {
                    (ClientKeys::Jwks(value), _) => {
                        inline = Jwks::from_value(value).map_err(|_| REFUSED)?;
                        &inline
                    }
                    (ClientKeys::JwksUri(_), Some(fetched)) => fetched,
                    (ClientKeys::JwksUri(_), None) => return Err(REFUSED),
                };
                verify_client_assertion(keys, *alg, &client.client_id, audiences, token, now)
                    .map(Proof::Assertion)
                    .map_err(|why| OAuthError::with(ErrorCode::InvalidClient, &why.to_string()))
            }
            // Another method than the registered one proves nothing (RFC 6749 section 2.3).
            _ => Err(REFUSED),
        }
    }
}

/// `Basic base64(form(client_id) ":" form(secret))` (RFC 6749 section 2.3.1).
fn basic(header: &str) -> Option<Credentials> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > 4096 {
        return None;
    }
    let decoded = Zeroizing::new(BASE64_STANDARD.decode(encoded.trim()).ok()?);
    let colon = decoded.iter().position(|&b| b == b':')?;
    let part = |bytes: &[u8]| crate::params::decode(bytes).ok();
    let client_id = part(&decoded[..colon])?;
    let secret = Zeroizing::new(part(&decoded[colon + 1..])?);
    (!client_id.is_empty() && !secret.is_empty()).then_some(Credentials::Basic { client_id, secret })
}

fn asserted(params: &Params) -> Result<Credentials, OAuthError> {
    if params.require("client_assertion_type")? != JWT_BEARER {
        return Err(OAuthError::new(ErrorCode::InvalidRequest, "client_assertion_type is not supported"));
    }
    let token = params.require("client_assertion")?;
    let client_id = unverified_client_id(token).ok_or(REFUSED)?;
    Ok(Credentials::Assertion { client_id, token: token.to_owned() })
}

/// The client and the method; never the secret.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let method = match self {
            Self::None { .. } => "none",
            Self::Basic { .. } => "client_secret_basic",
            Self::Post { .. } => "client_secret_post",
            Self::Assertion { .. } => "private_key_jwt",
        };
        write!(f, "Credentials({}, {method})", self.client_id())
    }
}

#[cfg(test)]
mod tests;
