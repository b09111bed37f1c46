//! Giving tokens back to an upstream provider (RFC 7009, as the client), and what its answer means for the step.

use std::{fmt, time::Duration};

use acquit_core::delivery::{Answer, Said};
use serde::Deserialize;
use serde_json::Value;

use super::{
    client::{Post, RpClient},
    failure::{Failure, FailureCode},
    token::failure,
};
use crate::{error::ErrorCode, jose::KeyError, revoke::TokenKind};

/// The most of an answer that is looked at, in bytes; the answer to a success is not looked at.
pub const MAX_ANSWER: usize = 16 * 1024;

/// The revocation request to the `revocation_endpoint` of `issuer` (RV-3). The refresh token goes first: the access tokens of
/// its grant should die with it (RV-7). It is asked for once more in each attempt: an assertion is good for one request.
///
/// # Errors
/// [`KeyError`] when our own key cannot sign.
pub fn request(
    (issuer, endpoint): (&str, &str),
    client: &RpClient<'_>,
    kind: TokenKind,
    token: &str,
) -> Result<Post, KeyError> {
    client.post(issuer, endpoint, &[("token", token), ("token_type_hint", kind.as_str())])
}

/// What an answer means, for [`judge`](acquit_core::delivery::judge).
///
/// 200 is proof that the token is dead, whatever the body says (RV-9); 204 is taken too. A refusal by name is final. 503
/// says that the token still lives (RV-11): that, and every other sign of trouble, is tried again, not before
/// `retry_after`. Everything else is left to its status.
#[must_use]
pub fn answer(kind: TokenKind, code: u16, retry_after: Option<Duration>, body: &[u8]) -> Answer {
    let said = |said| Answer::Said { code, said, retry_after, key_age: None };
    if matches!(code, 200 | 204) {
        return said(Said::Done { words: format!("{} revoked", Named(kind)), note: None });
    }
    let failure = read(body);
    let words = failure.as_ref().map(ToString::to_string);
    let status = Answer::Status { code, retry_after, key_age: None, words };
    let Some(failure) = failure.filter(|_| matches!(code, 400..=499) && !matches!(code, 408 | 425 | 429)) else {
        return status;
    };
    // Not in RFC 7009, which wants 200 here; said by name, it is what was wanted all the same (Google answers so). With
    // 401 it would mean that we were not let in.
    if code == 400 && failure.is(ErrorCode::InvalidToken) {
        let note = format!("the provider says that the {} was already invalid", Named(kind));
        return said(Said::Done { words: failure.to_string(), note: Some(note) });
    }
    let why = match &failure.code {
        FailureCode::Known(ErrorCode::UnsupportedTokenType) => {
            format!("does not revoke {}s: it lives until it expires", Named(kind)) // RV-10
        }
        FailureCode::Known(ErrorCode::InvalidClient) => "does not accept our client credentials".to_owned(),
        FailureCode::Known(ErrorCode::UnauthorizedClient) => "does not let this client revoke".to_owned(),
        // An answer that means "later" with a status that means "never".
        FailureCode::Known(ErrorCode::TemporarilyUnavailable | ErrorCode::ServerError) => {
            return said(Said::Unproved { words: format!("answered {code}: {failure}") });
        }
        _ => format!("refused to revoke the {}", Named(kind)),
    };
    said(Said::Refused { words: format!("{why} ({failure})") })
}

struct Named(TokenKind);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            TokenKind::Refresh => "refresh token",
            TokenKind::Access => "access token",
        })
    }
}

fn read(body: &[u8]) -> Option<Failure> {
    #[derive(Deserialize)]
    struct Raw {
        error: Option<Value>,
        error_description: Option<Value>,
    }
    if body.len() > MAX_ANSWER {
        return None;
    }
    let raw: Raw = serde_json::from_slice(body).ok()?;
    failure(raw.error.as_ref(), raw.error_description.as_ref())
}

#[cfg(test)]
mod tests {
    use acquit_core::{
        delivery::{Verdict, judge},
        step::Channel,
    };

    use super::*;
    use crate::rp::client::{ClientAuth, tests::pairs};

    const PLACE: (&str, &str) = ("https://login.example.org/tenant", "https://login.example.org/tenant/revoke");

    fn verdict_of(answer: &Answer) -> Verdict {
        judge(Channel::Backchannel, answer)
    }

    fn verdict(code: u16, error: &str) -> Verdict {
        let body = format!(r#"{{"error":"{error}","error_description":"why"}}"#);
        verdict_of(&answer(TokenKind::Refresh, code, None, body.as_bytes()))
    }

    #[test]
    fn a_token_is_given_back_with_its_kind_and_our_proof() {
        let client = RpClient { id: "we", auth: ClientAuth::Post { secret: "s" } };
        let post = request(PLACE, &client, TokenKind::Refresh, "r+/").unwrap();
        assert_eq!(post.url, "https://login.example.org/tenant/revoke");
        let params = pairs(&post);
        let expected =
            [("token", "r+/"), ("token_type_hint", "refresh_token"), ("client_id", "we"), ("client_secret", "s")];
        assert_eq!(params.iter().collect::<Vec<_>>(), expected);
        let basic = RpClient { id: "we", auth: ClientAuth::Basic { secret: "s" } };
        let post = request(PLACE, &basic, TokenKind::Access, "a").unwrap();
        assert_eq!(post.body.as_str(), "token=a&token_type_hint=access_token");
        assert!(post.authorization.is_some());
    }

    #[test]
    fn success_confirms_whatever_the_body_says() {
        for body in [&b""[..], b"{}", b"<html>", br#"{"error":"invalid_client"}"#, b"\xff"] {
            for code in [200, 204] {
                let answer = answer(TokenKind::Access, code, None, body);
                assert_eq!(verdict_of(&answer), Verdict::Confirmed { note: None });
            }
        }
    }

    #[test]
    fn a_token_that_was_dead_already_confirms_with_a_note() {
        let Verdict::Confirmed { note: Some(note) } = verdict(400, "invalid_token") else { panic!() };
        assert!(note.contains("already invalid"));
        // An error that does not say that the token is dead does not confirm.
        assert!(matches!(verdict(400, "invalid_grant"), Verdict::Refused { .. }));
        assert!(matches!(verdict(401, "invalid_token"), Verdict::Refused { .. }));
        assert!(matches!(verdict(500, "invalid_token"), Verdict::Retry { .. }));
    }

    #[test]
    fn a_refusal_by_name_is_final_and_says_who_must_act() {
        for (code, error, words) in [
            (400, "unsupported_token_type", "does not revoke refresh tokens"),
            (400, "invalid_client", "does not accept our client credentials"),
            (401, "invalid_client", "does not accept our client credentials"),
            (400, "unauthorized_client", "does not let this client revoke"),
            (400, "invalid_request", "refused to revoke the refresh token (invalid_request: why)"),
            (403, "own_error", "refused to revoke the refresh token (own_error: why)"),
        ] {
            let Verdict::Refused { why } = verdict(code, error) else { panic!("{code} {error}") };
            assert!(why.contains(words), "{why}");
        }
    }

    #[test]
    fn trouble_is_tried_again_and_not_before_the_provider_asks_for_it() {
        let after = Some(Duration::from_secs(30));
        for code in [408, 425, 429, 500, 502, 503, 504] {
            let answer = answer(TokenKind::Refresh, code, after, br#"{"error":"invalid_client"}"#);
            assert!(matches!(verdict_of(&answer), Verdict::Retry { after: got, .. } if got == after), "{code}");
        }
        for error in ["temporarily_unavailable", "server_error"] {
            assert!(matches!(verdict(400, error), Verdict::Retry { .. }), "{error}");
        }
    }

    #[test]
    fn what_is_no_answer_is_judged_by_its_status() {
        let garbage = [&b""[..], b"<html>", b"[]", br#"{"error":7}"#, br#"{"error":"a","error":"invalid_token"}"#];
        for body in garbage.into_iter().chain([vec![b' '; MAX_ANSWER + 1].as_slice()]) {
            for code in [301, 302, 307, 400, 401, 404, 410] {
                let answer = answer(TokenKind::Access, code, None, body);
                assert!(matches!(verdict_of(&answer), Verdict::Refused { .. }), "{code}");
            }
        }
        for code in [100, 201, 202, 206] {
            assert!(matches!(verdict(code, "invalid_token"), Verdict::Refused { .. }), "{code}");
        }
    }
}
