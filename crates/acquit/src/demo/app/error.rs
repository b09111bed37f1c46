//! What goes wrong at a sample application, as a page.

use acquit_oidc::jose::IdTokenError;
use acquit_server::random::NoRandomness;
use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{page, provider::ProviderError};

/// Why a request to a sample application leads nowhere.
#[derive(Debug, thiserror::Error)]
pub(super) enum AppError {
    /// It does not belong to anything that was begun in this browser.
    #[error("This does not belong to anything that was begun in this browser. Please begin again.")]
    Begin,
    /// Another site sent it.
    #[error("This was sent by another site.")]
    Foreign,
    /// The provider or the browser sent something that cannot be used.
    #[error("That did not work: {0}")]
    Answer(String),
    /// The provider cannot be used.
    #[error("The provider did not play along: {0}")]
    Provider(#[from] ProviderError),
    /// The ID token is not believed.
    #[error("The provider’s ID token is not good: {0}")]
    IdToken(#[from] IdTokenError),
    /// A SAML message is not believed.
    #[error("The SAML message is not taken: {0}.")]
    Saml(#[from] acquit_saml::Error),
    /// A SAML message of our own cannot be written.
    #[error("A SAML message cannot be written: {0}.")]
    Build(#[from] acquit_saml::BuildError),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Begin | Self::Answer(_) | Self::Saml(_) => StatusCode::BAD_REQUEST,
            Self::Foreign => StatusCode::FORBIDDEN,
            Self::Provider(_) | Self::IdToken(_) => StatusCode::BAD_GATEWAY,
            Self::Build(_) | Self::Random(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        page::error(status, &self.to_string())
    }
}
