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
    Confirmed,
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
#[must_use]
pub fn judge(channel: Channel, answer: &Answer) -> Verdict {
    debug_assert!(!channel.needs_browser(), "browsers report for themselves");
    match answer {
        Answer::Status { code: 200 | 204, .. } => Verdict::Confirmed,
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
            assert_eq!(status(code) == Verdict::Confirmed, code == 200 || code == 204, "{code}");
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
    fn an_address_that_the_policy_refuses_fails_at_once_and_a_dead_one_is_retried() {
        let answer = |trouble| Answer::Nothing { trouble, words: "could not be reached".to_owned() };
        assert!(matches!(judge(Channel::Backchannel, &answer(Trouble::Blocked)), Verdict::Refused { .. }));
        for trouble in [Trouble::Unreachable, Trouble::Timeout, Trouble::Garbled, Trouble::Ours] {
            assert!(matches!(judge(Channel::Backchannel, &answer(trouble)), Verdict::Retry { .. }), "{trouble:?}");
        }
    }
}
