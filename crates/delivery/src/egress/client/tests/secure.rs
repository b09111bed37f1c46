//! TLS: the certificate is checked against the host of the URL, whatever address was dialled.

use tokio_rustls::{TlsAcceptor, rustls as server};

use super::*;
use crate::egress::certificates;

struct Authority {
    certificate: CertificateDer<'static>,
    acceptor: TlsAcceptor,
}

/// A self-signed receiver for `name`, speaking the given protocols.
fn authority(name: &str, alpn: &[&[u8]]) -> Authority {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = rustls_pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(server::crypto::aws_lc_rs::default_provider());
    let mut config = server::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Authority { certificate: made.cert.der().clone(), acceptor: TlsAcceptor::from(Arc::new(config)) }
}

fn trusting(root: &CertificateDer<'static>, names: &Arc<Names>) -> Egress {
    Egress::new(Options {
        policy: loopback(),
        resolver: Arc::<Names>::clone(names),
        extra_roots: vec![root.clone()],
        limits: Limits::default(),
    })
    .unwrap()
}

#[tokio::test]
async fn the_name_in_the_url_must_be_the_name_in_the_certificate() {
    let tls = authority("app.example", &[b"http/1.1"]);
    let receiver = Receiver::with_tls(Some(tls.acceptor.clone()), |_, _| ok()).await;
    let names = Names::new(&[&["127.0.0.1"]]);
    let egress = trusting(&tls.certificate, &names);
    let port = receiver.address.port();
    assert_eq!(egress.send(post(format!("https://app.example:{port}/"))).await.unwrap().status, StatusCode::OK);
    let other = egress.send(post(format!("https://other.example:{port}/"))).await;
    assert!(matches!(&other, Err(Trouble::Tls(_))), "{other:?}");
    let number = egress.send(post(format!("https://127.0.0.1:{port}/"))).await;
    assert!(matches!(&number, Err(Trouble::Tls(_))), "{number:?}");
    assert_eq!(receiver.requests().len(), 1);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (tls, stranger) = (authority("app.example", &[]), authority("app.example", &[]));
    let receiver = Receiver::with_tls(Some(tls.acceptor.clone()), |_, _| ok()).await;
    let names = Names::new(&[&["127.0.0.1"]]);
    let url = format!("https://app.example:{}/", receiver.address.port());
    let result = trusting(&stranger.certificate, &names).send(post(&url)).await;
    assert!(matches!(&result, Err(Trouble::Tls(_))), "{result:?}");
}

#[tokio::test]
async fn without_any_root_https_fails_and_says_what_is_missing() {
    let tls = authority("app.example", &[]);
    let receiver = Receiver::with_tls(Some(tls.acceptor.clone()), |_, _| ok()).await;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let shared = Arc::new(Shared {
        resolver: Names::new(&[&["127.0.0.1"]]),
        tls: Arc::new(config),
        has_roots: false,
        limits: Limits::default(),
    });
    let pool = Mutex::new(Pool::new(&shared, Arc::new(loopback())));
    let result = Egress { shared, pool }.send(post(format!("https://app.example:{}/", receiver.address.port()))).await;
    assert!(matches!(&result, Err(Trouble::Tls(detail)) if detail.contains("ca-certificates")), "{result:?}");
}

#[tokio::test]
async fn http_2_is_spoken_where_it_is_offered_and_carries_many_requests_at_once() {
    use hyper::{server::conn::http2, service::service_fn};
    use hyper_util::rt::TokioIo;

    let tls = authority("app.example", &[b"h2", b"http/1.1"]);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = tls.acceptor.clone();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let stream = acceptor.accept(stream).await.unwrap();
        let service = service_fn(|request: Request<Body>| async move {
            assert_eq!(request.version(), http::Version::HTTP_2);
            Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from_static(b"two"))))
        });
        http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await
    });
    let names = Names::new(&[&["127.0.0.1"]]);
    let egress = trusting(&tls.certificate, &names);
    let url = format!("https://app.example:{port}/");
    assert_eq!(&egress.send(post(&url)).await.unwrap().body[..], b"two");
    let answers = futures_util::future::join_all((0..20).map(|_| egress.send(post(&url)))).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer.status == StatusCode::OK)));
    server.abort();
}

#[test]
fn extra_roots_must_be_certificates() {
    assert!(certificates(b"").is_err());
    assert!(certificates(b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n").is_err());
    let options = Options { extra_roots: vec![CertificateDer::from(vec![1, 2, 3])], ..Options::new(Policy::default()) };
    assert!(matches!(Egress::new(options), Err(EgressError::Root(_))));
}
