//! A SAML identity provider of a customer: a real one, on a port of its own, strict in what it takes, that keeps a ledger of what
//! it was told, and that can be made to say what no honest one says.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use acquit_core::Timestamp;
use acquit_saml::{
    binding::{post, redirect, soap},
    message::{
        Assertion, Attribute, AuthnRequest, AuthnStatement, Expect, Header, Kind, LogoutRequest, Message, NameId,
        Response, SignWhat,
    },
    metadata::{IdpDescription, Peer, ServiceProvider},
    names::{AC_PASSWORD, FORMAT_PERSISTENT, HTTP_POST, HTTP_REDIRECT, SOAP_BINDING},
    security::{Certificate, KeyKind, Signer, Trust},
};

use crate::{
    Browser, Page, TestApp,
    acquit::InProcess,
    browser::Load,
    door::{Door, listen},
    rp::{issuer::Now, lock},
    sp::{Binding, Manner, form_body, new_id, post_soap, ride},
    wire,
};

mod server;

/// What it was told, or brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// `LogoutRequest` or `LogoutResponse`.
    pub what: &'static str,
    /// By which binding.
    pub by: Binding,
    /// The name in a request.
    pub name: Option<NameId>,
    /// The SessionIndexes of a request.
    pub indexes: Vec<String>,
    /// The status of a response; of a request the rule that it breaks.
    pub said: String,
}

/// Whom it vouches for.
#[derive(Clone, Debug)]
pub struct Person {
    /// The name.
    pub name_id: NameId,
    /// The SessionIndex.
    pub index: Option<String>,
    /// The attributes.
    pub attributes: Vec<Attribute>,
}

struct Shared {
    origin: String,
    signer: Signer,
    sp: OnceLock<(ServiceProvider, Trust)>,
    now: OnceLock<Now>,
    person: Mutex<Person>,
    manner: Mutex<Manner>,
    encrypts: Mutex<bool>,
    metadata: OnceLock<String>,
    told: Mutex<Vec<Told>>,
    asked: Mutex<Vec<String>>,
}

/// The provider.
pub struct TestIdp {
    shared: Arc<Shared>,
    connection: String,
    folder: tempfile::TempDir,
    door: Door,
}

impl TestIdp {
    /// One for the connection with this id, that is told of logouts by these bindings.
    ///
    /// # Panics
    /// No free port.
    pub async fn start(connection: &str, told: &[Binding]) -> Self {
        let (listener, address) = listen(Ipv4Addr::LOCALHOST.into()).await;
        let signer = Signer::self_signed(&Signer::generate(KeyKind::P256).unwrap(), "idp").unwrap();
        let person = Person {
            name_id: NameId::new("ann-there", FORMAT_PERSISTENT),
            index: Some("index-1".to_owned()),
            attributes: vec![Attribute::new("mail", vec!["ann@example.com".to_owned()])],
        };
        let shared = Arc::new(Shared {
            origin: format!("http://{address}"),
            signer,
            sp: OnceLock::new(),
            now: OnceLock::new(),
            person: Mutex::new(person),
            manner: Mutex::default(),
            encrypts: Mutex::default(),
            metadata: OnceLock::new(),
            told: Mutex::default(),
            asked: Mutex::default(),
        });
        let served = shared.clone();
        let door = Door::open(listener, move |listener| tokio::spawn(server::serve(listener, served.clone())));
        let folder = tempfile::Builder::new().prefix("acquit-idp-").tempdir().unwrap();
        let idp = Self { shared, connection: connection.to_owned(), folder, door };
        let metadata = idp.shared.metadata.get_or_init(|| idp.metadata(told));
        std::fs::write(idp.folder.path().join("idp.xml"), metadata).unwrap();
        idp
    }

    fn metadata(&self, told: &[Binding]) -> String {
        let certificates: [Certificate; 1] = [self.shared.signer.certificate().clone()];
        let (slo, soap) = (self.url("/slo"), self.url("/slo/soap"));
        let description = IdpDescription {
            entity_id: &self.entity_id(),
            signing: &certificates,
            encryption: &[],
            sso: &self.url("/sso"),
            slo: &slo,
            slo_soap: &soap,
            artifact: None,
            name_id_formats: &[],
        };
        let mut xml = description.to_xml(None).unwrap();
        for (by, binding) in
            [(Binding::Soap, SOAP_BINDING), (Binding::Redirect, HTTP_REDIRECT), (Binding::Post, HTTP_POST)]
        {
            let begin = format!("<md:SingleLogoutService Binding=\"{binding}\"");
            let at = xml.find(&begin).expect("an endpoint of each binding");
            let end = at + xml[at..].find("/>").expect("an empty element") + 2;
            if !told.contains(&by) {
                xml.replace_range(at..end, "");
            }
        }
        xml
    }

    /// Its name.
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

    /// Its part of Acquit's configuration, with these lines more.
    #[must_use]
    pub fn configuration(&self, more: &str) -> String {
        let (id, file) = (&self.connection, self.folder.path().join("idp.xml").display().to_string());
        format!("[[connections]]\nid = {id:?}\ntype = \"saml\"\nmetadata = {{ file = {file:?} }}\n{more}\n\n")
    }

    /// Tells it who its service provider is: the metadata that Acquit shows for this connection, and its clock.
    ///
    /// # Panics
    /// The metadata cannot be used, or it knows one already.
    pub async fn trust(&self, app: &TestApp<InProcess>) {
        self.trust_as(app, &self.connection).await;
    }

    /// The same for another connection than the one that it was started for.
    ///
    /// # Panics
    /// As [`TestIdp::trust`].
    pub async fn trust_as(&self, app: &TestApp<InProcess>, connection: &str) {
        let clock = app.runs.clock.clone();
        let now: Now = Arc::new(move || acquit_server::clock::Clock::now(&*clock).as_micros() / 1_000_000);
        let url = app.url(&format!("/sso/saml/metadata/{connection}"));
        let response = wire::get(&url).await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/samlmetadata+xml");
        let peer = Peer::from_metadata(response.body(), Some(&url), None, Timestamp::from_seconds(now())).unwrap();
        let sp = peer.sp.unwrap();
        assert!(sp.authn_requests_signed, "it says that it signs");
        let trust = sp.trust().unwrap();
        assert!(self.shared.sp.set((sp, trust)).is_ok() && self.shared.now.set(now).is_ok(), "once");
    }

    /// Acquit as its service provider.
    #[must_use]
    pub fn sp(&self) -> &ServiceProvider {
        &self.shared.sp().0
    }

    /// Whom it vouches for from now on.
    pub fn person(&self, edit: impl FnOnce(&mut Person)) {
        edit(&mut lock(&self.shared.person));
    }

    /// What it does from now on when it is told of a logout.
    pub fn behave(&self, manner: Manner) {
        *lock(&self.shared.manner) = manner;
    }

    /// Encrypts its assertions from now on.
    pub fn encrypt(&self) {
        *lock(&self.shared.encrypts) = true;
    }

    /// What it was told.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        lock(&self.shared.told).clone()
    }

    /// The LogoutRequests that it was sent.
    #[must_use]
    pub fn requests(&self) -> Vec<Told> {
        self.told().into_iter().filter(|told| told.what == "LogoutRequest").collect()
    }

    /// The statuses of the LogoutResponses that it got.
    #[must_use]
    pub fn responses(&self) -> Vec<String> {
        let got = self.told().into_iter().filter(|told| told.what == "LogoutResponse");
        got.map(|told| told.said).collect()
    }

    /// Closes its port.
    pub fn close(&self) {
        self.door.close();
    }

    /// Opens its port again.
    pub async fn reopen(&self) {
        self.door.reopen().await;
    }

    /// The time there.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.now()
    }

    /// The AuthnRequest that a browser is about to bring.
    ///
    /// # Panics
    /// It is none, or not signed as its sender says that it signs.
    #[must_use]
    pub fn asked(&self, load: &Load) -> AuthnRequest {
        self.shared.asked(load.url.query().unwrap_or_default()).unwrap()
    }

    /// The Response that an honest provider gives to a request.
    #[must_use]
    pub fn response(&self, request: &AuthnRequest) -> Response {
        self.shared.response(request)
    }

    /// A Response, ready to be posted by the browser.
    ///
    /// # Panics
    /// It cannot be written.
    #[must_use]
    pub fn posted(&self, response: &Response, what: SignWhat) -> Load {
        self.posted_xml(&response.to_xml(self.signer(), what, None).unwrap())
    }

    /// Any text as a Response, ready to be posted by the browser.
    #[must_use]
    pub fn posted_xml(&self, xml: &str) -> Load {
        use base64::{Engine, prelude::BASE64_STANDARD};
        let acs = &self.sp().acs_for(None).unwrap().location;
        let body = form_body(&[("SAMLResponse", &BASE64_STANDARD.encode(xml))]);
        Load::typed(acs).post(body).by(&url::Url::parse(&self.url("/sso")).unwrap())
    }

    /// A LogoutRequest for the person whom it vouches for, in this one session or in all.
    ///
    /// # Panics
    /// Acquit has no such endpoint.
    #[must_use]
    pub fn logout_request(&self, indexes: &[&str], by: Binding) -> LogoutRequest {
        let binding = match by {
            Binding::Soap => SOAP_BINDING,
            Binding::Redirect => HTTP_REDIRECT,
            Binding::Post => HTTP_POST,
        };
        let to = &self.sp().role.logout_by(binding).expect("an endpoint").location;
        let id = new_id();
        lock(&self.shared.asked).push(id.to_string());
        LogoutRequest {
            header: Header::new(&id, self.now(), &self.entity_id(), to),
            not_on_or_after: Some(self.now().plus(Duration::from_secs(300))),
            reason: None,
            name_id: lock(&self.shared.person).name_id.clone(),
            session_indexes: indexes.iter().map(|index| (*index).to_owned()).collect(),
            asynchronous: false,
        }
    }

    /// The request as a browser carries it, with the RelayState `r`.
    ///
    /// # Panics
    /// SOAP needs no browser.
    #[must_use]
    pub fn load(&self, request: &LogoutRequest, by: Binding, signer: &Signer) -> Load {
        let to = request.header.destination.clone().unwrap_or_default();
        let load = match by {
            Binding::Redirect => Load::typed(&redirect::encode(request, &to, Some("r"), Some(signer)).unwrap()),
            Binding::Post => {
                let form = post::encode(request, &to, Some("r"), signer).unwrap();
                Load::typed(&to).post(form_body(&[(form.field, &form.message), ("RelayState", "r")]))
            }
            Binding::Soap => panic!("SOAP needs no browser"),
        };
        load.by(&url::Url::parse(&self.url("/")).unwrap())
    }

    /// Signs the person out through the browser. Gives where that ends.
    pub async fn sign_out(&self, browser: &Browser, request: &LogoutRequest, by: Binding) -> Page {
        ride(browser, browser.load(self.load(request, by, self.signer())).await).await
    }

    /// Sends a request from server to server, signed by this key; gives the HTTP status and what was answered.
    ///
    /// # Panics
    /// Nobody answers.
    pub async fn sign_out_by_soap(&self, request: &LogoutRequest, signer: &Signer) -> (u16, String) {
        let to = request.header.destination.clone().unwrap_or_default();
        let (status, body) = post_soap(&to, soap::encode(request, signer).unwrap()).await;
        (status, self.shared.read_answer(body, &request.header.id))
    }
}

impl Shared {
    fn entity_id(&self) -> String {
        format!("{}/metadata", self.origin)
    }

    fn sp(&self) -> &(ServiceProvider, Trust) {
        self.sp.get().expect("a service provider")
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(self.now.get().map_or(0, |now| now()))
    }

    fn asked(&self, query: &str) -> Result<AuthnRequest, acquit_saml::Error> {
        let arrived = redirect::decode(query)?;
        assert_eq!(arrived.relay_state(), None, "what comes back is known by its request");
        let message = Message::open(&arrived, &[Kind::AuthnRequest])?;
        let here = format!("{}/sso", self.origin);
        let here = [here.as_str()];
        AuthnRequest::receive(&message, &self.sp().0, &Expect::new(&here, self.now()), &[])
    }

    fn response(&self, request: &AuthnRequest) -> Response {
        let Person { name_id, index, attributes } = lock(&self.person).clone();
        let acs = self.sp().0.acs_for(Some(request)).unwrap().location.clone();
        let (now, me) = (self.now(), self.entity_id());
        let assertion = Assertion {
            id: new_id().to_string(),
            issue_instant: now,
            issuer: me.clone(),
            name_id,
            in_response_to: Some(request.header.id.clone()),
            recipient: acs.clone(),
            not_before: None,
            not_on_or_after: now,
            audience: request.header.issuer.clone(),
            authn: AuthnStatement {
                instant: now,
                session_index: index,
                session_not_on_or_after: None,
                context: AC_PASSWORD.to_owned(),
                authorities: Vec::new(),
            },
            attributes,
        };
        let assertion = assertion.valid_for(now, Duration::from_secs(300));
        Response::success(Header::new(&new_id(), now, &me, &acs).answering(&request.header.id), assertion)
    }
}
