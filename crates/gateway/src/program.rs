//! A program at a route: the token that it comes with instead of a cookie, and where a request has it.
//!
//! It is the [`Identity`] of a session that no browser has, sealed as a route's cookie is, for one host; so it dies like a
//! session, and asks nothing of the store. No app ever sees it.

use std::sync::Arc;

use acquit_core::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{
    cookie::{CookieError, Cookies},
    identity::Identity,
    origin::Origin,
};

/// What every token begins with, so that whoever finds one in the wrong place knows what it is.
pub const PREFIX: &str = "acquit_program_";

/// Where programs say who they are that use `Authorization` for the app itself; these headers never reach an app.
const OURS: [HeaderName; 2] =
    [HeaderName::from_static("x-acquit-authorization"), HeaderName::from_static("x-pomerium-authorization")];

/// What a request says of the program that sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presented<'a> {
    /// Nothing: a browser sends it, or nobody known.
    Nothing,
    /// This token.
    Token(&'a str),
    /// More than one, so that nobody knows which counts.
    Several,
}

/// The token that a request carries: as `Authorization: Bearer …` (or, as Pomerium's programs send it, `Pomerium …`), or alone in a
/// header of ours. What is no token of ours is the app's business.
#[must_use]
pub fn presented(headers: &HeaderMap) -> Presented<'_> {
    let authorization = headers.get_all(header::AUTHORIZATION).iter().filter_map(in_authorization);
    let [of_acquit, of_pomerium] = OURS.each_ref().map(|name| headers.get_all(name).iter().filter_map(alone));
    let mut found = authorization.chain(of_acquit).chain(of_pomerium);
    match (found.next(), found.next()) {
        (None, _) => Presented::Nothing,
        (Some(token), None) => Presented::Token(token),
        (Some(_), Some(_)) => Presented::Several,
    }
}

/// Takes out of a request every `Authorization` that holds a token of ours, good or not, in whatever form.
pub fn clean_request(headers: &mut HeaderMap) {
    if !headers.get_all(header::AUTHORIZATION).iter().any(holds_ours) {
        return;
    }
    let others: Vec<HeaderValue> =
        headers.get_all(header::AUTHORIZATION).iter().filter(|value| !holds_ours(value)).cloned().collect();
    headers.remove(header::AUTHORIZATION);
    for value in others {
        headers.append(header::AUTHORIZATION, value);
    }
}

/// Whether one of the words of a value begins as our tokens do.
fn holds_ours(value: &HeaderValue) -> bool {
    let mut words = value.as_bytes().split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    words.any(|word| word.starts_with(PREFIX.as_bytes()))
}

fn in_authorization(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.trim().split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("pomerium");
    Some(token.trim()).filter(|token| known && token.starts_with(PREFIX))
}

fn alone(value: &HeaderValue) -> Option<&str> {
    Some(value.to_str().ok()?.trim()).filter(|token| token.starts_with(PREFIX))
}

impl Cookies {
    /// The token of a program for `identity` at `origin`.
    ///
    /// # Errors
    /// [`CookieError`].
    pub fn seal_program(&self, origin: &Origin, identity: &Identity) -> Result<String, CookieError> {
        Ok(format!("{PREFIX}{}", self.seal_in(&context(origin), identity)?))
    }

    /// Whose token this is, if it was made here for this origin and its time is not over.
    #[must_use]
    pub fn open_program(&self, origin: &Origin, token: &str, now: Timestamp) -> Option<Arc<Identity>> {
        self.open_in(&context(origin), token.strip_prefix(PREFIX)?, (now, &self.program_max))
    }
}

/// Never that of a cookie: no authority has a space.
fn context(origin: &Origin) -> String {
    format!("program {}", origin.authority())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use acquit_core::{SessionId, UserId, session::Lifetimes};

    use super::*;
    use crate::{identity::Person, seal::SealKey};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn identity() -> Identity {
        let of = (SessionId::from_random([1; 16]), UserId::from_random([2; 16]), 3);
        Identity::new(of, Person::default(), Timestamp::from_seconds(10)..Timestamp::from_seconds(100))
    }

    #[test]
    fn a_token_is_found_wherever_a_program_may_put_it() {
        for (name, value) in [
            ("authorization", "Bearer acquit_program_abc"),
            ("authorization", "bearer  acquit_program_abc"),
            ("authorization", "Pomerium acquit_program_abc"),
            ("x-acquit-authorization", "acquit_program_abc"),
            ("x-pomerium-authorization", "acquit_program_abc"),
        ] {
            assert_eq!(
                presented(&headers(&[(name, value)])),
                Presented::Token("acquit_program_abc"),
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn what_is_for_the_app_is_left_to_it() {
        for value in ["Bearer abc", "Basic abc", "acquit_programs", "Bearer my_acquit_program_abc", "Bearer", ""] {
            let mut of_app = headers(&[("authorization", value)]);
            assert_eq!(presented(&of_app), Presented::Nothing, "{value}");
            clean_request(&mut of_app);
            assert_eq!(of_app.len(), 1, "{value}");
        }
    }

    #[test]
    fn a_token_that_is_sent_in_a_wrong_way_counts_for_nothing_and_yet_reaches_no_app() {
        for value in [
            &b"Basic acquit_program_abc"[..],
            b"acquit_program_abc",
            b"Bearer\tacquit_program_abc",
            b"Bearer acquit_program_abc\xe9",
            b"Token token=\"acquit_program_abc\"",
            b"Bearer  \xa0acquit_program_abc",
        ] {
            let mut wrong = HeaderMap::new();
            wrong.insert(header::AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
            assert_eq!(presented(&wrong), Presented::Nothing, "{value:?}");
            clean_request(&mut wrong);
            assert!(wrong.is_empty(), "{value:?}");
        }
    }

    #[test]
    fn of_two_tokens_none_counts_and_none_reaches_the_app() {
        let mut two = headers(&[
            ("authorization", "Bearer acquit_program_a"),
            ("authorization", "Basic xyz"),
            ("authorization", "Pomerium acquit_program_b"),
        ]);
        assert_eq!(presented(&two), Presented::Several);
        clean_request(&mut two);
        assert_eq!(two, headers(&[("authorization", "Basic xyz")]));
        let both =
            headers(&[("authorization", "Bearer acquit_program_a"), ("x-acquit-authorization", "acquit_program_a")]);
        assert_eq!(presented(&both), Presented::Several);
    }

    #[test]
    fn a_token_is_good_at_its_own_host_and_is_no_cookie_nor_a_cookie_a_token() {
        let (short, long) = (Duration::from_secs(1), Duration::from_secs(1000));
        let lifetimes = Lifetimes { idle: short, max: long, program: long };
        let cookies = Cookies::new(SealKey::new(&[1; 32]).unwrap(), lifetimes);
        let (here, there) =
            (Origin::parse("https://a.example.com").unwrap(), Origin::parse("https://b.example.com").unwrap());
        let now = Timestamp::from_seconds(50);
        let token = cookies.seal_program(&here, &identity()).unwrap();
        assert_eq!(cookies.open_program(&here, &token, now).as_deref(), Some(&identity()));
        assert_eq!(cookies.open_program(&there, &token, now), None);
        assert_eq!(cookies.open_program(&here, &token, Timestamp::from_seconds(100)), None);
        assert_eq!(cookies.open(&here, token.strip_prefix(PREFIX).unwrap(), now), None);
        let cookie = cookies.seal(&here, &identity()).unwrap();
        assert_eq!(cookies.open_program(&here, &format!("{PREFIX}{cookie}"), now), None);
        assert_eq!(cookies.open_program(&here, &cookie, now), None);
        cookies.set_lifetimes(Lifetimes { program: Duration::from_secs(40), ..lifetimes });
        assert_eq!(cookies.open_program(&here, &token, now), None, "the operator shortened it");
        assert!(cookies.open(&here, &cookie, now).is_some());
    }
}
