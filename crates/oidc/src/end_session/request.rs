//! The parameters of a logout request (RPI-3 to RPI-11).

use serde::{Deserialize, Serialize};

use crate::{jose::Hint, params::Params};

/// A logout request, as sent; sealed it crosses the hop from POST to GET. Nothing in it is checked yet.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndSessionRequest {
    /// `id_token_hint` (RPI-3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_hint: Option<String>,
    /// `logout_hint` (RPI-4): accepted, for the question's wording at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logout_hint: Option<String>,
    /// `client_id` (RPI-5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `post_logout_redirect_uri` (RPI-7).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_logout_redirect_uri: Option<String>,
    /// `state` (RPI-10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// `ui_locales`, by preference; never an error (RPI-11).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ui_locales: Vec<String>,
}

impl EndSessionRequest {
    /// Takes the parameters that mean something here; others are ignored.
    #[must_use]
    pub fn parse(params: &Params) -> Self {
        Self {
            id_token_hint: params.owned("id_token_hint"),
            logout_hint: params.owned("logout_hint"),
            client_id: params.owned("client_id"),
            post_logout_redirect_uri: params.owned("post_logout_redirect_uri"),
            state: params.owned("state"),
            ui_locales: params.words("ui_locales").into_iter().map(str::to_owned).collect(),
        }
    }

    /// The client that the request is about: the one that a valid hint was issued to, else the one that it names.
    #[must_use]
    pub fn client_to_look_up<'a>(&'a self, hint: Option<&'a Hint>) -> Option<&'a str> {
        hint.map(|hint| hint.client_id.as_str()).or(self.client_id.as_deref())
    }
}

/// Without the hint, which is a token.
impl std::fmt::Debug for EndSessionRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EndSessionRequest")
            .field("id_token_hint", &self.id_token_hint.as_ref().map(|_| "…"))
            .field("client_id", &self.client_id)
            .field("post_logout_redirect_uri", &self.post_logout_redirect_uri)
            .finish_non_exhaustive()
    }
}
