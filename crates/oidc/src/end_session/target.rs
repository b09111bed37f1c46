//! Where the browser goes after a logout.

use serde::{Deserialize, Serialize};

use crate::{client::Client, response::add_query};

/// A registered URI of a client, with the `state` that goes back to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    uri: String,
    state: Option<String>,
}

impl Target {
    /// Only for a URI that is, as a string, one of those registered for the client (RPI-9, RPI-23).
    pub(super) fn of(client: &Client, uri: &str, state: Option<&str>) -> Option<Self> {
        client.may_land_at(uri).then(|| Self { uri: uri.to_owned(), state: state.map(str::to_owned) })
    }

    /// Makes sure that it still is registered, for one that was sealed some time ago.
    #[must_use]
    pub fn still_of(self, client: &Client) -> Option<Self> {
        client.may_land_at(&self.uri).then_some(self)
    }

    /// The registered URI, without `state`.
    #[must_use]
    pub fn registered_uri(&self) -> &str {
        &self.uri
    }

    /// Where the browser is sent: the registered URI with `state` added unchanged (RPI-10).
    #[must_use]
    pub fn url(&self) -> String {
        match &self.state {
            Some(state) => add_query(&self.uri, &[("state", state.clone())]),
            None => self.uri.clone(),
        }
    }
}
