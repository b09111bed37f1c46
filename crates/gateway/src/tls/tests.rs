use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::generate_simple_self_signed;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::*;
use crate::listener::{self, Options};

const LONG: Duration = Duration::from_secs(60);

fn pem(what: &str, der: &[u8]) -> String {
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", STANDARD.encode(der))
}

/// Writes a certificate for these hosts beside its key.
fn write(folder: &Path, name: &str, hosts: &[&str]) -> (Pair, CertificateDer<'static>) {
    let made = generate_simple_self_signed(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap();
    let pair = Pair { certificate: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")) };
    fs::write(&pair.certificate, pem("CERTIFICATE", made.cert.der())).unwrap();
    fs::write(&pair.key, pem("PRIVATE KEY", &made.signing_key.serialize_der())).unwrap();
    (pair, made.cert.der().clone())
}

/// The certificate for a name.
fn of(certificates: &Certificates, name: Option<&str>) -> CertificateDer<'static> {
    let Source::Files { loaded, .. } = &certificates.source else { panic!("not from files") };
    loaded.read().unwrap().names.of(name).cert[0].clone()
}

#[test]
fn the_name_that_is_asked_for_decides() {
    let folder = TempDir::new().unwrap();
    let (first, a) = write(folder.path(), "a", &["a.example.com", "127.0.0.1"]);
    let (second, b) = write(folder.path(), "b", &["*.Example.com", "b.example.com"]);
    let certificates = Certificates::load(vec![first, second]).unwrap();
    for (name, expected) in [
        (Some("a.example.com"), &a),
        (Some("A.EXAMPLE.com"), &a),
        (Some("c.example.com"), &b),
        (Some("c.d.example.com"), &a),
        (Some("example.com"), &a),
        (None, &a),
    ] {
        assert_eq!(&of(&certificates, name), expected, "{name:?}");
    }
}

#[test]
fn what_cannot_be_used_is_told_and_leaves_the_old_ones() {
    let folder = TempDir::new().unwrap();
    let (pair, old) = write(folder.path(), "a", &["a.example.com"]);
    let certificates = Certificates::load(vec![pair.clone()]).unwrap();
    assert!(!certificates.reload().unwrap(), "nothing has changed");
    // The certificate is replaced before its key.
    let (other, new) = write(folder.path(), "b", &["a.example.com"]);
    fs::copy(&other.certificate, &pair.certificate).unwrap();
    assert!(matches!(certificates.reload(), Err(CertificateError::Unusable { .. })));
    assert_eq!(of(&certificates, None), old);
    fs::copy(&other.key, &pair.key).unwrap();
    assert!(certificates.reload().unwrap());
    assert_eq!(of(&certificates, None), new);
    fs::write(&pair.certificate, "nonsense").unwrap();
    assert!(matches!(certificates.reload(), Err(CertificateError::Pem { .. })));
    fs::remove_file(&pair.key).unwrap();
    assert!(matches!(certificates.reload(), Err(CertificateError::Read { .. })));
    assert_eq!(of(&certificates, None), new);
    assert!(matches!(Certificates::load(Vec::new()), Err(CertificateError::None)));
}

#[test]
fn a_certificate_for_nobody_is_refused() {
    let folder = TempDir::new().unwrap();
    let (pair, _) = write(folder.path(), "a", &[]);
    let error = Certificates::load(vec![pair]).unwrap_err();
    assert!(error.to_string().ends_with("it names no host"), "{error}");
}

/// A server that says which HTTP it speaks.
async fn server(certificates: Certificates) -> (std::net::SocketAddr, tokio_util::sync::DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let options = Options { tls: Some(Arc::new(certificates).config().unwrap()), ..Options::default() };
    let answer = |request: http::Request<hyper::body::Incoming>, _| async move {
        http::Response::new(http_body_util::Full::new(bytes::Bytes::from(format!("{:?}", request.version()))))
    };
    tokio::spawn(listener::serve(listener, options, answer, stop.clone()));
    (address, stop.drop_guard())
}

async fn connect(
    address: std::net::SocketAddr,
    root: CertificateDer<'static>,
    (name, protocol): (&'static str, &[u8]),
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name).unwrap(), stream).await
}

#[tokio::test]
async fn browsers_agree_on_http_and_get_the_certificate_that_they_ask_for() {
    let folder = TempDir::new().unwrap();
    let (pair, certificate) = write(folder.path(), "a", &["a.example.com"]);
    let (address, _stop) = server(Certificates::load(vec![pair]).unwrap()).await;
    let mut stream = connect(address, certificate.clone(), ("a.example.com", b"http/1.1")).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut heard = String::new();
    let _ = stream.read_to_string(&mut heard).await;
    assert!(heard.ends_with("HTTP/1.1"), "{heard}");
    let stream = connect(address, certificate.clone(), ("a.example.com", b"h2")).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) = hyper::client::conn::http2::handshake(
        hyper_util::rt::TokioExecutor::new(),
        hyper_util::rt::TokioIo::new(stream),
    )
    .await
    .unwrap();
    tokio::spawn(connection);
    let request =
        http::Request::get("https://a.example.com/").body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    assert_eq!(body, "HTTP/2.0");
    assert!(connect(address, certificate, ("b.example.com", b"h2")).await.is_err(), "it is not for everybody");
}

#[tokio::test]
async fn for_development_each_name_gets_a_certificate_of_its_own() {
    let certificates = Certificates::development().unwrap();
    let Source::Made(made) = &certificates.source else { panic!("from files") };
    let (one, two) = (made.of(Some("a.localhost")).unwrap(), made.of(Some("b.localhost")).unwrap());
    assert!(one.cert != two.cert && made.of(Some("A.localhost")).unwrap().cert == one.cert);
    assert_eq!(names::hosts(&one.cert[0]).unwrap(), ["a.localhost"]);
    let root = one.cert[0].clone();
    let (address, _stop) = server(certificates).await;
    connect(address, root, ("a.localhost", b"h2")).await.unwrap();
}

#[test]
fn who_asks_for_many_names_fills_no_memory() {
    let certificates = Certificates::development().unwrap();
    let Source::Made(made) = &certificates.source else { panic!("from files") };
    for number in 0..MANY {
        made.of(Some(&format!("{number}.localhost"))).unwrap();
    }
    assert_eq!(made.of(Some("one.more")).unwrap().cert, made.of(None).unwrap().cert);
}
const MANY: usize = 256;

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_go_on_is_given_up() {
    let (address, _stop) = server(Certificates::development().unwrap()).await;
    for said in [&b"\x16\x03\x01"[..], b"GET / HTTP/1.1\r\n\r\n"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said).await.unwrap();
        let end = timeout(LONG, stream.read_to_end(&mut Vec::new())).await;
        assert!(end.is_ok(), "the server hangs up");
    }
}
