//! The five sample applications: what they are called, what they hold, and how each is told of a logout.

use std::net::SocketAddr;

use acquit_core::AppId;
use acquit_oidc::client::{Authentication, Client, SecretMethod};

/// How a sample application is told of a logout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// By a logout token at its back channel.
    BackChannel,
    /// By a frame in the browser.
    FrontChannel,
    /// By a SAML LogoutRequest at its SOAP endpoint.
    Soap,
    /// At a back channel where nobody listens until somebody switches it on.
    SwitchedOff,
    /// By a signed event at its webhook.
    Webhook,
}

/// One sample application.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// Its id, its `client_id` where it speaks OpenID Connect, and its host name under `localhost`.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// How it is told.
    pub told: Told,
    /// What it shows to whoever is signed in.
    pub contents: &'static [(&'static str, &'static str)],
}

/// Told by back channel.
pub const CALENDAR: Kind = Kind {
    id: "calendar",
    name: "Calendar",
    told: Told::BackChannel,
    contents: &[("09:30", "Dentist"), ("12:00", "Lunch with Bob"), ("16:15", "Performance review")],
};

/// Told by front channel.
pub const NOTES: Kind = Kind {
    id: "notes",
    name: "Notes",
    told: Told::FrontChannel,
    contents: &[("Mon", "The surprise party is on Friday"), ("Tue", "Ask for a rise"), ("Wed", "Buy oat milk")],
};

/// Speaks SAML, and is told over SOAP.
pub const WIKI: Kind = Kind {
    id: "wiki",
    name: "Wiki",
    told: Told::Soap,
    contents: &[("p. 1", "Who has the keys to the server room"), ("p. 2", "Salary bands"), ("p. 3", "Pasta carbonara")],
};

/// Its back channel is switched off, so that a receipt has something pending.
pub const ARCHIVE: Kind = Kind {
    id: "archive",
    name: "Archive",
    told: Told::SwitchedOff,
    contents: &[("2024", "Tax return"), ("2025", "Employment contract"), ("2026", "Lease")],
};

/// Gets its people from its customers' identity providers, through the broker.
pub const ACME: Kind = Kind {
    id: "acme",
    name: "Acme SaaS",
    told: Told::Webhook,
    contents: &[("Jan", "Invoice to Example Corp"), ("Feb", "Discount, not to be told"), ("Mar", "Renewal in doubt")],
};

/// All of them.
pub const ALL: [Kind; 5] = [CALENDAR, NOTES, WIKI, ARCHIVE, ACME];

impl Kind {
    /// Where a browser reaches it. Each application has a host name of its own: browsers take hosts under `localhost` for
    /// sites of their own, so that frames and cookies are treated as on the real web.
    #[must_use]
    pub fn origin(&self, port: u16) -> String {
        format!("http://{}.localhost:{port}", self.id)
    }

    /// Its registration at the provider, where it speaks OpenID Connect. `back` is where its back channel is: an address, since the server's resolver need
    /// not know names under `localhost`.
    #[must_use]
    pub fn registration(&self, origin: &str, back: SocketAddr, secret: &str) -> Client {
        let front = self.told == Told::FrontChannel;
        Client {
            name: self.name.to_owned(),
            redirect_uris: vec![format!("{origin}/callback")],
            post_logout_redirect_uris: vec![format!("{origin}/signed-out")],
            backchannel_logout_uri: (!front).then(|| format!("http://{back}/backchannel")),
            backchannel_logout_session_required: !front,
            frontchannel_logout_uri: front.then(|| format!("{origin}/frontchannel")),
            frontchannel_logout_session_required: front,
            require_pkce: true,
            ..Client::new(AppId::new(self.id), self.id, Authentication::secret(SecretMethod::Basic, secret))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_application_may_be_registered() {
        for kind in ALL.into_iter().filter(|kind| !matches!(kind.told, Told::Soap | Told::Webhook)) {
            let client = kind.registration(&kind.origin(8081), ([127, 0, 0, 1], 8081).into(), "a-secret");
            assert_eq!(client.problems(), [], "{}", kind.name);
        }
    }
}
