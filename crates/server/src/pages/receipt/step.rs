//! A line of the receipt: one step, in words no stronger than its evidence.

use crate::pages::{Moment, Outcome};

/// One thing that a logout must do at one party over one channel.
#[derive(Clone, Debug)]
pub struct Step {
    /// The party's id (`data-party`).
    pub party: String,
    /// Its name, for people.
    pub name: String,
    /// The channel as the API names it (`data-channel`): `backchannel`, `frontchannel`, `saml-redirect` …
    pub channel: String,
    /// The session that it is about, in words or as an id, when the logout ended more than one.
    pub session: Option<String>,
    /// What is known.
    pub outcome: Outcome,
    /// Why, or how: `loaded`, `rendered`, `accepted`, `not asked`, or the party's own words.
    pub detail: Option<String>,
    /// The tries so far, oldest first.
    pub attempts: Vec<Attempt>,
    /// When it is tried again.
    pub next_attempt_at: Option<Moment>,
}

/// One try.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// When it began.
    pub at: Moment,
    /// The HTTP status of the answer; none when there was no answer.
    pub status: Option<u16>,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// What else is known: "connection refused", "timed out".
    pub detail: Option<String>,
}

impl Step {
    fn detail(&self) -> &str {
        self.detail.as_deref().unwrap_or("")
    }

    /// The stamp's words.
    pub(crate) fn stamp(&self) -> &'static str {
        if self.outcome == Outcome::Unsupported && self.detail() == "not asked" {
            "not asked"
        } else {
            self.outcome.stamp()
        }
    }

    /// What happened, in one sentence.
    pub(crate) fn sentence(&self) -> String {
        let name = &self.name;
        match (self.outcome, self.channel.as_str(), self.detail()) {
            (Outcome::Confirmed, _, "accepted") => format!("{name} took the message. That proves receipt and no more."),
            (Outcome::Confirmed, "revocation", _) => format!("{name} revoked the tokens that it had given."),
            (Outcome::Confirmed, "gateway", _) => format!("The gateway let go of every connection to {name}."),
            (Outcome::Confirmed, _, _) => format!("{name} answered that you are signed out there."),
            (Outcome::Sent, _, "loaded") => {
                format!("Opened in your browser. {name} gives no answer, so nobody can know more.")
            }
            (Outcome::Sent, _, "rendered") => {
                format!("Put before your browser. Whether it reached {name} is not known.")
            }
            (Outcome::Sent, _, _) => format!("Your browser was sent to {name}, which gave no answer."),
            (Outcome::Pending, "frontchannel", _) => {
                format!("{name} can only be told through that browser, when it next comes here.")
            }
            (Outcome::Pending, _, _) if self.attempts.is_empty() => format!("{name} is about to be told."),
            (Outcome::Pending, _, _) => format!("{name} could not be told yet. It is tried again until it answers."),
            (Outcome::Failed, _, _) if self.attempts.is_empty() => format!("{name} could not be told."),
            (Outcome::Failed, _, _) => format!("{name} did not do it, and is not tried again."),
            (Outcome::Unsupported, _, "not asked") => {
                format!("{name} was not to be told. You may still be signed in there.")
            }
            (Outcome::Unsupported, _, _) => format!("{name} has no way to be told. If it is open, sign out there."),
        }
    }

    /// The channel, in words.
    pub(crate) fn channel_in_words(&self) -> &str {
        match self.channel.as_str() {
            "backchannel" => "directly, server to server",
            "frontchannel" => "through your browser, in a frame",
            "saml-redirect" | "saml-post" => "through your browser, by SAML",
            "saml-soap" => "directly, by SAML",
            "revocation" => "token revocation",
            "end-session" => "through your browser, at the identity provider",
            "gateway" => "at the gateway",
            "global-token-revocation" => "global token revocation",
            "security-event" => "security event",
            "webhook" => "webhook",
            other => other,
        }
    }

    /// The detail, when it says more than the sentence does.
    pub(crate) fn own_words(&self) -> Option<&str> {
        self.detail
            .as_deref()
            .filter(|detail| !matches!(*detail, "" | "loaded" | "rendered" | "accepted" | "not asked"))
    }
}
