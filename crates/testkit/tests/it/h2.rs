//! HTTP/2 held to the cases that `h2spec` looks at, one by one, and to what floods and games with windows may cost. All of it is
//! said frame by frame to the gateway's own socket.

use std::net::SocketAddr;

use acquit_testkit::{
    Engine, Setup, TestApp,
    acquit::InProcess,
    frames::{Block, Frame, Frames, flag},
    peers::free_port,
};
use base64::Engine as _;
use rustls_pki_types::CertificateDer;

mod app;
mod case;
mod definitions;
mod floods;
mod framing;
mod generic;
mod hpack;
mod list;
mod messages;
mod smuggling;
mod starting;
mod streams;
mod upstreams;
mod websocket;

use app::App;
use case::Section;

/// The host of the route.
const HOST: &str = "app.localhost";

/// Acquit with a route to an app, by TLS where there is a certificate.
struct World<A = App> {
    acquit: TestApp<InProcess>,
    app: A,
    gateway: SocketAddr,
    certificate: Option<CertificateDer<'static>>,
    _files: tempfile::TempDir,
}

/// Whom the cases are said to, and how a request is put that is answered.
#[derive(Clone)]
struct Target {
    address: SocketAddr,
    /// By TLS, where there is one.
    certificate: Option<CertificateDer<'static>>,
    scheme: &'static str,
    authority: String,
    /// A path that everybody may ask for.
    path: &'static str,
    /// One that is not answered while the test goes on, where there is one.
    held: &'static str,
    /// Whether the app behind it says what it was asked.
    echoes: bool,
}

impl World {
    async fn start(by_tls: bool) -> Self {
        let app = App::start().await;
        let address = app.address;
        Self::before(app, address, by_tls, "").await
    }
}

impl<A> World<A> {
    /// Before an app at this address, with more said of the route.
    async fn before(app: A, address: SocketAddr, by_tls: bool, more: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        let (own, port) = (free_port(), free_port());
        let (tls, certificate) = if by_tls { certified(&files) } else { (String::new(), None) };
        let scheme = if by_tls { "https" } else { "http" };
        let gateway = format!(
            "[gateway]\nlisten = \"127.0.0.1:{port}\"\n{tls}\n[[gateway.routes]]\nfrom = \"{scheme}://{HOST}:{port}\"\n\
             to = \"http://{address}\"\nallow = {{ everyone = true }}\npublic_paths = [\"/open\"]\n{more}\n"
        );
        let acquit = Setup::on(Engine::Sqlite).host("id.localhost").port(own).with(&gateway).start(&[]).await;
        Self { acquit, app, gateway: SocketAddr::from(([127, 0, 0, 1], port)), certificate, _files: files }
    }

    /// The gateway's own socket.
    fn gateway(&self) -> Target {
        Target {
            address: self.gateway,
            certificate: self.certificate.clone(),
            scheme: if self.certificate.is_some() { "https" } else { "http" },
            authority: format!("{HOST}:{}", self.gateway.port()),
            path: "/open",
            held: "/open/held",
            echoes: true,
        }
    }

    /// The socket of Acquit's own doors, by prior knowledge.
    fn doors(&self) -> Target {
        let authority = self.acquit.url("").replace("http://", "");
        let port = authority.rsplit(':').next().unwrap().parse().unwrap();
        Target {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            certificate: None,
            scheme: "http",
            authority,
            path: "/.well-known/openid-configuration",
            held: "/.well-known/openid-configuration",
            echoes: false,
        }
    }
}

impl Target {
    async fn connect(&self) -> Frames {
        match &self.certificate {
            Some(certificate) => Frames::tls(self.address, HOST, certificate).await,
            None => Frames::plain(self.address).await,
        }
    }

    /// A whole request on this stream with this block.
    fn asks(stream: u32, block: Block) -> Frame {
        Frame::headers(stream, flag::END_HEADERS | flag::END_STREAM, block)
    }

    /// The block of a request for the path that everybody may ask for.
    fn block(&self, method: &str) -> Block {
        Block::request(method, self.scheme, &self.authority, self.path)
    }

    /// The HEADERS of a whole request on this stream.
    fn get(&self, stream: u32) -> Frame {
        Self::asks(stream, self.block("GET"))
    }

    /// The HEADERS of a request on this stream that is to have a body.
    fn post(&self, stream: u32) -> Frame {
        Frame::headers(stream, flag::END_HEADERS, self.block("POST"))
    }

    /// The HEADERS of a whole request on this stream that is not answered.
    fn hold(&self, stream: u32) -> Frame {
        Self::asks(stream, Block::request("GET", self.scheme, &self.authority, self.held))
    }
}

/// The configuration of a certificate that is made for the route's host, and the certificate.
fn certified(files: &tempfile::TempDir) -> (String, Option<CertificateDer<'static>>) {
    use std::os::unix::fs::PermissionsExt as _;
    let made = rcgen::generate_simple_self_signed(vec![HOST.to_owned()]).unwrap();
    let (chain, key) = (files.path().join("app.pem"), files.path().join("app.key"));
    std::fs::write(&chain, pem("CERTIFICATE", made.cert.der())).unwrap();
    std::fs::write(&key, pem("PRIVATE KEY", &made.signing_key.serialize_der())).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let tls = format!("certificates = [{{ chain = \"{}\", key = \"{}\" }}]\n", chain.display(), key.display());
    (tls, Some(made.cert.der().clone()))
}

fn pem(what: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", lines.join("\n"))
}

/// Every section, in the order of the list.
fn sections(target: &Target) -> Vec<Section> {
    [
        generic::sections(target),
        starting::sections(),
        framing::sections(target),
        streams::sections(target),
        definitions::sections(target),
        messages::sections(target),
        hpack::sections(target),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn every_case_of_the_list_has_its_row() {
    let world = Target {
        address: SocketAddr::from(([127, 0, 0, 1], 1)),
        certificate: None,
        scheme: "http",
        authority: HOST.to_owned(),
        path: "/",
        held: "/",
        echoes: true,
    };
    let rows: Vec<(String, usize)> =
        sections(&world).iter().map(|section| (section.name.to_owned(), section.cases.len())).collect();
    let list: Vec<(String, usize)> = list::CASES.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    assert_eq!(rows, list);
    assert_eq!(rows.iter().map(|(_, count)| count).sum::<usize>(), list::ALL);
}

#[tokio::test]
async fn the_gateway_answers_every_case_over_tls_as_its_row_says() {
    let world = World::start(true).await;
    case::run(&world.gateway(), sections).await;
    assert!(world.app.asked() > 0, "the app was there all the time");
}

#[tokio::test]
async fn acquits_own_doors_answer_every_case_as_its_row_says() {
    let world = World::start(false).await;
    case::run(&world.doors(), sections).await;
}

#[tokio::test]
async fn what_could_be_read_in_two_ways_does_not_reach_the_app_by_http_2() {
    let world = World::start(true).await;
    case::run(&world.gateway(), smuggling::sections).await;
    assert_eq!(world.app.asked(), 0);
    case::run(&world.gateway(), smuggling::passed).await;
    assert_eq!(world.app.asked(), 1);
}
