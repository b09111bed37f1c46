//! A line of the receipt: one step, in words no stronger than its evidence.

use acquit_core::receipt::Line;

use crate::pages::{Moment, Outcome, outcome};

/// One thing that a logout must do at one party over one channel.
#[derive(Clone, Debug)]
pub struct Step {
    /// The party's id (`data-party`).
    pub party: String,
    /// Its name, for people.
    pub name: String,
    /// The channel as the API names it (`data-channel`): `backchannel`, `frontchannel` …; `none` for a party that has none.
    pub channel: String,
    /// The session that it is about, in words or as an id, when the logout ended more than one.
    pub session: Option<String>,
    /// What is known.
    pub outcome: Outcome,
    /// Why, or how: `loaded`, `rendered`, `accepted`, `not asked`.
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
    pub ms: u32,
    /// What else is known: "connection refused", "timed out".
    pub detail: Option<String>,
}

/// Details that the sentence or the stamp says already.
const SAID: [&str; 9] = [
    "to be acknowledged by the gateway",
    "loaded",
    "rendered",
    "accepted",
    "not asked",
    "not to be told of expiry",
    "has no logout channel",
    "to be opened in the browser",
    "waits for its browser",
];

/// A step's detail without what the party wrote: the page shows outcomes, never a party's raw bytes; the API has them.
fn without_their_words(detail: &str) -> &str {
    match detail.find("answered ") {
        Some(at) => detail[at..].find(" (").map_or(detail, |end| &detail[..at + end]),
        None => detail,
    }
}

impl Step {
    /// The line of a receipt, for the party of this name; `session` when the receipt has more than one.
    #[must_use]
    pub fn of(line: &Line, name: String, session: Option<String>) -> Self {
        Self {
            party: line.party.as_str().to_owned(),
            name,
            channel: line.channel.map_or("none", |channel| channel.as_str()).to_owned(),
            session,
            outcome: line.outcome,
            detail: line.detail.as_deref().map(|detail| without_their_words(detail).to_owned()),
            attempts: line
                .attempts
                .iter()
                .map(|attempt| Attempt {
                    at: attempt.at.into(),
                    status: attempt.status,
                    ms: attempt.ms,
                    // What came with a status is what the party wrote.
                    detail: attempt.detail.clone().filter(|_| attempt.status.is_none()),
                })
                .collect(),
            next_attempt_at: line.next_attempt_at.map(Moment::from),
        }
    }

    /// The stamp's words.
    pub(crate) fn stamp(&self) -> &'static str {
        outcome::stamp(self.outcome, self.detail.as_deref())
    }

    /// What happened, in a sentence or two.
    pub(crate) fn sentence(&self) -> &'static str {
        let tried = !self.attempts.is_empty();
        match (self.outcome, self.channel.as_str(), self.detail.as_deref().unwrap_or("")) {
            (Outcome::Confirmed, _, "accepted") => "Took the message. That proves receipt and no more.",
            (Outcome::Confirmed, "revocation", _) => "Took back a token that it had given.",
            (Outcome::Confirmed, "gateway", _) => "Every connection through the gateway was let go.",
            (Outcome::Confirmed, _, _) => "Was told, and answered that it is done.",
            (Outcome::Sent, "frontchannel", "loaded") => {
                "Opened in your browser. It gives no answer, so no more can be known."
            }
            (Outcome::Sent, "frontchannel", _) => "Put before your browser. Whether it loaded is not known.",
            (Outcome::Sent, _, _) => "Your browser was sent there. No answer came back.",
            (Outcome::Pending, "frontchannel", "to be opened in the browser") => {
                "Is about to be opened in your browser."
            }
            (Outcome::Pending, "frontchannel", _) => "Can only be told through that browser, once it comes here again.",
            (Outcome::Pending, "saml-redirect" | "saml-post" | "end-session", detail) => match detail {
                "to be opened in the browser" => "Waits for your browser, which goes there on its way out.",
                "waits for its browser" => {
                    "Waits for the browser that was signed in there: it goes there when it comes here again."
                }
                _ => "Was left out on your browser's way out. It is visited when that browser comes here again.",
            },
            (Outcome::Pending, "gateway", _) => "Is being shut, at every node of the gateway.",
            (Outcome::Pending, _, _) if tried => "Could not be told yet. It is tried again until it answers.",
            (Outcome::Pending, _, _) => "Is being told now.",
            (Outcome::Failed, _, detail) if detail == acquit_core::delivery::SUPERSEDED => {
                "Left alone, because you signed in there again meanwhile."
            }
            (Outcome::Failed, "gateway", _) => "Not every node of the gateway has said that it is shut.",
            (Outcome::Failed, _, _) if tried => {
                "Did not take it, and is not tried again. If it is open, sign out there."
            }
            (Outcome::Failed, _, _) => "Could not be told. If it is open, sign out there.",
            (Outcome::Unsupported, _, "not asked") => "Was not asked to. You may still be signed in there.",
            (Outcome::Unsupported, _, "not to be told of expiry") => "Does not want to hear of sessions that ran out.",
            (Outcome::Unsupported, "revocation", _) => {
                "Takes no tokens back. Those that it gave run out by themselves."
            }
            (Outcome::Unsupported, "end-session", _) => {
                "Has no sign-out that other sites can begin. You may still be signed in there."
            }
            (Outcome::Unsupported, _, _) => "Has no way to be told. If it is open, sign out there.",
        }
    }

    /// The channel, in words.
    pub(crate) fn channel_in_words(&self) -> &str {
        match self.channel.as_str() {
            "backchannel" => "Directly, from server to server (OpenID back-channel)",
            "frontchannel" => "In a frame in your browser (OpenID front-channel)",
            "saml-redirect" | "saml-post" => "Through your browser (SAML)",
            "saml-soap" => "Directly, from server to server (SAML)",
            "revocation" => "Token revocation",
            "end-session" => "Through your browser, at the identity provider",
            "gateway" => "At the gateway, which is Acquit itself",
            "global-token-revocation" => "Global token revocation",
            "security-event" => "Security event",
            "webhook" => "Webhook",
            "none" if self.detail.as_deref() == Some("has no logout channel") => "None: this app has registered none",
            "none" => "None",
            other => other,
        }
    }

    /// The detail, when it says more than the sentence and the last attempt do.
    pub(crate) fn own_words(&self) -> Option<&str> {
        let last = self.attempts.last().and_then(|attempt| attempt.detail.as_deref());
        self.detail.as_deref().filter(|detail| !detail.is_empty() && !SAID.contains(detail) && Some(*detail) != last)
    }
}
