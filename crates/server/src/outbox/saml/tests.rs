//! A tiny application at the other end of SOAP, and what the receipt says of each of its answers.

use std::{collections::HashMap, net::SocketAddr, sync::Mutex};

use acquit_core::{
    AppId, LogoutId, SessionId, UserId,
    delivery::LEASE,
    participant::{Channels, NameIdForm, Participant, Protocol, SamlChannel},
    plan::{By, Request, Scope, Tell},
    receipt::Receipt,
    session::Lifetimes,
    step::{NO_INDEX, Outcome},
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

use super::*;
use crate::{
    clock::{Clock, SystemClock},
    keys::Keys,
    outbox::{Composer, StoreOutbox},
    seal::Sealer,
    settings::MasterKey,
};

const IDP: &str = "https://idp.test/saml/metadata";
const SLO: &str = "https://idp.test/saml/slo";
const SP: &str = "https://sp.test/metadata";
const DEADLINE: Duration = Duration::from_secs(3600);
const LIFETIMES: Lifetimes = Lifetimes { idle: DEADLINE, max: DEADLINE };

fn signer(name: &str) -> Signer {
    Signer::self_signed(&Signer::generate(KeyKind::P256).unwrap(), name).unwrap()
}

fn trust(entity_id: &str, signer: &Signer) -> Trust {
    Trust::new(entity_id, &[signer.certificate().clone()]).unwrap()
}

/// What the application answers with, made for the request's identifier.
#[derive(Clone)]
enum Say {
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

fn signed(status: Status) -> Say {
    Say::Signed { status, stranger: false, answers: None, issuer: SP }
}

struct App {
    idp: Trust,
    own: Signer,
    stranger: Signer,
    address: SocketAddr,
    script: Mutex<Vec<Say>>,
    /// The requests that came, verified by our certificate.
    heard: Mutex<Vec<LogoutRequest>>,
}

impl App {
    fn uri(&self) -> String {
        format!("http://{}/slo/soap", self.address)
    }
}

async fn slo(State(app): State<Arc<App>>, headers: HeaderMap, body: String) -> axum::response::Response {
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

fn response(issuer: &str, id: &str, status: Status, now: Timestamp) -> LogoutResponse {
    let own = MessageId::from_random(random::bytes().unwrap());
    LogoutResponse { header: Header::new(&own, now, issuer, SLO).answering(id), status }
}

fn unsigned(id: &str, status: Status, now: Timestamp) -> String {
    use acquit_saml::message::Outbound;
    let xml = response(SP, id, status, now).plain_xml().unwrap();
    let soap = "http://schemas.xmlsoap.org/soap/envelope/";
    format!("<e:Envelope xmlns:e=\"{soap}\"><e:Body>{xml}</e:Body></e:Envelope>")
}

struct Registry {
    ours: Arc<Ours>,
    trusted: HashMap<String, Trust>,
}

impl Parties for Registry {
    fn ours(&self, _: Timestamp) -> Option<Arc<Ours>> {
        Some(Arc::clone(&self.ours))
    }

    fn trust(&self, entity_id: &str) -> Option<Trust> {
        self.trusted.get(entity_id).cloned()
    }
}

struct World {
    store: Store,
    app: Arc<App>,
    registry: Arc<Registry>,
    keys: Keys,
    egress: Arc<Egress>,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
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
        Self { store, app, registry: Arc::new(Registry { ours, trusted }), keys, egress, _folder: folder }
    }

    fn worker(&self) -> Worker<StoreOutbox, Composer> {
        let composer = Composer::new(self.store.clone(), self.keys.clone(), "https://idp.test".to_owned(), DEADLINE)
            .with_saml(Arc::<Registry>::clone(&self.registry));
        let outbox = StoreOutbox::new(self.store.clone(), Arc::new(SystemClock), "node".to_owned());
        let clock = Box::new(|| SystemClock.now());
        Worker::start(outbox, composer, Arc::clone(&self.egress), clock, Box::new(|| 200), Settings::default())
    }

    async fn begin(&self) -> (SessionId, UserId) {
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
                    created_at: now,
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
        };
        (self.store.begin_session(session).await.unwrap().unwrap().id, user.id)
    }

    /// The session's SessionIndex.
    async fn join(&self, session: &SessionId, session_index_required: bool) -> String {
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
    async fn end(&self, session: &SessionId) -> acquit_store::logout::LoggedOut {
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
    async fn told(&self, say: Say) -> Receipt {
        *self.app.script.lock().unwrap() = vec![say];
        let (session, _) = self.begin().await;
        self.join(&session, true).await;
        let logout = self.end(&session).await;
        self.deliver(logout).await
    }

    async fn deliver(&self, logout: acquit_store::logout::LoggedOut) -> Receipt {
        let worker = self.worker();
        worker.dispatch(logout.steps);
        let stopped = worker.stop(Duration::from_secs(20)).await;
        assert_eq!((stopped.unfinished, stopped.unrecorded), (0, 0));
        self.store.receipt(&logout.logout).await.unwrap().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_proved_success_to_this_very_request_confirms() {
    use Outcome::{Confirmed, Failed, Pending};
    let world = World::new().await;
    let sign = |status, stranger, answers, issuer| Say::Signed { status, stranger, answers, issuer };
    let ok = Status::success;
    let denied = Status { message: Some("no such user".to_owned()), ..Status::new(Code::Requester, "RequestDenied") };
    let fault = "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body><e:Fault>\
                 <faultcode>e:Server</faultcode><faultstring>x</faultstring></e:Fault></e:Body></e:Envelope>";
    for (say, outcome, words) in [
        (signed(ok()), Confirmed, "answered Success"),
        (signed(Status::partial_logout()), Confirmed, "answered Success/PartialLogout"),
        (signed(denied), Failed, "answered Requester/RequestDenied: no such user"),
        (signed(Status::new(Code::Responder, "PartialLogout")), Failed, "answered Responder/PartialLogout"),
        (signed(Status { second: None, ..Status::new(Code::VersionMismatch, "") }), Failed, "answered VersionMismatch"),
        (Say::Unsigned(ok()), Pending, "its answer proves nothing: not signed"),
        (sign(ok(), true, None, SP), Pending, "its answer proves nothing: the signature was not made by"),
        (sign(ok(), false, Some("_other"), SP), Pending, "its answer proves nothing: InResponseTo"),
        (sign(ok(), false, None, "https://evil.test"), Pending, "its answer proves nothing: the issuer"),
        (Say::Http(200, "<html>It works!</html>"), Pending, "its answer proves nothing: not a SOAP"),
        (Say::Http(200, "\n<!DOCTYPE html><h1>Error</h1>"), Pending, "its answer proves nothing: it is a web page"),
        (Say::Http(200, "\u{0}garbage"), Pending, "its answer proves nothing"),
        (Say::Http(200, ""), Pending, "its answer proves nothing"),
        (Say::Http(200, fault), Pending, "its answer proves nothing: the peer answered with a SOAP fault"),
        (Say::Http(204, ""), Pending, ""),
        (Say::Http(500, fault), Pending, "a SOAP fault"),
        (Say::Http(503, ""), Pending, ""),
        (Say::Http(403, ""), Failed, ""),
        (Say::Http(302, ""), Failed, ""),
        (Say::Hang, Pending, "could not be reached"),
    ] {
        let receipt = world.told(say).await;
        let line = &receipt.steps[0];
        let said = line.attempts[0].detail.as_deref().unwrap_or_default();
        assert!(line.outcome == outcome && said.starts_with(words), "{words:?} became {line:?}");
        assert_eq!(line.attempts.len(), 1);
        assert_eq!(line.next_attempt_at.is_some(), outcome == Pending, "{line:?}");
        let partial = words.contains("Success/PartialLogout");
        if outcome == Confirmed {
            let note = partial.then_some("ended its own session, but not all that hang on it");
            assert_eq!(line.detail.as_deref(), note);
        } else {
            assert!(line.detail.is_some(), "{line:?}");
        }
    }
    let ids: std::collections::BTreeSet<_> =
        world.app.heard.lock().unwrap().iter().map(|request| request.header.id.clone()).collect();
    assert_eq!(ids.len(), world.app.heard.lock().unwrap().len(), "a fresh identifier for each attempt");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_attempt_is_made_anew_until_the_application_is_back() {
    let world = World::new().await;
    *world.app.script.lock().unwrap() = vec![Say::Http(503, ""), signed(Status::success())];
    let (session, _) = world.begin().await;
    let index = world.join(&session, true).await;
    let logout = world.end(&session).await;
    let id = logout.logout.clone();
    let pending = world.deliver(logout).await;
    assert_eq!(pending.steps[0].outcome, Outcome::Pending);
    assert_eq!(world.store.retry_now(&id, SystemClock.now()).await.unwrap(), 1);
    let lease = Lease { node: "node".to_owned(), until: SystemClock.now().plus(LEASE) };
    let steps = world.store.claim_due(SystemClock.now(), lease, 10, &[]).await.unwrap();
    let claimed = acquit_store::logout::LoggedOut { logout: id, steps, ended: Vec::new(), repeated: false };
    let receipt = world.deliver(claimed).await;
    assert_eq!((receipt.steps[0].outcome, receipt.steps[0].attempts.len()), (Outcome::Confirmed, 2));
    let heard = world.app.heard.lock().unwrap();
    let [first, second] = &heard[..] else { panic!("{heard:?}") };
    assert_ne!(first.header.id, second.header.id);
    assert_eq!((&first.name_id, &first.session_indexes), (&second.name_id, &vec![index]));
    assert_eq!(first.name_id.value, "ann@example.com");
    assert_eq!(first.name_id.format.as_deref(), Some("urn:x"));
    assert!(first.not_on_or_after.unwrap() >= first.header.issue_instant.plus(HOLDS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_index_the_receipt_says_so_and_a_newer_session_is_spared() {
    let world = World::new().await;
    *world.app.script.lock().unwrap() = vec![signed(Status::success())];
    let (session, _) = world.begin().await;
    world.join(&session, false).await;
    let logout = world.end(&session).await;
    let receipt = world.deliver(logout).await;
    assert_eq!(receipt.steps[0].detail.as_deref(), Some(NO_INDEX));

    let (session, _) = world.begin().await;
    let index = world.join(&session, false).await;
    let logout = world.end(&session).await;
    let (newer, _) = world.begin().await;
    world.join(&newer, false).await;
    let receipt = world.deliver(logout).await;
    assert_eq!((receipt.steps[0].outcome, receipt.steps[0].detail.as_deref()), (Outcome::Confirmed, None));
    let heard = world.app.heard.lock().unwrap();
    assert_eq!(heard[0].session_indexes, Vec::<String>::new());
    assert_eq!(heard[1].session_indexes, [index]);
}

/// An answer that came back to a request, over `http` or `https`.
fn heard(uri: &str, own: &Signer, body: String) -> Heard {
    let asked = Asked {
        id: "_request".to_owned(),
        trust: Some(trust(SP, own)),
        connection: soap::TlsEndpoint::new(SP, uri),
        endpoints: vec![SLO.to_owned()],
        note: None,
        at: Timestamp::from_seconds(1000),
    };
    asked.hear(&Incoming { status: StatusCode::OK, headers: HeaderMap::new(), body: body.into(), cut: false })
}

#[test]
fn the_connection_proves_an_unsigned_answer_and_never_a_wrongly_signed_one() {
    let (own, stranger, now) = (signer("sp"), signer("stranger"), Timestamp::from_seconds(1000));
    let done = |heard: &Heard| matches!(heard, Heard::Said(Said::Done { .. }));
    let (https, http) = ("https://sp.test/slo", "http://sp.test/slo");
    let plain = |id| unsigned(id, Status::success(), now);
    assert!(done(&heard(https, &own, plain("_request"))));
    assert!(!done(&heard(http, &own, plain("_request"))));
    assert!(!done(&heard(https, &own, plain("_other"))), "it answers another request");
    assert!(!done(&heard(https, &own, plain("_request").replace(SP, "https://evil.test"))));
    let answer = |issuer| response(issuer, "_request", Status::success(), now);
    assert!(done(&heard(https, &own, soap::encode(&answer(SP), &own).unwrap())));
    assert!(!done(&heard(https, &own, soap::encode(&answer(SP), &stranger).unwrap())));
    let altered = soap::encode(&response(SP, "_request", Status::new(Code::Responder, "RequestDenied"), now), &own);
    let altered = altered.unwrap().replace("status:Responder", "status:Success");
    assert!(!done(&heard(https, &own, altered)));
}

#[test]
fn an_answer_that_was_cut_or_is_too_old_proves_nothing() {
    let own = signer("sp");
    let old = response(SP, "_request", Status::success(), Timestamp::default().minus(Duration::from_secs(3600)));
    let old = soap::encode(&old, &own).unwrap();
    assert!(matches!(heard("https://sp.test/slo", &own, old), Heard::Said(Said::Unproved { .. })));
}
