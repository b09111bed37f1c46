//! A SAML application: a real service provider with sessions of its own, on a port of its own, strict in what it takes, that
//! keeps a ledger of what it was told.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
};

use crate::{
    Browser, Page,
    door::Door,
    rp::{Issuer, issuer::system_clock, lock},
    wire,
};
use acquit_core::Timestamp;
use acquit_saml::{
    message::{AuthnRequest, Header, MessageId, NameId, NameIdPolicy},
    metadata::{IdentityProvider, Peer},
    names::HTTP_ARTIFACT,
    security::{Certificate, DecryptionKey, Signer, Trust},
};

mod artifact;
mod registration;
mod ride;
mod send;
mod server;
mod told;

pub(crate) use server::{form_page, from_form, page, serve_router};

pub use artifact::{Brought, artifact_in};
pub use registration::SpRegistration;
pub use ride::{load_frames, ride, ride_up_to};
pub(crate) use send::form_body;
pub use send::post_soap;

/// By which binding it is told of logouts, and asks for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Server to server.
    Soap,
    /// In the browser's URL.
    Redirect,
    /// In the browser's form.
    Post,
}

/// What it does when it is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// Checks, ends its sessions, says so.
    #[default]
    Honour,
    /// Never answers.
    Hang,
    /// Shows a page of its own instead of answering.
    Wander,
    /// Says `Responder`.
    Refuse,
    /// Says `Success/PartialLogout`.
    Partly,
    /// Says `Success`, signed by a key that nobody knows.
    Forge,
}

/// What it was told, or brought back.
#[derive(Clone, Debug)]
pub struct Entry {
    /// `LogoutRequest` or `LogoutResponse`.
    pub what: &'static str,
    /// By which binding.
    pub by: Binding,
    /// The SessionIndexes of a request.
    pub indexes: Vec<String>,
    /// How many of its own sessions it ended.
    pub ended: usize,
    /// The status of a response; of a request the rule that it breaks.
    pub said: String,
    /// The RelayState.
    pub relay_state: Option<String>,
}

/// A session of somebody there.
#[derive(Clone, Debug)]
pub struct SpSession {
    /// The name.
    pub name_id: NameId,
    /// The SessionIndex.
    pub index: String,
    /// The attributes.
    pub attributes: Vec<(String, Vec<String>)>,
    /// Whether it lives.
    pub live: bool,
}

pub(crate) struct Shared {
    pub(crate) id: String,
    pub(crate) told: Binding,
    pub(crate) origin: String,
    pub(crate) signer: Signer,
    pub(crate) stranger: Signer,
    pub(crate) artifact_by_default: bool,
    /// The key that assertions are encrypted to: its certificate, itself, and as PKCS#8.
    pub(crate) decryption: Option<(Certificate, DecryptionKey, Vec<u8>)>,
    pub(crate) issuer: OnceLock<Issuer>,
    pub(crate) metadata_url: OnceLock<String>,
    pub(crate) idp: Mutex<Option<(IdentityProvider, Trust)>>,
    pub(crate) metadata: OnceLock<String>,
    pub(crate) asked: Mutex<Vec<String>>,
    pub(crate) sessions: Mutex<HashMap<String, SpSession>>,
    pub(crate) manner: Mutex<Manner>,
    pub(crate) answer_at: Mutex<Option<String>>,
    pub(crate) ledger: Mutex<Vec<Entry>>,
    pub(crate) seen: Mutex<std::collections::HashSet<String>>,
}

/// The application.
pub struct TestSp {
    pub(crate) shared: Arc<Shared>,
    more: Vec<String>,
    changes: Vec<(String, String)>,
    folder: tempfile::TempDir,
    door: Door,
}

impl TestSp {
    /// Its id at Acquit.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.shared.id
    }

    /// Its entity ID.
    #[must_use]
    pub fn entity_id(&self) -> String {
        self.shared.entity_id()
    }

    /// The URL of a path of it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.shared.origin)
    }

    /// Its key.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.shared.signer
    }

    /// Tells it who its identity provider is. Only the first call counts.
    pub fn trust(&self, issuer: Issuer) {
        let _ = self.shared.issuer.set(issuer);
    }

    /// Makes an identity provider of somebody else's its own, by the metadata there, with the time of this machine.
    ///
    /// # Panics
    /// It trusts one already.
    pub fn trust_metadata(&self, url: &str) {
        self.trust(Issuer::new(url, system_clock()));
        self.shared.metadata_url.set(url.to_owned()).unwrap();
    }

    /// What it does from now on when it is told.
    pub fn behave(&self, manner: Manner) {
        *lock(&self.shared.manner) = manner;
    }

    /// Sends its answers through the browser there from now on.
    pub fn answer_at(&self, address: &str) {
        *lock(&self.shared.answer_at) = Some(address.to_owned());
    }

    /// Everything that it was told or that came back.
    #[must_use]
    pub fn ledger(&self) -> Vec<Entry> {
        lock(&self.shared.ledger).clone()
    }

    /// The LogoutRequests that it was sent.
    #[must_use]
    pub fn requests(&self) -> Vec<Entry> {
        self.ledger().into_iter().filter(|entry| entry.what == "LogoutRequest").collect()
    }

    /// The statuses of the LogoutResponses that it got.
    #[must_use]
    pub fn responses(&self) -> Vec<String> {
        let got = self.ledger().into_iter().filter(|entry| entry.what == "LogoutResponse");
        got.map(|entry| entry.said).collect()
    }

    /// Closes its port.
    pub fn close(&self) {
        self.door.close();
    }

    /// Opens its port again.
    pub async fn reopen(&self) {
        self.door.reopen().await;
    }

    /// Begins a sign-in in this browser; ends at the application, or at a page of Acquit's that wants something. `more`:
    /// `force=1`, `passive=1`, `relay=…`, `format=…`, `post=1`, `artifact=1`.
    pub async fn begin(&self, browser: &Browser, more: &str) -> Page {
        ride(browser, browser.open(&self.url(&format!("/login?{more}"))).await).await
    }

    /// Whether this browser is signed in here, by the application's own page.
    pub async fn knows(&self, browser: &Browser) -> bool {
        let page = browser.open(&self.url("/")).await;
        page.tags("main").first().and_then(|main| main.get("data-session")) == Some("live")
    }

    /// This browser's session here, dead or alive.
    ///
    /// # Panics
    /// It has none.
    #[must_use]
    pub fn session(&self, browser: &Browser) -> SpSession {
        let cookie = browser.cookie(&self.shared.origin, &self.shared.cookie()).expect("a session here");
        lock(&self.shared.sessions)[&cookie].clone()
    }

    /// How many sessions live here, of all browsers.
    #[must_use]
    pub fn live_sessions(&self) -> usize {
        lock(&self.shared.sessions).values().filter(|session| session.live).count()
    }

    /// The identity provider, by its metadata.
    pub async fn idp(&self) -> IdentityProvider {
        self.shared.idp().await.0
    }

    /// The time, as the identity provider has it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.now()
    }
}

pub(crate) fn new_id() -> MessageId {
    let mut random = [0; 20];
    aws_lc_rs::rand::fill(&mut random).unwrap();
    MessageId::from_random(random)
}

impl Shared {
    pub(crate) fn entity_id(&self) -> String {
        format!("{}/metadata", self.origin)
    }

    pub(crate) fn cookie(&self) -> String {
        format!("sp-{}", self.id)
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.issuer.get().map_or(0, Issuer::now))
    }

    pub(crate) async fn idp(&self) -> (IdentityProvider, Trust) {
        if let Some(known) = lock(&self.idp).clone() {
            return known;
        }
        let of_acquit = || format!("{}/saml/metadata", self.issuer.get().expect("an identity provider").url());
        let url = self.metadata_url.get().cloned().unwrap_or_else(of_acquit);
        let response = wire::get(&url).await.unwrap();
        let peer = Peer::from_metadata(response.body(), Some(&url), None, self.now()).unwrap();
        let idp = peer.idp.unwrap();
        let trust = idp.trust().unwrap();
        lock(&self.idp).replace((idp.clone(), trust.clone()));
        (idp, trust)
    }

    /// A request for an assertion to this endpoint of the identity provider.
    pub(crate) fn authn_request(&self, to: &str, query: &HashMap<String, String>) -> AuthnRequest {
        let id = new_id();
        lock(&self.asked).push(id.as_str().to_owned());
        let header = Header::new(&id, self.now(), &self.entity_id(), to);
        let mut request = AuthnRequest::new(header, &format!("{}/acs", self.origin));
        request.force_authn = query.contains_key("force");
        request.is_passive = query.contains_key("passive");
        if query.contains_key("artifact") {
            request.protocol_binding = Some(HTTP_ARTIFACT.to_owned());
        }
        request.name_id_policy = query.get("format").map(|format| NameIdPolicy {
            format: Some(format.clone()),
            sp_name_qualifier: None,
            allow_create: true,
        });
        request
    }
}
