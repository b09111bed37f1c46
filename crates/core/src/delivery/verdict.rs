//! What a party's answer means for the step.

use std::time::Duration;

use crate::{
    Timestamp,
    step::{Channel, Outcome},
};

/// Why no answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The policy for outbound requests refuses the address: the operator must allow it, so trying again does not help.
    Blocked,
    /// No connection, no name, a failed handshake: the party may come back.
    Unreachable,
    /// It did not answer in time.
    Timeout,
    /// It answered in no valid HTTP.
    Garbled,
    /// The request could not be made here (a key that cannot be loaded): the operator must act, the step waits.
    Ours,
}

/// What a party said in its protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// That it is done; it is proved that it said so, about this very request.
    Done {
        /// How it said so.
        words: String,
        /// What the receipt must add to that.
        note: Option<String>,
    },
    /// That it will not, proved in the same way.
    Refused {
        /// In its own words.
        words: String,
    },
    /// Nothing that proves anything: it is not signed by a key that is registered, answers another request, or is no
    /// answer at all.
    Unproved {
        /// What is wrong with it.
        words: String,
    },
}

impl Said {
    /// The words for the attempt's record.
    #[must_use]
    pub fn words(&self) -> &str {
        match self {
            Self::Done { words, .. } | Self::Refused { words } | Self::Unproved { words } => words,
        }
    }
}

/// What came back from one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// An HTTP response.
    Status {
        /// Its status code.
        code: u16,
        /// Its `Retry-After`, as a time from now.
        retry_after: Option<Duration>,
        /// How long the key that signed the request had been signing; none for an unsigned request.
        key_age: Option<Duration>,
        /// The party's own words, cut short.
        words: Option<String>,
    },
    /// An HTTP response with an answer in the party's protocol (SAML), which the caller has read: its status alone means
    /// nothing there.
    Said {
        /// Its status code.
        code: u16,
        /// What it said.
        said: Said,
        /// Its `Retry-After`, as a time from now.
        retry_after: Option<Duration>,
        /// How long the key that signed the request had been signing.
        key_age: Option<Duration>,
    },
    /// No HTTP response.
    Nothing {
        /// Why.
        trouble: Trouble,
        /// In words that do not tell an application's owner what lies behind an address.
        words: String,
    },
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The party said that it is done.
    Confirmed {
        /// What the receipt must add to that.
        note: Option<String>,
    },
    /// Recoverable: try again, not before the time that the party asked for.
    Retry {
        /// The party's `Retry-After`.
        after: Option<Duration>,
        /// What to write down.
        why: String,
    },
    /// Final: the step has failed with this reason.
    Refused {
        /// What to write down.
        why: String,
    },
}

/// How a step stands after an attempt; the store writes it with the attempt's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepUpdate {
    /// The new outcome.
    pub outcome: Outcome,
    /// Why.
    pub detail: Option<String>,
    /// When to try again; none for never.
    pub next_attempt_at: Option<Timestamp>,
    /// Whether it is to be told once more after confirming.
    pub again: bool,
    /// Whether a refusal was already retried for the age of our key.
    pub key_retried: bool,
}

/// Judges an answer on a channel. Back-Channel Logout 1.0 section 2.8: 200 is success (204 is taken too), 400 is a refusal;
/// a retransmission only where the trouble looks recoverable (BC-16).
///
/// SAML over SOAP: what the party said decides, and only that confirms. A refusal is final. What proves nothing is retried to
/// the deadline: the party's metadata may be refreshed, or a proxy may have answered in its place. A fault comes with 500
/// (SOAP 1.1 section 6.2) and is retried like every 5xx, whosever fault it says it is; other statuses as above.
///
/// A webhook: every 2xx says that the event was taken, whatever comes with it. Nothing else is a refusal: receivers answer 400
/// or 404 while they are being deployed, and no status of theirs means that they will never take the event. Only an address
/// that the policy refuses is final.
#[must_use]
pub fn judge(channel: Channel, answer: &Answer) -> Verdict {
    debug_assert!(channel.is_sent(), "browsers and gateways report for themselves");
    match answer {
        Answer::Said { said: Said::Done { note, .. }, .. } => Verdict::Confirmed { note: note.clone() },
        Answer::Said { said: Said::Refused { words }, .. } => Verdict::Refused { why: words.clone() },
        Answer::Said { said: Said::Unproved { words }, retry_after, .. } => {
            Verdict::Retry { after: *retry_after, why: words.clone() }
        }
        Answer::Status { code: code @ 200..=299, retry_after, .. } if channel == Channel::SamlSoap => {
            Verdict::Retry { after: *retry_after, why: format!("answered {code} without a SAML message") }
        }
        Answer::Status { code: 200..=299, .. } if channel == Channel::Webhook => Verdict::Confirmed { note: None },
        Answer::Status { code, retry_after, words, .. } if channel == Channel::Webhook => {
            Verdict::Retry { after: *retry_after, why: with_words(*code, words.as_deref()) }
        }
        Answer::Status { code: 200 | 204, .. } => Verdict::Confirmed { note: None },
        Answer::Status { code: code @ (408 | 425 | 429 | 500..=599), retry_after, words, .. } => {
            Verdict::Retry { after: *retry_after, why: with_words(*code, words.as_deref()) }
        }
        Answer::Status { code, words, .. } => Verdict::Refused { why: with_words(*code, words.as_deref()) },
        Answer::Nothing { trouble: Trouble::Blocked, words } => Verdict::Refused { why: words.clone() },
        Answer::Nothing { words, .. } => Verdict::Retry { after: None, why: words.clone() },
    }
}

fn with_words(code: u16, words: Option<&str>) -> String {
    let meaning = match code {
        300..=399 => "redirected, which is never followed",
        400 => "refused the logout",
        401 | 403 => "did not let us in",
        404 | 410 => "has no such address",
        408 | 504 => "took too long",
        429 => "asked to slow down",
        500..=599 => "had an error",
        _ => "gave an answer that means nothing here",
    };
    match words {
        Some(words) if !words.is_empty() => format!("answered {code}: {meaning} ({words})"),
        _ => format!("answered {code}: {meaning}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16) -> Verdict {
        judge(Channel::Backchannel, &Answer::Status { code, retry_after: None, key_age: None, words: None })
    }

    #[test]
    fn only_200_and_204_confirm() {
        for code in 100..=599 {
            let confirmed = matches!(status(code), Verdict::Confirmed { .. });
            assert_eq!(confirmed, code == 200 || code == 204, "{code}");
        }
    }

    #[test]
    fn only_answers_that_look_recoverable_are_retried() {
        for code in 100..=599 {
            let retried = matches!(status(code), Verdict::Retry { .. });
            assert_eq!(retried, matches!(code, 408 | 425 | 429) || code >= 500, "{code}");
        }
    }

    #[test]
    fn a_webhook_is_taken_with_any_2xx_and_everything_else_is_tried_again() {
        for code in 100..=599 {
            let answer = Answer::Status { code, retry_after: None, key_age: None, words: None };
            let confirmed = Verdict::Confirmed { note: None };
            match judge(Channel::Webhook, &answer) {
                verdict @ Verdict::Confirmed { .. } => assert!(verdict == confirmed && (200..=299).contains(&code)),
                Verdict::Retry { .. } => assert!(!(200..=299).contains(&code), "{code}"),
                Verdict::Refused { .. } => panic!("{code} is final"),
            }
        }
        let blocked = Answer::Nothing { trouble: Trouble::Blocked, words: String::new() };
        assert!(matches!(judge(Channel::Webhook, &blocked), Verdict::Refused { .. }));
    }

    #[test]
    fn over_soap_only_what_the_party_said_confirms() {
        let status = |code| Answer::Status { code, retry_after: None, key_age: None, words: None };
        for code in 100..=599 {
            let verdict = judge(Channel::SamlSoap, &status(code));
            assert!(!matches!(verdict, Verdict::Confirmed { .. }), "{code}");
            if !(200..=299).contains(&code) {
                assert_eq!(verdict, judge(Channel::Backchannel, &status(code)), "{code}");
            }
        }
        let said = |said| Answer::Said { code: 200, said, retry_after: None, key_age: None };
        let words = || "Responder/RequestDenied".to_owned();
        let verdict = |answer| judge(Channel::SamlSoap, &answer);
        let note = Some("x".to_owned());
        assert_eq!(verdict(said(Said::Done { words: words(), note: note.clone() })), Verdict::Confirmed { note });
        assert_eq!(verdict(said(Said::Refused { words: words() })), Verdict::Refused { why: words() });
        assert_eq!(verdict(said(Said::Unproved { words: words() })), Verdict::Retry { after: None, why: words() });
    }

    #[test]
    fn an_address_that_the_policy_refuses_fails_at_once_and_a_dead_one_is_retried() {
        let answer = |trouble| Answer::Nothing { trouble, words: "could not be reached".to_owned() };
        assert!(matches!(judge(Channel::Backchannel, &answer(Trouble::Blocked)), Verdict::Refused { .. }));
        for trouble in [Trouble::Unreachable, Trouble::Timeout, Trouble::Garbled, Trouble::Ours] {
            assert!(matches!(judge(Channel::Backchannel, &answer(trouble)), Verdict::Retry { .. }), "{trouble:?}");
        }
    }
}
