//! The answer to an authorization request, as it comes to our callback (RFC 6749 section 4.1.2, RFC 9207).

use std::fmt;

use subtle::ConstantTimeEq;

use super::{failure::Failure, provider::Provider};
use crate::params::Params;

/// What the answer to one request must say.
#[derive(Clone, Copy)]
pub struct CallbackRules<'a> {
    /// The `state` of the request, kept with the browser.
    pub state: &'a str,
    /// The provider that was asked.
    pub issuer: &'a str,
    /// Whether `iss` must come: the provider announces it, or the callback is shared by several connections.
    pub require_iss: bool,
}

impl<'a> CallbackRules<'a> {
    /// The rules for an answer of `provider` at the connection's own callback.
    #[must_use]
    pub fn new(provider: &'a Provider, state: &'a str) -> Self {
        Self { state, issuer: &provider.issuer, require_iss: provider.sends_iss }
    }

    /// The rules for an answer at the shared callback, which must say whose it is, whatever the provider announces.
    #[must_use]
    pub fn shared(provider: &'a Provider, state: &'a str) -> Self {
        Self { require_iss: true, ..Self::new(provider, state) }
    }
}

/// What came back.
#[derive(Clone, PartialEq, Eq)]
pub enum Callback {
    /// A code, good for one token request.
    Code(String),
    /// The provider did not sign anybody in.
    Failure(Failure),
}

/// Without the code.
impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(_) => f.write_str("Code(…)"),
            Self::Failure(failure) => f.debug_tuple("Failure").field(failure).finish(),
        }
    }
}

/// Why an answer is not one: nothing in it is believed, and the sign-in must begin again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// No `state`, or another request's: somebody may have planted this answer in the browser (RFC 9700 section 4.7).
    #[error("the answer belongs to no sign-in of this browser")]
    State,
    /// The provider must say who it is, and this answer does not.
    #[error("the answer does not say which provider it is from")]
    IssuerMissing,
    /// Another provider's answer (RFC 9207 section 2.4).
    #[error("the answer is from another provider")]
    Issuer,
    /// Both a code and an error, or neither.
    #[error("the answer has neither a code nor an error, or both")]
    Neither,
}

impl Callback {
    /// The `state` of an answer, not checked: only to find the request that it claims to answer.
    #[must_use]
    pub fn unverified_state(params: &Params) -> Option<&str> {
        params.get("state")
    }

    /// Reads an answer. That no parameter comes twice is seen to where `params` are read. What else the answer carries is
    /// ignored (RFC 6749 section 4.1.2), tokens too: they are taken from the token endpoint only.
    ///
    /// # Errors
    /// [`CallbackError`]
    pub fn parse(params: &Params, rules: CallbackRules<'_>) -> Result<Self, CallbackError> {
        let state = params.get("state").unwrap_or_default();
        if state.is_empty() || !bool::from(state.as_bytes().ct_eq(rules.state.as_bytes())) {
            return Err(CallbackError::State);
        }
        // Before anything else is believed, an error too: RFC 9207 section 2.4 wants it for both.
        match params.get("iss") {
            Some(iss) if iss != rules.issuer => return Err(CallbackError::Issuer),
            None if rules.require_iss => return Err(CallbackError::IssuerMissing),
            _ => {}
        }
        match (params.get("code"), params.get("error")) {
            (Some(code), None) => Ok(Self::Code(code.to_owned())),
            (None, Some(error)) => Ok(Self::Failure(Failure::new(error, params.get("error_description")))),
            _ => Err(CallbackError::Neither),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::ErrorCode, params::ParamsError, rp::provider::tests::provider};

    const STATE: &str = "state-0123456789abcdefghij";
    const ISS: &str = "iss=https%3A%2F%2Flogin.example.org%2Ftenant";

    fn rules(require_iss: bool) -> CallbackRules<'static> {
        CallbackRules { state: STATE, issuer: "https://login.example.org/tenant", require_iss }
    }

    fn parse(query: &str, require_iss: bool) -> Result<Callback, CallbackError> {
        let query = query.replace("STATE", &format!("state={STATE}"));
        Callback::parse(&Params::parse(query.as_bytes()).unwrap(), rules(require_iss))
    }

    #[test]
    fn a_code_comes_with_the_state_of_the_request() {
        let code = Ok(Callback::Code("c/1+2".into()));
        assert_eq!(parse("code=c%2F1%2B2&STATE&session_state=x.y&scope=openid", false), code);
        assert_eq!(parse(&format!("code=c%2F1%2B2&STATE&{ISS}"), true), code);
    }

    #[test]
    fn the_provider_says_in_its_document_whether_it_names_itself() {
        let mut provider = provider();
        assert!(CallbackRules::new(&provider, STATE).require_iss);
        provider.sends_iss = false;
        assert!(!CallbackRules::new(&provider, STATE).require_iss);
        assert!(CallbackRules::shared(&provider, STATE).require_iss, "it must where others answer too");
    }

    #[test]
    fn an_answer_to_no_request_of_this_browser_is_refused() {
        for query in ["code=c", "code=c&state=", "code=c&state=other", "error=access_denied", "code=c&state=state-0"] {
            assert_eq!(parse(query, false), Err(CallbackError::State), "{query}");
        }
        // Not even an empty state is the same as an empty state.
        let params = Params::parse(b"code=c&state=").unwrap();
        let rules = CallbackRules { state: "", ..rules(false) };
        assert_eq!(Callback::parse(&params, rules), Err(CallbackError::State));
    }

    #[test]
    fn an_answer_of_another_provider_is_refused_announced_or_not_error_or_not() {
        for iss in ["https://evil.example", "https://login.example.org/tenant/", "https://LOGIN.example.org/tenant"] {
            let iss: String = form_urlencoded::byte_serialize(iss.as_bytes()).collect();
            for what in ["code=c", "error=access_denied"] {
                for require in [false, true] {
                    let judged = parse(&format!("{what}&STATE&iss={iss}"), require);
                    assert_eq!(judged, Err(CallbackError::Issuer), "{iss} {what}");
                }
            }
        }
    }

    #[test]
    fn a_provider_that_announces_its_name_must_say_it() {
        for query in ["code=c&STATE", "error=access_denied&STATE", "code=c&STATE&iss="] {
            assert_eq!(parse(query, true), Err(CallbackError::IssuerMissing), "{query}");
        }
        assert!(parse("code=c&STATE", false).is_ok());
    }

    #[test]
    fn a_code_and_an_error_together_are_neither() {
        for query in ["STATE", "STATE&code=&error=", "STATE&code=c&error=access_denied", "STATE&access_token=t"] {
            assert_eq!(parse(query, false), Err(CallbackError::Neither), "{query}");
        }
    }

    #[test]
    fn a_parameter_that_comes_twice_is_refused_before_anything_is_read() {
        for query in ["code=a&code=b", "state=a&state=b", "iss=a&iss=b", "code=a&code="] {
            assert!(matches!(Params::parse(query.as_bytes()), Err(ParamsError::Repeated { .. })), "{query}");
        }
    }

    #[test]
    fn a_failure_is_typed_and_its_words_are_cut() {
        let query = format!("STATE&error=access_denied&error_description={}", "x".repeat(5000));
        let Ok(Callback::Failure(failure)) = parse(&query, false) else { panic!() };
        assert!(failure.is(ErrorCode::AccessDenied));
        assert_eq!(failure.description.unwrap().len(), crate::rp::failure::MAX_DESCRIPTION);
        let Ok(Callback::Failure(failure)) = parse("STATE&error=login_required", false) else { panic!() };
        assert!(failure.is(ErrorCode::LoginRequired));
    }

    #[test]
    fn an_answer_does_not_show_its_code() {
        assert_eq!(format!("{:?}", Callback::Code("secret".into())), "Code(…)");
    }
}
