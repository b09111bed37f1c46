//! Sending the browser to an upstream provider to sign out there (RP-Initiated Logout 1.0, as the relying party), and
//! reading what comes back.

use std::fmt;

use subtle::ConstantTimeEq;

use super::authorize::{MAX_URL, no_repetition};
use crate::{params::Params, response::add_query};

/// A request to sign somebody out upstream.
#[derive(Clone, Copy)]
pub struct EndSession<'a> {
    /// The ID token of the sign-in, also an expired one (RPI-3).
    pub id_token_hint: Option<&'a str>,
    /// Our name there, always sent: with the hint it is checked, without it it is all there is (RPI-5).
    pub client_id: &'a str,
    /// Where the browser comes back: our one registered address (RPI-7), and what comes back with it, kept with the browser
    /// (RPI-10). None: the person stays at the provider.
    pub back: Option<Back<'a>>,
    /// What may help the provider to find the session: `sid`, or the user's address (RPI-4).
    pub logout_hint: Option<&'a str>,
    /// The person's languages, space-separated.
    pub ui_locales: Option<&'a str>,
}

/// The way back.
#[derive(Clone, Copy)]
pub struct Back<'a> {
    /// `post_logout_redirect_uri`.
    pub uri: &'a str,
    /// `state`; some providers want at least 22 characters.
    pub state: &'a str,
}

/// Without the ID token and the state.
impl fmt::Debug for EndSession<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndSession")
            .field("client_id", &self.client_id)
            .field("id_token_hint", &self.id_token_hint.is_some())
            .field("back", &self.back.map(|back| back.uri))
            .finish_non_exhaustive()
    }
}

/// Where the browser is sent.
#[derive(Clone, PartialEq, Eq)]
pub struct EndSessionUrl {
    /// The URL.
    pub url: String,
    /// The hint was left out, since the URL would have been longer than [`MAX_URL`], which servers refuse: the provider
    /// will ask the person, and the receipt says so.
    pub hint_left_out: bool,
}

/// The endpoint only: the query has the ID token.
impl fmt::Debug for EndSessionUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndSessionUrl({}…)", self.url.split('?').next().unwrap_or_default())
    }
}

/// Why the browser is not sent there; the local logout goes on without it, and the receipt says why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndSessionError {
    /// The endpoint's own query has a parameter of ours; which of the two would be read cannot be known.
    #[error("the provider's end_session_endpoint already has the parameter {name}")]
    Repeated {
        /// Which.
        name: String,
    },
    /// Too long even without the hint.
    #[error("the logout URL would be longer than {MAX_URL} bytes")]
    TooLong,
}

impl EndSession<'_> {
    /// The URL for the browser at the provider's `end_session_endpoint`; it keeps the query that it has (RPI-20).
    ///
    /// # Errors
    /// [`EndSessionError`]
    pub fn url(&self, endpoint: &str) -> Result<EndSessionUrl, EndSessionError> {
        let hint = self.id_token_hint.filter(|hint| !hint.is_empty());
        let url = self.with(endpoint, hint)?;
        if url.len() <= MAX_URL {
            return Ok(EndSessionUrl { url, hint_left_out: false });
        }
        let url = self.with(endpoint, None)?;
        if hint.is_none() || url.len() > MAX_URL {
            return Err(EndSessionError::TooLong);
        }
        Ok(EndSessionUrl { url, hint_left_out: true })
    }

    fn with(&self, endpoint: &str, hint: Option<&str>) -> Result<String, EndSessionError> {
        let filled = |value: Option<&str>| value.filter(|value| !value.is_empty()).map(str::to_owned);
        let query: Vec<(&str, String)> = [
            ("id_token_hint", filled(hint)),
            ("client_id", filled(Some(self.client_id))),
            ("post_logout_redirect_uri", filled(self.back.map(|back| back.uri))),
            ("state", filled(self.back.map(|back| back.state))),
            ("logout_hint", filled(self.logout_hint)),
            ("ui_locales", filled(self.ui_locales)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
        no_repetition(endpoint, &query).map_err(|name| EndSessionError::Repeated { name })?;
        Ok(add_query(endpoint, &query))
    }
}

/// The `state` with which a browser comes back, not checked: only to find the logout that it claims to belong to.
#[must_use]
pub fn unverified_state(params: &Params) -> Option<&str> {
    params.get("state")
}

/// Whether the browser comes back from the logout of this `state`. It proves that the browser was there, not that the
/// session there ended: the provider says nothing of that.
#[must_use]
pub fn came_back(params: &Params, state: &str) -> bool {
    params.get("state").is_some_and(|got| bool::from(got.as_bytes().ct_eq(state.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: &str = "https://login.example.org/tenant/logout";
    const BACK: Back<'static> = Back { uri: "https://id.example.com/sso/oidc/logout-callback", state: "s&1" };

    fn request() -> EndSession<'static> {
        EndSession {
            id_token_hint: Some("a.b.c"),
            client_id: "we",
            back: Some(BACK),
            logout_hint: Some("s-1"),
            ui_locales: None,
        }
    }

    fn query(url: &str) -> Vec<(String, String)> {
        form_urlencoded::parse(url.split_once('?').unwrap().1.as_bytes()).into_owned().collect()
    }

    fn names(url: &str) -> Vec<String> {
        query(url).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn the_browser_goes_with_the_hint_and_our_name_and_the_way_back() {
        let url = request().url(ENDPOINT).unwrap();
        assert!(!url.hint_left_out && url.url.starts_with("https://login.example.org/tenant/logout?"));
        let expected = [
            ("id_token_hint", "a.b.c"),
            ("client_id", "we"),
            ("post_logout_redirect_uri", BACK.uri),
            ("state", "s&1"),
            ("logout_hint", "s-1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(query(&url.url), expected);
        let bare = EndSession { id_token_hint: None, back: None, logout_hint: Some(""), ..request() };
        assert_eq!(names(&bare.url(ENDPOINT).unwrap().url), ["client_id"]);
    }

    #[test]
    fn the_endpoint_keeps_its_own_query_unless_it_says_what_we_say() {
        let url = request().url("https://a.example/logout?p=1").unwrap().url;
        assert!(url.starts_with("https://a.example/logout?p=1&id_token_hint=a.b.c&"));
        assert_eq!(
            request().url("https://a.example/logout?State=fixed"),
            Err(EndSessionError::Repeated { name: "state".into() })
        );
    }

    #[test]
    fn a_hint_that_no_server_would_read_is_left_out_and_that_is_said() {
        let long = "x".repeat(MAX_URL);
        let url = EndSession { id_token_hint: Some(&long), ..request() }.url(ENDPOINT).unwrap();
        assert!(url.hint_left_out && !url.url.contains("id_token_hint"));
        assert!(names(&url.url).contains(&"client_id".to_owned()));
        let hopeless = EndSession { logout_hint: Some(&long), ..request() }.url(ENDPOINT);
        assert_eq!(hopeless, Err(EndSessionError::TooLong));
        let hopeless = EndSession { logout_hint: Some(&long), id_token_hint: None, ..request() }.url(ENDPOINT);
        assert_eq!(hopeless, Err(EndSessionError::TooLong));
    }

    #[test]
    fn a_browser_comes_back_from_the_logout_of_its_state_only() {
        let back = |query: &str, state: &str| came_back(&Params::parse(query.as_bytes()).unwrap(), state);
        assert!(back("state=s%261", "s&1"));
        for (query, state) in [("state=other", "s&1"), ("", "s&1"), ("", ""), ("state=", ""), ("x=s%261", "s&1")] {
            assert!(!back(query, state), "{query}");
        }
    }

    #[test]
    fn neither_a_request_nor_its_url_shows_the_id_token() {
        let shown = format!("{:?} {:?}", request(), request().url(ENDPOINT).unwrap());
        assert!(shown.contains("tenant/logout") && !shown.contains("a.b.c") && !shown.contains("s&1"), "{shown}");
    }
}
