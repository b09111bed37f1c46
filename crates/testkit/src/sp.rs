//! A SAML application: a real service provider with sessions of its own, on a port of its own, strict in what it takes, that
//! keeps a ledger of what it was told.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock},
};

use acquit_core::Timestamp;
use acquit_saml::{
    message::{AuthnRequest, Header, MessageId, NameId, NameIdPolicy},
    metadata::{IdentityProvider, Peer, SpDescription},
    names::HTTP_ARTIFACT,
    security::{Certificate, DecryptionKey, KeyKind, Signer, Trust},
};
use tokio::net::TcpListener;

use crate::{
    Browser, Page,
    rp::{Issuer, lock},
    wire,
};

mod artifact;
mod ride;
mod send;
mod server;

pub use artifact::{Brought, artifact_in};
pub use ride::{ride, ride_up_to};
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

/// What it registers.
#[derive(Clone, Debug)]
pub struct SpRegistration {
    id: String,
    told: Binding,
    more: Vec<String>,
    decrypts: bool,
    artifact_by_default: bool,
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
    port: u16,
    more: Vec<String>,
    folder: tempfile::TempDir,
    server: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl SpRegistration {
    /// An application that is told so.
    #[must_use]
    pub fn new(id: &str, told: Binding) -> Self {
        Self { id: id.to_owned(), told, more: Vec::new(), decrypts: false, artifact_by_default: false }
    }

    /// With another line of configuration: `session_index_required = true`.
    #[must_use]
    pub fn with(mut self, line: &str) -> Self {
        self.more.push(line.to_owned());
        self
    }

    /// That wants artifacts unless it asks for something else.
    #[must_use]
    pub fn artifact_by_default(mut self) -> Self {
        self.artifact_by_default = true;
        self
    }

    /// With a key to encrypt to, and assertions only if they are.
    #[must_use]
    pub fn encrypted(mut self) -> Self {
        self.decrypts = true;
        self.with("encrypt_assertions = true")
    }

    /// Starts it.
    ///
    /// # Panics
    /// No free port.
    pub async fn start(self) -> TestSp {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            origin: format!("http://127.0.0.1:{port}"),
            id: self.id,
            told: self.told,
            // Of P-256: a test makes many, and RSA is what Acquit signs with itself.
            signer: signer("sp"),
            stranger: signer("stranger"),
            artifact_by_default: self.artifact_by_default,
            decryption: self.decrypts.then(decryption),
            issuer: OnceLock::new(),
            idp: Mutex::default(),
            asked: Mutex::default(),
            sessions: Mutex::default(),
            metadata: OnceLock::new(),
            manner: Mutex::default(),
            answer_at: Mutex::default(),
            ledger: Mutex::default(),
            seen: Mutex::default(),
        });
        let server = tokio::spawn(server::serve(listener, shared.clone()));
        let folder = tempfile::Builder::new().prefix("acquit-sp-").tempdir().unwrap();
        let sp = TestSp { shared, port, more: self.more, folder, server: Mutex::new(Some(server)) };
        std::fs::write(sp.folder.path().join("sp.xml"), sp.metadata()).unwrap();
        let _ = sp.shared.metadata.set(sp.metadata());
        sp
    }
}

fn signer(name: &str) -> Signer {
    Signer::self_signed(&Signer::generate(KeyKind::P256).unwrap(), name).unwrap()
}

fn decryption() -> (Certificate, DecryptionKey, Vec<u8>) {
    let pkcs8 = Signer::generate(KeyKind::Rsa2048).unwrap();
    let signer = Signer::self_signed(&pkcs8, "sp").unwrap();
    (signer.certificate().clone(), DecryptionKey::from_pkcs8(&pkcs8).unwrap(), pkcs8.to_vec())
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

    /// Its metadata.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn metadata(&self) -> String {
        let soap = self.url("/slo/soap");
        let encryption: Vec<Certificate> = self.shared.decryption.iter().map(|(one, ..)| one.clone()).collect();
        let description = SpDescription {
            entity_id: &self.entity_id(),
            signing: &[self.shared.signer.certificate().clone()],
            encryption: &encryption,
            acs: &self.url("/acs"),
            slo: &self.url("/slo"),
            slo_soap: Some(&soap),
            name_id_formats: &[],
        };
        // Besides POST it takes artifacts at the same address.
        let default = self.shared.artifact_by_default;
        let artifact = format!(
            "<md:AssertionConsumerService Binding=\"{HTTP_ARTIFACT}\" Location=\"{}\" index=\"1\" \
             isDefault=\"{default}\"/></md:SPSSODescriptor>",
            self.url("/acs")
        );
        let xml = description.to_xml(None).unwrap().replace("</md:SPSSODescriptor>", &artifact);
        if default { xml.replacen("isDefault=\"true\"", "isDefault=\"false\"", 1) } else { xml }
    }

    /// The private key that it decrypts with, as PKCS#8 in DER.
    ///
    /// # Panics
    /// It has none.
    #[must_use]
    pub fn decryption_key(&self) -> &[u8] {
        &self.shared.decryption.as_ref().expect("a key").2
    }

    /// Its part of Acquit's configuration.
    #[must_use]
    pub fn configuration(&self) -> String {
        let id = self.id();
        let binding = match self.shared.told {
            Binding::Soap => "soap",
            Binding::Redirect => "redirect",
            Binding::Post => "post",
        };
        let mut lines = vec![
            "[[applications]]".to_owned(),
            format!("id = {id:?}"),
            format!("key = \"exk{id}\""),
            "protocol = \"saml\"".to_owned(),
            format!("metadata = {{ file = {:?} }}", self.folder.path().join("sp.xml").display().to_string()),
            format!("slo_binding = {binding:?}"),
        ];
        lines.extend(self.more.iter().cloned());
        lines.join("\n") + "\n\n"
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
        if let Some(server) = lock(&self.server).take() {
            server.abort();
        }
    }

    /// Opens its port again.
    ///
    /// # Panics
    /// Somebody else took it.
    pub async fn reopen(&self) {
        self.close();
        let listener = loop {
            match TcpListener::bind(("127.0.0.1", self.port)).await {
                Ok(listener) => break listener,
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        };
        *lock(&self.server) = Some(tokio::spawn(server::serve(listener, self.shared.clone())));
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

impl Drop for TestSp {
    fn drop(&mut self) {
        self.close();
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
        let url = format!("{}/saml/metadata", self.issuer.get().expect("an identity provider").url());
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
