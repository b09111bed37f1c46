//! What an application registers at Acquit, and its start.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex, OnceLock},
};

use super::{Ledger, Shared, TestRp, answer::Script, app};
use crate::door::{Door, listen};

/// What it registers for being told in the browser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Front {
    /// Nothing.
    #[default]
    No,
    /// A frame without parameters.
    Bare,
    /// A frame with `iss` and `sid`.
    Named,
}

/// What the application registers.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Its id and its `client_id`.
    pub id: String,
    /// The host of its origin: `127.0.0.1`, or a name under `localhost`.
    pub host: String,
    /// Its secret; a public client without one.
    pub secret: Option<String>,
    /// The algorithm of its ID tokens.
    pub alg: String,
    /// Whether it is told from server to server.
    pub back: bool,
    /// Whether it is told in the browser.
    pub front: Front,
    /// The scope that it asks for.
    pub scope: String,
    /// Whether its session cookie goes along in frames of other sites (`SameSite=None; Secure`).
    pub cookie_in_frames: bool,
    /// Whether a frame that names no session ends all of that person's sessions, not only this browser's.
    pub ends_all_unnamed: bool,
    /// More lines for its part of Acquit's configuration.
    pub more: Vec<String>,
}

impl Registration {
    /// A confidential client with a back channel, at 127.0.0.1.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            host: "127.0.0.1".to_owned(),
            secret: Some(format!("{id}-secret-that-is-longer-than-32-bytes")),
            alg: "RS256".to_owned(),
            back: true,
            front: Front::No,
            scope: "openid".to_owned(),
            cookie_in_frames: false,
            ends_all_unnamed: false,
            more: Vec::new(),
        }
    }

    /// At this host.
    #[must_use]
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Told in a frame with `iss` and `sid`, and only there; its cookie goes along in frames.
    #[must_use]
    pub fn front_only(mut self) -> Self {
        self.back = false;
        self.front = Front::Named;
        self.cookie_in_frames = true;
        self
    }

    /// Told in a frame without `iss` and `sid`, at which it ends all sessions of the person there.
    #[must_use]
    pub fn front_only_bare(mut self) -> Self {
        self = self.front_only();
        self.front = Front::Bare;
        self.ends_all_unnamed = true;
        self
    }

    /// Without any channel.
    #[must_use]
    pub fn untold(mut self) -> Self {
        self.back = false;
        self.front = Front::No;
        self
    }

    /// Without a secret.
    #[must_use]
    pub fn public(mut self) -> Self {
        self.secret = None;
        self
    }

    /// Signed by this algorithm.
    #[must_use]
    pub fn alg(mut self, alg: &str) -> Self {
        alg.clone_into(&mut self.alg);
        self
    }

    /// Asks for this scope.
    #[must_use]
    pub fn scope(mut self, scope: &str) -> Self {
        scope.clone_into(&mut self.scope);
        self
    }

    /// With another line of configuration: `single_logout = "none"`.
    #[must_use]
    pub fn with(mut self, line: &str) -> Self {
        self.more.push(line.to_owned());
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// No free port.
    pub async fn start(self) -> TestRp {
        let (listener, address) = listen(Ipv4Addr::LOCALHOST.into()).await;
        let port = address.port();
        let shared = Arc::new(Shared {
            origin: format!("http://{}:{port}", self.host),
            registration: self,
            issuer: OnceLock::new(),
            pending: Mutex::default(),
            sessions: Mutex::default(),
            ledger: Ledger::default(),
            back_answers: Script::default(),
            front_answers: Script::default(),
            jtis: Mutex::default(),
        });
        let served = shared.clone();
        let door = Door::open(listener, move |listener| tokio::spawn(app::serve(listener, served.clone())));
        TestRp { shared, port, door }
    }
}

impl TestRp {
    /// Its part of Acquit's configuration.
    #[must_use]
    pub fn configuration(&self) -> String {
        let registration = &self.shared.registration;
        let id = &registration.id;
        let mut lines = vec![
            "[[applications]]".to_owned(),
            format!("id = {id:?}"),
            format!("name = {:?}", capitalised(id)),
            "protocol = \"oidc\"".to_owned(),
            format!("client_id = {id:?}"),
            match &registration.secret {
                Some(secret) => format!("client_secret = {secret:?}"),
                None => "public = true".to_owned(),
            },
            format!("redirect_uris = [{:?}]", self.url("/callback")),
            format!("post_logout_redirect_uris = [{:?}]", self.url("/bye")),
            format!("id_token_signed_response_alg = {:?}", registration.alg),
        ];
        if registration.back {
            // Names under localhost are the browser's affair; a server finds none of them (BC-3 asks for no common origin).
            lines.push(format!("backchannel_logout_uri = \"http://127.0.0.1:{}/backchannel\"", self.port));
            lines.push("backchannel_logout_session_required = true".to_owned());
        }
        if registration.front != Front::No {
            lines.push(format!("frontchannel_logout_uri = {:?}", self.url("/frontchannel")));
            let named = registration.front == Front::Named;
            lines.push(format!("frontchannel_logout_session_required = {named}"));
        }
        lines.extend(registration.more.iter().cloned());
        lines.join("\n") + "\n\n"
    }
}

fn capitalised(id: &str) -> String {
    let mut letters = id.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
