//! One HTTP/1.1 exchange over one fresh connection: what the browser and the sample applications speak.
//!
//! Names that end in `.localhost` reach the loopback address, as in browsers; nothing else than loopback is ever reached.

use std::{io, net::IpAddr, time::Duration};

use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};
use url::Url;

/// How long an exchange may take, in all.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The longest response body that is read, in bytes.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// Sends a request, whose URI is absolute, and reads the whole response. `from` is the address to send from, for tests
/// of limits per address; any of 127.0.0.0/8 will do.
///
/// # Errors
/// The connection failed, broke, or nothing came for a minute.
pub async fn exchange(request: Request<Bytes>, from: Option<IpAddr>) -> io::Result<Response<Bytes>> {
    tokio::time::timeout(TIMEOUT, exchange_unbounded(request, from))
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no response within a minute"))?
}

async fn exchange_unbounded(request: Request<Bytes>, from: Option<IpAddr>) -> io::Result<Response<Bytes>> {
    let (mut parts, body) = request.into_parts();
    let uri = parts.uri.clone();
    let host = uri.host().unwrap_or_default().to_owned();
    let port = uri.port_u16().unwrap_or(80);
    let stream = connect(&host, port, from).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    if !parts.headers.contains_key(header::HOST) {
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        parts.headers.insert(header::HOST, HeaderValue::from_str(&authority).map_err(io::Error::other)?);
    }
    parts.uri = uri.path_and_query().map_or("/", |path| path.as_str()).parse().map_err(io::Error::other)?;
    let response = sender.send_request(Request::from_parts(parts, Full::new(body))).await.map_err(io::Error::other)?;
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await.map_err(io::Error::other)?.to_bytes();
    connection.abort();
    Ok(Response::from_parts(parts, body))
}

async fn connect(host: &str, port: u16, from: Option<IpAddr>) -> io::Result<TcpStream> {
    let address = loopback(host)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, format!("{host} is not on this machine")))?;
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(from) = from {
        socket.bind((from, 0).into())?;
    }
    let stream = socket.connect((address, port).into()).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn loopback(host: &str) -> Option<IpAddr> {
    if host == "localhost" || host.ends_with(".localhost") {
        return Some(IpAddr::from([127, 0, 0, 1]));
    }
    let address: IpAddr = host.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    address.is_loopback().then_some(address)
}

/// A GET of `url`.
///
/// # Errors
/// As [`exchange`].
pub async fn get(url: &str) -> io::Result<Response<Bytes>> {
    exchange(Request::get(url).body(Bytes::new()).map_err(io::Error::other)?, None).await
}

/// A POST of a form to `url`, with more headers.
///
/// # Errors
/// As [`exchange`].
pub async fn post_form(url: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> io::Result<Response<Bytes>> {
    let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let mut request = Request::post(url).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    exchange(request.body(Bytes::from(body)).map_err(io::Error::other)?, None).await
}

/// Reads a response as JSON.
///
/// # Errors
/// It is none.
pub fn json(response: &Response<Bytes>) -> io::Result<serde_json::Value> {
    serde_json::from_slice(response.body()).map_err(io::Error::other)
}

/// The origin of a URL as text: `http://127.0.0.1:8080`.
#[must_use]
pub fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Sends these bytes to an address and gives what comes back within a while, however broken the bytes are.
///
/// # Panics
/// Nobody listens there.
pub async fn raw(address: &str, bytes: &[u8]) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(bytes).await;
    let mut answer = vec![0; 4096];
    let read = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut answer)).await;
    let count = read.ok().and_then(Result::ok).unwrap_or(0);
    String::from_utf8_lossy(&answer[..count]).into_owned()
}
