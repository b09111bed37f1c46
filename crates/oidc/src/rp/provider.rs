//! An upstream provider as its discovery document describes it (OpenID Connect Discovery 1.0 section 4).
//!
//! The document decides where people are sent and where our secret is posted, so it is read with suspicion: it must be
//! the expected issuer's own, and each address in it must be one that a secret may be sent to.

use url::Url;

use super::client::SECRET_JWT;
use crate::{
    jose::{Algorithm, HS256},
    uri::{self, InvalidUri, Purpose},
};

mod abilities;
mod document;
mod fit;

pub use abilities::{Abilities, Tells};
pub use fit::{Misfit, Wanted};

/// The longest document that is read, in bytes.
pub const MAX_DOCUMENT: usize = 128 * 1024;
/// The most entries of one list that are kept; further ones are not looked at.
pub const MAX_LIST: usize = 500;
/// The longest entry of a list that is kept, in bytes.
pub const MAX_ENTRY: usize = 256;
/// The path of the document below its issuer.
pub const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// Whose document is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected<'a> {
    /// This issuer's: from the second reading on, the one that the connection was made with.
    Issuer(&'a str),
    /// The first reading, when only the document's address is known: the issuer that it names must be the one whose
    /// document lies exactly there (section 4.3), or anybody could be named.
    At(&'a str),
}

/// Why a document is not used. The connection stays with what it knew before; its owner must look at the provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// Longer than [`MAX_DOCUMENT`].
    #[error("the discovery document is longer than {MAX_DOCUMENT} bytes")]
    TooLarge,
    /// Not a JSON object.
    #[error("the discovery document is not a JSON object")]
    Malformed,
    /// The issuer's own URL cannot be one (section 3). Whoever configured it must correct it.
    #[error("the issuer {0}")]
    BadIssuer(InvalidUri),
    /// The issuer's URL has a query (section 3).
    #[error("the issuer has a query")]
    IssuerQuery,
    /// It describes another issuer than the one that was asked (section 4.3; RFC 9700 section 4.4): a mistake, or a lie.
    #[error("the discovery document is of another issuer")]
    AnotherIssuer,
    /// An endpoint that must be there is not.
    #[error("the discovery document has no {0}")]
    Missing(&'static str),
    /// An endpoint is not a URL that may be used.
    #[error("the discovery document's {name} {why}")]
    BadEndpoint {
        /// Which.
        name: &'static str,
        /// What is wrong with it.
        why: InvalidUri,
    },
    /// An endpoint on this machine, named by a provider that is elsewhere: it would have us call ourselves.
    #[error("the discovery document's {0} is a loopback address and the issuer is not")]
    Loopback(&'static str),
    /// It lists response types, and `code` is not among them.
    #[error("the provider does not offer the authorization code flow")]
    NoCode,
}

/// An upstream provider. Lists are as the document gives them; what it leaves out has the default of the specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its name, exactly as tokens will carry it.
    pub issuer: String,
    /// Where the browser is sent to sign in.
    pub authorization_endpoint: String,
    /// Where a code becomes tokens.
    pub token_endpoint: String,
    /// Where its keys are.
    pub jwks_uri: String,
    /// Where more can be learned of the user.
    pub userinfo_endpoint: Option<String>,
    /// Where the browser is sent to sign out (RPI-19).
    pub end_session_endpoint: Option<String>,
    /// Where a token is given back (RV-14).
    pub revocation_endpoint: Option<String>,
    /// `scopes_supported`; empty when it does not say.
    pub scopes: Vec<String>,
    /// `response_modes_supported`.
    pub response_modes: Vec<String>,
    /// `grant_types_supported`; empty when it does not say (the default there, code and implicit, is what nobody who
    /// leaves it out means: most of them do refresh).
    pub grant_types: Vec<String>,
    /// `id_token_signing_alg_values_supported`, also those that are not spoken here.
    pub id_token_algs: Vec<String>,
    /// `token_endpoint_auth_methods_supported`.
    pub token_auth_methods: Vec<String>,
    /// `token_endpoint_auth_signing_alg_values_supported`; empty when it does not say.
    pub token_auth_algs: Vec<String>,
    /// `revocation_endpoint_auth_methods_supported` (RFC 8414 section 2).
    pub revocation_auth_methods: Vec<String>,
    /// `code_challenge_methods_supported`; empty when it does not say.
    pub pkce_methods: Vec<String>,
    /// `prompt_values_supported`; empty when it does not say.
    pub prompt_values: Vec<String>,
    /// `acr_values_supported`; empty when it does not say.
    pub acr_values: Vec<String>,
    /// `authorization_response_iss_parameter_supported` (RFC 9207): every callback must then carry `iss`.
    pub sends_iss: bool,
    /// `backchannel_logout_supported` (BC-1).
    pub backchannel_logout: bool,
    /// `backchannel_logout_session_supported` (BC-2).
    pub backchannel_logout_session: bool,
    /// `frontchannel_logout_supported` (FC-12).
    pub frontchannel_logout: bool,
    /// `frontchannel_logout_session_supported` (FC-13).
    pub frontchannel_logout_session: bool,
}

/// The address of an issuer's document: its path is kept, without the slash at its end (section 4.1).
///
/// # Errors
/// [`ProviderError::BadIssuer`], [`ProviderError::IssuerQuery`]
pub fn discovery_url(issuer: &str) -> Result<String, ProviderError> {
    check_issuer(issuer)?;
    Ok(format!("{}{WELL_KNOWN}", issuer.strip_suffix('/').unwrap_or(issuer)))
}

fn check_issuer(issuer: &str) -> Result<Url, ProviderError> {
    let url = uri::check(issuer, Purpose::Http).map_err(ProviderError::BadIssuer)?;
    if issuer.contains('?') { Err(ProviderError::IssuerQuery) } else { Ok(url) }
}

impl Provider {
    /// Reads a document that the caller fetched.
    ///
    /// # Errors
    /// [`ProviderError`]
    pub fn parse(json: &[u8], expected: Expected<'_>) -> Result<Self, ProviderError> {
        if json.len() > MAX_DOCUMENT {
            return Err(ProviderError::TooLarge);
        }
        document::Document::read(json)?.provider(expected)
    }

    /// Whether it takes S256: it says so, or it says nothing of PKCE at all. The challenge is sent in any case.
    #[must_use]
    pub fn may_take_pkce(&self) -> bool {
        self.pkce_methods.is_empty() || self.pkce_methods.iter().any(|method| method == crate::pkce::METHOD)
    }

    /// The algorithms for ID tokens that both sides speak, the default first.
    #[must_use]
    pub fn common_algs(&self) -> Vec<Algorithm> {
        Algorithm::ALL.into_iter().filter(|alg| self.id_token_algs.iter().any(|name| name == alg.as_str())).collect()
    }

    /// Whether its token endpoint takes an assertion made of the client secret, by HS256. It must say so, for the method; which
    /// algorithms it takes is often left out.
    #[must_use]
    pub fn takes_secret_jwt(&self) -> bool {
        let has = |list: &[String], name: &str| list.iter().any(|known| known == name);
        has(&self.token_auth_methods, SECRET_JWT)
            && (self.token_auth_algs.is_empty() || has(&self.token_auth_algs, HS256))
    }

    /// Whether it can be asked for this scope: it lists it, or lists none.
    #[must_use]
    pub fn may_take_scope(&self, scope: &str) -> bool {
        self.scopes.is_empty() || self.scopes.iter().any(|known| known == scope)
    }

    /// What it can do for a logout.
    #[must_use]
    pub fn abilities(&self) -> Abilities {
        Abilities::of(self)
    }
}

#[cfg(test)]
pub(crate) mod tests;
