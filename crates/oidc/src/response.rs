//! How an authorization answer travels: OAuth 2.0 Multiple Response Types, Form Post Response Mode, RFC 9207.

use serde::{Deserialize, Serialize};

use crate::error::OAuthError;

/// `response_mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query: the default for a code.
    #[default]
    Query,
    /// In the fragment.
    Fragment,
    /// In a form that the browser posts.
    FormPost,
}

impl ResponseMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Query, Self::Fragment, Self::FormPost];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
        }
    }

    /// The mode of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }
}

/// What the browser is given.
#[derive(Clone, PartialEq, Eq)]
pub enum Response {
    /// A redirect. By 303, so that a POST is not repeated there.
    Redirect {
        /// Where to; ASCII, without control characters, as it is.
        url: String,
    },
    /// A page with a form that posts itself.
    FormPost {
        /// Where to.
        action: String,
        /// Its hidden fields, not escaped.
        fields: Vec<(&'static str, String)>,
    },
}

/// Without the code that it carries.
impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Redirect { url } => {
                write!(f, "Redirect({}…)", url.split(['?', '#']).next().unwrap_or_default())
            }
            Self::FormPost { action, .. } => write!(f, "FormPost({action})"),
        }
    }
}

/// Where the answer to one authorization request goes. Made only for a redirect URI that was found to be registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnPath {
    /// The registered URI, as the request gave it.
    pub redirect_uri: String,
    /// How.
    pub mode: ResponseMode,
    /// The request's `state`, byte for byte.
    pub state: Option<String>,
}

impl ReturnPath {
    /// The answer with a code.
    #[must_use]
    pub fn code(&self, issuer: &str, code: &str) -> Response {
        self.answer(issuer, vec![("code", code.to_owned())])
    }

    /// The answer with an error.
    #[must_use]
    pub fn error(&self, issuer: &str, error: &OAuthError) -> Response {
        let description = error.description().to_owned();
        self.answer(issuer, vec![("error", error.code.as_str().to_owned()), ("error_description", description)])
    }

    fn answer(&self, issuer: &str, mut fields: Vec<(&'static str, String)>) -> Response {
        if let Some(state) = &self.state {
            fields.push(("state", state.clone()));
        }
        fields.push(("iss", issuer.to_owned())); // RFC 9207 section 2
        match self.mode {
            ResponseMode::Query => Response::Redirect { url: add_query(&self.redirect_uri, &fields) },
            ResponseMode::Fragment => Response::Redirect { url: format!("{}#{}", self.redirect_uri, encode(&fields)) },
            ResponseMode::FormPost => Response::FormPost { action: self.redirect_uri.clone(), fields },
        }
    }
}

/// Adds parameters to a URI and leaves all that it has as it is (RFC 6749 section 3.1.2, FC-2). The URI has no fragment.
#[must_use]
pub fn add_query(uri: &str, fields: &[(&str, String)]) -> String {
    if fields.is_empty() {
        return uri.to_owned();
    }
    let separator = match uri.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{uri}{separator}{}", encode(fields))
}

/// Form encoding with `%20` for a space, which readers that take `+` literally understand too.
fn encode(fields: &[(&str, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;
    use crate::error::ErrorCode;

    const ISSUER: &str = "https://id.example.com";

    fn path(redirect_uri: &str, mode: ResponseMode, state: &str) -> ReturnPath {
        ReturnPath { redirect_uri: redirect_uri.into(), mode, state: Some(state.into()) }
    }

    fn redirect(response: Response) -> String {
        match response {
            Response::Redirect { url } => url,
            Response::FormPost { .. } => panic!("not a redirect"),
        }
    }

    #[test]
    fn the_registered_query_is_kept() {
        let url = redirect(path("https://a.example/cb?t=1&t=%2f", ResponseMode::Query, "s").code(ISSUER, "c"));
        assert_eq!(url, "https://a.example/cb?t=1&t=%2f&code=c&state=s&iss=https%3A%2F%2Fid.example.com");
        for (uri, begin) in
            [("https://a.example/?", "https://a.example/?x"), ("https://a.example", "https://a.example?x")]
        {
            assert_eq!(add_query(uri, &[("x", "1".into())]), format!("{begin}=1"));
        }
        assert_eq!(add_query("com.example.app:/cb", &[("x", "1".into())]), "com.example.app:/cb?x=1");
    }

    #[test]
    fn a_fragment_answer_and_a_form_answer_carry_the_same() {
        let url = redirect(path("https://a.example/cb?t=1", ResponseMode::Fragment, "a b").code(ISSUER, "c"));
        assert_eq!(url, "https://a.example/cb?t=1#code=c&state=a%20b&iss=https%3A%2F%2Fid.example.com");
        let form = path("https://a.example/cb?t=1", ResponseMode::FormPost, "a b").code(ISSUER, "c");
        let fields = vec![("code", "c".to_owned()), ("state", "a b".to_owned()), ("iss", ISSUER.to_owned())];
        assert_eq!(form, Response::FormPost { action: "https://a.example/cb?t=1".into(), fields });
    }

    #[test]
    fn an_error_answer_names_the_issuer_too() {
        let error = OAuthError::new(ErrorCode::LoginRequired, "nobody is signed in");
        let path = ReturnPath { state: None, ..path("https://a.example/cb", ResponseMode::Query, "") };
        let expected = "https://a.example/cb?error=login_required&error_description=nobody%20is%20signed%20in\
                        &iss=https%3A%2F%2Fid.example.com";
        assert_eq!(redirect(path.error(ISSUER, &error)), expected);
    }

    #[test]
    fn a_code_does_not_show_in_debug_output() {
        let shown = format!("{:?}", path("https://a.example/cb", ResponseMode::Query, "s").code(ISSUER, "seecret"));
        assert!(!shown.contains("seecret"));
    }

    #[test]
    fn ninety_characters_of_punctuation_come_back() {
        let state: String = (33..=126u8).map(char::from).filter(|c| !c.is_alphanumeric()).cycle().take(90).collect();
        let url = redirect(path("https://a.example/cb", ResponseMode::Query, &state).code(ISSUER, "c"));
        let read = Url::parse(&url).unwrap().query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        assert_eq!(read, state);
    }

    proptest! {
        #[test]
        fn any_state_comes_back_byte_for_byte_and_nothing_else_is_added(state in "\\PC{1,90}|.{1,90}") {
            let url = redirect(path("https://a.example/cb?keep=1", ResponseMode::Query, &state).code(ISSUER, "c"));
            prop_assert!(url.bytes().all(|b| b.is_ascii_graphic()));
            let url = Url::parse(&url).unwrap();
            let pairs: Vec<_> = url.query_pairs().into_owned().collect();
            let expected = [("keep", "1"), ("code", "c"), ("state", &*state), ("iss", ISSUER)];
            prop_assert_eq!(pairs, expected.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec());
            prop_assert_eq!((url.host_str(), url.path(), url.fragment()), (Some("a.example"), "/cb", None));
        }
    }
}
