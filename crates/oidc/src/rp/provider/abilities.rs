//! What a provider can do for a logout, in plain words.

use super::Provider;

/// Whether and how a provider tells us that somebody signed out there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tells {
    /// It does not.
    No,
    /// It does, without promising to name the session: all of the user's sessions of the connection end then.
    WithoutSession,
    /// It does, and names the session (`sid`).
    WithSession,
}

impl Tells {
    const fn of(supported: bool, session: bool) -> Self {
        match (supported, session) {
            (false, _) => Self::No,
            (true, false) => Self::WithoutSession,
            (true, true) => Self::WithSession,
        }
    }
}

/// What a provider can do for a logout, by its own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// The browser can be sent there to sign out (`end_session_endpoint`).
    pub rp_initiated: bool,
    /// Tokens can be given back from the server, without the browser (`revocation_endpoint`).
    pub revocation: bool,
    /// It tells our server (Back-Channel Logout 1.0).
    pub back_channel: Tells,
    /// It tells us through the browser (Front-Channel Logout 1.0).
    pub front_channel: Tells,
    /// It may give refresh tokens, with which it can be asked again and again whether somebody is still welcome there.
    pub revalidation: bool,
}

impl Abilities {
    pub(super) fn of(provider: &Provider) -> Self {
        let grants = &provider.grant_types;
        Self {
            rp_initiated: provider.end_session_endpoint.is_some(),
            revocation: provider.revocation_endpoint.is_some(),
            back_channel: Tells::of(provider.backchannel_logout, provider.backchannel_logout_session),
            front_channel: Tells::of(provider.frontchannel_logout, provider.frontchannel_logout_session),
            revalidation: grants.is_empty() || grants.iter().any(|grant| grant == "refresh_token"),
        }
    }

    /// One sentence for each ability, in the order of the fields.
    #[must_use]
    pub const fn sentences(&self) -> [&'static str; 5] {
        [
            if self.rp_initiated {
                "A logout here can end the session there: it has an end_session_endpoint."
            } else {
                "A logout here cannot end the session there: it has no end_session_endpoint."
            },
            if self.revocation {
                "A logout here takes the tokens back there, without the browser: it has a revocation_endpoint."
            } else {
                "A logout here cannot take the tokens back there: it has no revocation_endpoint."
            },
            match self.back_channel {
                Tells::WithSession => "A logout there reaches us from server to server and names the session (sid).",
                Tells::WithoutSession => {
                    "A logout there reaches us from server to server; it does not promise to name the session, and \
                     without a name all sessions of that user at this connection end."
                }
                Tells::No => {
                    "A logout there does not reach us from server to server: it says nothing of back-channel logout."
                }
            },
            match self.front_channel {
                Tells::WithSession => {
                    "A logout there reaches us through the browser and names the session (iss and sid)."
                }
                Tells::WithoutSession => {
                    "A logout there reaches us through the browser; it does not promise to name the session, and \
                     without a name only the browser's own cookie says which one ends."
                }
                Tells::No => {
                    "A logout there does not reach us through the browser: it says nothing of front-channel logout."
                }
            },
            if self.revalidation {
                "Whoever may no longer sign in there is found by asking with the refresh token, if it gives one."
            } else {
                "Whoever may no longer sign in there cannot be found by asking: it does not offer refresh tokens."
            },
        ]
    }
}
