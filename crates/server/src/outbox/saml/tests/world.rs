//! A tiny application at the other end of SOAP, and a worker that tells it.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use acquit_core::{
    AppId, LogoutId, SessionId, UserId,
    delivery::LEASE,
    participant::{Channels, NameIdForm, Participant, Protocol, SamlChannel},
    plan::{By, Request, Scope, Tell},
    receipt::Receipt,
    session::Lifetimes,
};
use acquit_delivery::{
    egress::{Egress, Limits, Options, Policy},
    worker::{Settings, Worker},
};
use acquit_saml::security::KeyKind;
use acquit_store::{
    Store,
    logout::{Lease, LogoutOrder},
    saml::NameRule,
    session::NewSession,
    user::User,
};
use axum::{Router, extract::State, http::HeaderMap, response::IntoResponse};

use crate::{
    clock::{Clock, SystemClock},
    keys::Keys,
    outbox::{Composer, StoreOutbox, saml::*},
    seal::Sealer,
    settings::MasterKey,
};

pub(super) const IDP: &str = "https://idp.test/saml/metadata";
pub(super) const SLO: &str = "https://idp.test/saml/slo";
pub(super) const SP: &str = "https://sp.test/metadata";
pub(super) const DEADLINE: Duration = Duration::from_secs(3600);
pub(super) const LIFETIMES: Lifetimes = Lifetimes { idle: DEADLINE, max: DEADLINE, program: DEADLINE };

pub(super) fn signer(name: &str) -> Signer {
    Signer::self_signed(&Signer::generate(KeyKind::P256).unwrap(), name).unwrap()
}

pub(super) fn trust(entity_id: &str, signer: &Signer) -> Trust {
    Trust::new(entity_id, &[signer.certificate().clone()]).unwrap()
}

/// What the application answers with, made for the request's identifier.
#[derive(Clone)]
pub(super) enum Say {
    /// A signed message by one of the keys, to that request or another.
    Signed {
        status: Status,
        stranger: bool,
        answers: Option<&'static str>,
        issuer: &'static str,
    },
    Unsigned(Status),
    Http(u16, &'static str),
    Hang,
}

pub(super) fn signed(status: Status) -> Say {
    Say::Signed { status, stranger: false, answers: None, issuer: SP }
}

pub(super) struct App {
    pub(super) idp: Trust,
    pub(super) own: Signer,
    pub(super) stranger: Signer,
    pub(super) address: SocketAddr,
    pub(super) script: Mutex<Vec<Say>>,
    /// The requests that came, verified by our certificate.
    pub(super) heard: Mutex<Vec<LogoutRequest>>,
}

impl App {
    pub(super) fn uri(&self) -> String {
        format!("http://{}/slo/soap", self.address)
    }
}

pub(super) async fn slo(State(app): State<Arc<App>>, headers: HeaderMap, body: String) -> axum::response::Response {
    assert!(headers.contains_key("soapaction"));
    assert_eq!(headers.get("content-type").unwrap(), soap::CONTENT_TYPE);
    let now = SystemClock.now();
    let arrived = soap::decode(body.into_bytes()).unwrap();
    let message = Message::open(&arrived, &[Kind::LogoutRequest]).unwrap();
    let uri = app.uri();
    let signed = message.verify(&app.idp, &Expect::new(&[&uri], now)).unwrap();
    let request = LogoutRequest::from_signed(&signed, &[]).unwrap().into_inner();
    let id = request.header.id.clone();
    app.heard.lock().unwrap().push(request);
    let say = {
        let mut script = app.script.lock().unwrap();
        if script.len() > 1 { script.remove(0) } else { script[0].clone() }
    };
    match say {
        Say::Signed { status, stranger, answers, issuer } => {
            let by = if stranger { &app.stranger } else { &app.own };
            soap::encode(&response(issuer, answers.unwrap_or(&id), status, now), by).unwrap().into_response()
        }
        Say::Unsigned(status) => unsigned(&id, status, now).into_response(),
        Say::Http(code, body) => (StatusCode::from_u16(code).unwrap(), body).into_response(),
        Say::Hang => std::future::pending().await,
    }
}

pub(super) fn response(issuer: &str, id: &str, status: Status, now: Timestamp) -> LogoutResponse {
    let own = MessageId::from_random(random::bytes().unwrap());
    LogoutResponse { header: Header::new(&own, now, issuer, SLO).answering(id), status }
}

pub(super) fn unsigned(id: &str, status: Status, now: Timestamp) -> String {
    use acquit_saml::message::Outbound;
    let xml = response(SP, id, status, now).plain_xml().unwrap();
    let soap = "http://schemas.xmlsoap.org/soap/envelope/";
    format!("<e:Envelope xmlns:e=\"{soap}\"><e:Body>{xml}</e:Body></e:Envelope>")
}

pub(super) struct Registry {
    pub(super) ours: Arc<Ours>,
    pub(super) trusted: HashMap<String, Trust>,
    pub(super) expired: AtomicBool,
}

impl Parties for Registry {
    fn ours(&self, _: &SamlNamed, _: Timestamp) -> Option<Arc<Ours>> {
        Some(Arc::clone(&self.ours))
    }

    fn trust(&self, named: &SamlNamed, _: Timestamp) -> Option<Trust> {
        self.trusted.get(&named.entity_id).cloned()
    }

    fn has_expired(&self, _: &SamlNamed, _: Timestamp) -> bool {
        self.expired.load(Ordering::Relaxed)
    }
}

pub(super) struct World {
    pub(super) store: Store,
    pub(super) app: Arc<App>,
    pub(super) registry: Arc<Registry>,
    pub(super) keys: Keys,
    pub(super) egress: Arc<Egress>,
    _folder: tempfile::TempDir,
}

impl World {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite://{}", folder.path().join("acquit.db").display())).await.unwrap();
        let keys = Keys::load(&store, &Sealer::new(&MasterKey::from_bytes([7; 32])).unwrap(), SystemClock.now())
            .await
            .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (idp, own) = (signer("idp"), signer("sp"));
        let app = Arc::new(App {
            idp: trust(IDP, &idp),
            stranger: signer("stranger"),
            address: listener.local_addr().unwrap(),
            script: Mutex::default(),
            heard: Mutex::default(),
            own,
        });
        let router = Router::new().route("/slo/soap", axum::routing::post(slo)).with_state(Arc::clone(&app));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let ours = Arc::new(Ours {
            entity_id: IDP.to_owned(),
            signer: idp,
            signs_from: Timestamp::default(),
            endpoints: vec![SLO.to_owned()],
        });
        let trusted = HashMap::from([(SP.to_owned(), trust(SP, &app.own))]);
        let policy = Policy::allowing(vec!["127.0.0.0/8".parse().unwrap()]);
        let limits = Limits { first_byte: Duration::from_millis(500), ..Limits::default() };
        let egress = Arc::new(Egress::new(Options { limits, ..Options::new(policy) }).unwrap());
        Self {
            store,
            app,
            registry: Arc::new(Registry { ours, trusted, expired: AtomicBool::new(false) }),
            keys,
            egress,
            _folder: folder,
        }
    }

    pub(super) fn worker(&self) -> Worker<StoreOutbox, Composer> {
        let composer = Composer::new(self.store.clone(), self.keys.clone(), "https://idp.test".to_owned(), DEADLINE)
            .with_saml(Arc::<Registry>::clone(&self.registry));
        let outbox = StoreOutbox::new(self.store.clone(), Arc::new(SystemClock), "node".to_owned());
        let clock = Box::new(|| SystemClock.now());
        Worker::start(outbox, composer, Arc::clone(&self.egress), clock, Box::new(|| 200), Settings::default())
    }

    pub(super) async fn begin(&self) -> (SessionId, UserId) {
        let now = SystemClock.now();
        let user = match self.store.user_by_username("ann").await.unwrap() {
            Some(user) => user,
            None => {
                let user = User {
                    id: UserId::from_random(random::bytes().unwrap()),
                    username: "ann".to_owned(),
                    email: None,
                    email_verified: false,
                    name: None,
                    password_hash: None,
                    groups: Vec::new(),
                    disabled: false,
                    from_file: false,
                    epoch: 0,
                    version: 0,
                    created_at: now,
                    origin: None,
                };
                self.store.put_user(user.clone()).await.unwrap().unwrap();
                user
            }
        };
        let session = NewSession {
            id: SessionId::from_random(random::bytes().unwrap()),
            handle_hash: random::hash(&random::secret().unwrap()),
            user: user.id.clone(),
            user_epoch: user.epoch,
            now,
            ip: None,
            user_agent: None,
            program: None,
            upstream: None,
        };
        (self.store.begin_session(session).await.unwrap().unwrap().id, user.id)
    }

    /// The session's SessionIndex.
    pub(super) async fn join(&self, session: &SessionId, session_index_required: bool) -> String {
        let saml = SamlChannel { soap: Some(self.app.uri()), session_index_required, ..SamlChannel::default() };
        let participant = Participant {
            session: session.clone(),
            app: AppId::new("wiki"),
            protocol: Protocol::Saml,
            client_id: SP.to_owned(),
            subject: "ann@example.com".to_owned(),
            sid: random::secret().unwrap(),
            joined_at: SystemClock.now(),
            channels: Channels { saml: Some(saml), ..Channels::default() },
            name_id: Some(NameIdForm { format: Some("urn:x".to_owned()), ..NameIdForm::default() }),
            not_on_or_after: None,
        };
        self.store.join_saml(participant, NameRule::AsGiven, LIFETIMES, None).await.unwrap().unwrap().session_index
    }

    /// Logs out; the steps wait to be dispatched.
    pub(super) async fn end(&self, session: &SessionId) -> acquit_store::logout::LoggedOut {
        let at = SystemClock.now();
        let request = Request {
            id: LogoutId::from_random(random::bytes().unwrap()),
            scope: Scope::Session(session.clone()),
            by: By::User,
            party: None,
            reason: None,
            tell: Tell::Everyone,
            at,
            ip: None,
            browser: None,
            named: Vec::new(),
            deadline: DEADLINE,
        };
        let lease = Some(Lease { node: "node".to_owned(), until: at.plus(LEASE) });
        let order = LogoutOrder { request, lease, receipt_key_hash: None, once: None };
        let mut logout = self.store.log_out(order, |_| None).await.unwrap().unwrap();
        for step in &mut logout.steps {
            // It joined a moment ago, and would be told once more.
            step.again = false;
        }
        logout
    }

    /// The receipt after one attempt that was answered so.
    pub(super) async fn told(&self, say: Say) -> Receipt {
        *self.app.script.lock().unwrap() = vec![say];
        let (session, _) = self.begin().await;
        self.join(&session, true).await;
        let logout = self.end(&session).await;
        self.deliver(logout).await
    }

    pub(super) async fn deliver(&self, logout: acquit_store::logout::LoggedOut) -> Receipt {
        let worker = self.worker();
        worker.dispatch(logout.steps);
        let stopped = worker.stop(Duration::from_secs(20)).await;
        assert_eq!((stopped.unfinished, stopped.unrecorded), (0, 0));
        self.store.receipt(&logout.logout).await.unwrap().unwrap()
    }
}
