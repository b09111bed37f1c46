//! The authorization request: where the browser is sent to sign in (OpenID Connect Core section 3.1.2.1, RFC 7636,
//! RFC 9700 section 2.1).

use std::{fmt, time::Duration};

use crate::{
    pkce,
    response::{ResponseMode, add_query},
    rp::provider::Provider,
};

/// The fewest characters of `state` and `nonce`: 128 bits in base64url.
pub const MIN_RANDOM: usize = 22;
/// The most free parameters.
pub const MAX_FREE: usize = 32;
/// The longest name of a free parameter, in bytes.
pub const MAX_NAME: usize = 128;
/// The longest value of any other parameter, in bytes.
pub const MAX_VALUE: usize = 2048;
/// The longest `state`, in bytes. Ours carries where the browser goes then, and where the broker behind it is a broker itself,
/// the other's `state` is in it.
pub const MAX_STATE: usize = 6 * 1024;
/// The longest URL that is made, in bytes: servers refuse longer request lines.
pub const MAX_URL: usize = 8000;

/// What a free parameter may never be: all that the protocol's safety hangs on, whether or not this request has it. With
/// `request` or `request_uri` everything else could be replaced, with `response_mode` and `response_type` the code could
/// be sent where others read it.
pub const RESERVED: [&str; 24] = [
    "acr_values",
    "authorization_details",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "dpop_jkt",
    "grant_type",
    "id_token_hint",
    "max_age",
    "nonce",
    "redirect_uri",
    "registration",
    "request",
    "request_uri",
    "response_mode",
    "response_type",
    "scope",
    "state",
    "web_message_uri",
];

/// How a provider wants to be told of the domain whose people are expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainParameter {
    /// `hd`: Google.
    Hd,
    /// `domain_hint`: Microsoft, and Acquit.
    DomainHint,
}

impl DomainParameter {
    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hd => "hd",
            Self::DomainHint => "domain_hint",
        }
    }
}

/// A request to sign somebody in.
#[derive(Clone, Copy)]
pub struct AuthorizationRequest<'a> {
    /// Our name there.
    pub client_id: &'a str,
    /// Where the answer comes: the connection's own callback (RFC 9700 section 4.4.2.2).
    pub redirect_uri: &'a str,
    /// Scopes beyond `openid`, which is always asked for.
    pub scopes: &'a [String],
    /// Names this request in the callback; random, kept with the browser.
    pub state: &'a str,
    /// Names this request in the ID token; random, and another than `state`.
    pub nonce: &'a str,
    /// The PKCE verifier, which stays here: only its hash goes out.
    pub verifier: &'a str,
    /// `prompt`.
    pub prompt: Option<&'a str>,
    /// How old the sign-in there may be; the ID token must then say so.
    pub max_age: Option<Duration>,
    /// Who is expected.
    pub login_hint: Option<&'a str>,
    /// The person's languages, space-separated.
    pub ui_locales: Option<&'a str>,
    /// How strongly they should prove who they are, by preference.
    pub acr_values: &'a [String],
    /// The domain whose people are expected, and how to say so.
    pub domain: Option<(DomainParameter, &'a str)>,
    /// How the answer comes; none for the provider's default, the query.
    pub response_mode: Option<ResponseMode>,
    /// Parameters of the provider's own, from the connection or from the application's request.
    pub free: &'a [(String, String)],
}

impl<'a> AuthorizationRequest<'a> {
    /// The least that a request has.
    #[must_use]
    pub const fn new(
        client_id: &'a str,
        redirect_uri: &'a str,
        state: &'a str,
        nonce: &'a str,
        verifier: &'a str,
    ) -> Self {
        Self {
            client_id,
            redirect_uri,
            scopes: &[],
            state,
            nonce,
            verifier,
            prompt: None,
            max_age: None,
            login_hint: None,
            ui_locales: None,
            acr_values: &[],
            domain: None,
            response_mode: None,
            free: &[],
        }
    }
}

/// Without what must stay secret until the answer is here.
impl fmt::Debug for AuthorizationRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free: Vec<&str> = self.free.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("AuthorizationRequest")
            .field("client_id", &self.client_id)
            .field("redirect_uri", &self.redirect_uri)
            .field("scopes", &self.scopes)
            .field("free", &free)
            .finish_non_exhaustive()
    }
}

/// Why no request is made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationRequestError {
    /// The application's or the connection's free parameters have one that is [`RESERVED`]. Whoever set it must leave it out.
    #[error("the provider parameter {name} may not be set")]
    Reserved {
        /// Which.
        name: String,
    },
    /// A parameter would be sent twice: a free one and one of ours, or one that the endpoint's URL has already.
    #[error("the provider parameter {name} would be sent twice")]
    Repeated {
        /// Which.
        name: String,
    },
    /// A parameter's name is empty, or it or its value is too long or has a control character.
    #[error("the provider parameter {name} cannot be sent")]
    Unusable {
        /// Which, cut.
        name: String,
    },
    /// More than [`MAX_FREE`] free parameters.
    #[error("more than {MAX_FREE} provider parameters")]
    TooMany,
    /// The URL would be longer than [`MAX_URL`].
    #[error("the authorization URL would be longer than {MAX_URL} bytes")]
    TooLong,
    /// `prompt` has `none` together with another value.
    #[error("the prompt none cannot be combined")]
    Prompt,
    /// A fragment never reaches a server.
    #[error("the answer cannot come in a fragment")]
    Fragment,
    /// `state`, `nonce` or the verifier is too short or not of the right characters, or the first two are the same: our
    /// own fault.
    #[error("state, nonce or code_verifier is not usable")]
    Random,
}

impl AuthorizationRequest<'_> {
    /// The URL for the browser; the endpoint keeps the query that it has (RFC 6749 section 3.1).
    ///
    /// # Errors
    /// [`AuthorizationRequestError`]
    pub fn url(&self, provider: &Provider) -> Result<String, AuthorizationRequestError> {
        use AuthorizationRequestError as Error;
        let random = |text: &str| text.len() >= MIN_RANDOM && text.bytes().all(|b| b.is_ascii_graphic());
        if !random(self.state) || !random(self.nonce) || self.state == self.nonce {
            return Err(Error::Random);
        }
        if self.response_mode == Some(ResponseMode::Fragment) {
            return Err(Error::Fragment);
        }
        let words = |text: &str| text.split(' ').filter(|word| !word.is_empty()).count();
        if self.prompt.is_some_and(|prompt| prompt.split(' ').any(|word| word == "none") && words(prompt) > 1) {
            return Err(Error::Prompt);
        }
        if self.free.len() > MAX_FREE {
            return Err(Error::TooMany);
        }
        let mut query = self.ours()?;
        for (name, value) in self.free {
            // Some servers compare names without case; a reserved one in any case could then win over ours.
            if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
                return Err(Error::Reserved { name: name.clone() });
            }
            query.push((name, value.clone()));
        }
        check(&query)?;
        no_repetition(&provider.authorization_endpoint, &query).map_err(|name| Error::Repeated { name })?;
        let url = add_query(&provider.authorization_endpoint, &query);
        if url.len() > MAX_URL { Err(Error::TooLong) } else { Ok(url) }
    }

    fn ours(&self) -> Result<Vec<(&str, String)>, AuthorizationRequestError> {
        let challenge = pkce::challenge_of(self.verifier).map_err(|_| AuthorizationRequestError::Random)?;
        let mut scope = vec!["openid"];
        for word in self.scopes.iter().flat_map(|scopes| scopes.split(' ')).filter(|word| !word.is_empty()) {
            if !scope.contains(&word) {
                scope.push(word);
            }
        }
        let mut query = vec![
            ("response_type", "code".to_owned()),
            ("client_id", self.client_id.to_owned()),
            ("redirect_uri", self.redirect_uri.to_owned()),
            ("scope", scope.join(" ")),
            ("state", self.state.to_owned()),
            ("nonce", self.nonce.to_owned()),
            ("code_challenge", challenge),
            ("code_challenge_method", pkce::METHOD.to_owned()),
        ];
        let filled = |value: Option<&str>| value.filter(|value| !value.is_empty()).map(str::to_owned);
        let optional = [
            ("prompt", filled(self.prompt)),
            ("max_age", self.max_age.map(|age| age.as_secs().to_string())),
            ("login_hint", filled(self.login_hint)),
            ("ui_locales", filled(self.ui_locales)),
            ("acr_values", filled(Some(&self.acr_values.join(" ")))),
            ("response_mode", self.response_mode.map(|mode| mode.as_str().to_owned())),
        ];
        query.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
        query.extend(self.domain.map(|(parameter, domain)| (parameter.as_str(), domain.to_owned())));
        Ok(query)
    }
}

fn check(query: &[(&str, String)]) -> Result<(), AuthorizationRequestError> {
    for (name, value) in query {
        let name_fits = !name.is_empty() && name.len() <= MAX_NAME && !name.contains(char::is_control);
        let max = if *name == "state" { MAX_STATE } else { MAX_VALUE };
        if !name_fits || value.len() > max || value.contains(char::is_control) {
            return Err(AuthorizationRequestError::Unusable { name: super::failure::plain(name, 64) });
        }
    }
    Ok(())
}

/// Looks for a name that would come twice, also one that the endpoint's own query has (RFC 6749 section 3.1: not more
/// than once), and gives it back.
pub(super) fn no_repetition(endpoint: &str, query: &[(&str, String)]) -> Result<(), String> {
    let own = endpoint.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let mut seen: Vec<String> =
        form_urlencoded::parse(own.as_bytes()).map(|(name, _)| name.to_ascii_lowercase()).collect();
    for (name, _) in query {
        let name = name.to_ascii_lowercase();
        if seen.contains(&name) {
            return Err(name);
        }
        seen.push(name);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
