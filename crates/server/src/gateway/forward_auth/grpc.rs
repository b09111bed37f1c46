//! Envoy's `ext_authz` by gRPC: one call, one message each way, on a socket of its own (`gateway.envoy_listen`). It is answered as by
//! HTTP.

mod messages;

use acquit_gateway::forward_auth::{Misconfigured, Original, Refused, envoy};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::Response,
    routing::post,
};
use http_body_util::{BodyExt, Limited, StreamBody};
use hyper::body::Frame;
use prost::Message;

use self::messages::{
    CheckRequest, CheckResponse, Denied, HeaderOption, HttpRequest, HttpResponse, HttpStatus, Pass, RpcStatus,
};
use super::{Answer, ask, only_trusted};
use crate::{App, form::read_at_most};

/// The only call.
const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
/// The longest message that is read: Envoy takes 60 KiB of headers, and sends them once.
const MAX_MESSAGE: usize = 128 * 1024;
/// The longest page that a browser is given in place of the app's.
const MAX_PAGE: usize = 256 * 1024;
/// The bytes before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Codes of gRPC, for calls that are not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    InvalidArgument = 3,
    PermissionDenied = 7,
    Unimplemented = 12,
    Internal = 13,
}

/// The doors of that socket.
pub fn routes(app: App) -> Router {
    Router::new().route(CHECK, post(check)).fallback(nothing_else).with_state(app)
}

async fn nothing_else() -> Response {
    failed(Code::Unimplemented, "nothing but envoy.service.auth.v3.Authorization/Check is answered here")
}

async fn check(State(app): State<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    if only_trusted(&parts, &app).is_err() {
        return failed(Code::PermissionDenied, "forward-auth answers trusted proxies only");
    }
    if !is_grpc(&parts.headers) {
        return failed(Code::InvalidArgument, "this is no call of gRPC");
    }
    match asked(body).await {
        Ok(asked) => match answer(decide(&app, parts, asked).await).await {
            Some(said) => succeeded(&said),
            None => failed(Code::Internal, "the answer could not be put together"),
        },
        Err(words) => failed(Code::InvalidArgument, words),
    }
}

/// What a call asks about, or what is wrong with it.
async fn asked(body: Body) -> Result<HttpRequest, &'static str> {
    let body = read_at_most(body, PREFIX + MAX_MESSAGE).await;
    let body = body.map_err(|_| "the message is too long, takes too long, or broke off")?;
    message(&body).ok_or("this is no CheckRequest")
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    kind == b"application/grpc" || kind.starts_with(b"application/grpc+proto")
}

/// The one message of a call, which is not compressed: nobody was told that it may be.
fn message(body: &[u8]) -> Option<HttpRequest> {
    let (prefix, message) = body.split_at_checked(PREFIX)?;
    let length = u32::from_be_bytes(prefix.get(1..)?.try_into().ok()?);
    if prefix.first() != Some(&0) || usize::try_from(length).ok()? != message.len() {
        return None;
    }
    CheckRequest::decode(message).ok()?.attributes?.request?.http
}

/// Decides about the browser's request, as Envoy describes it.
async fn decide(app: &App, mut parts: Parts, asked: HttpRequest) -> Answer {
    match read(&asked) {
        Ok((original, headers)) => {
            // From here on it is the browser's request that asks, and not Envoy's.
            parts.method = original.method.clone();
            parts.headers = headers;
            ask(app, &parts, Ok(original)).await
        }
        Err(refused) => Answer::from(refused),
    }
}

fn read(asked: &HttpRequest) -> Result<(Original, HeaderMap), Refused> {
    // Joined values cannot be told apart again: a cookie could hide another one.
    let raw = asked.header_map.as_ref().ok_or(Misconfigured::Absent("header_map (`encode_raw_headers: true`)"))?;
    let mut headers = HeaderMap::new();
    for header in raw.headers.iter().filter(|header| !header.key.starts_with(':')) {
        let value = if header.raw_value.is_empty() { header.value.as_bytes() } else { &header.raw_value };
        match (HeaderName::from_bytes(header.key.as_bytes()), HeaderValue::from_bytes(value)) {
            (Ok(name), Ok(value)) => drop(headers.append(name, value)),
            _ => return Err(Misconfigured::Malformed("header_map").into()),
        }
    }
    let original = envoy::described(&asked.method, &asked.scheme, &asked.host, &asked.path)?;
    Ok((original, headers))
}

/// What Envoy is told.
async fn answer(answer: Answer) -> Option<CheckResponse> {
    let response = match answer {
        Answer::Pass(headers) => {
            let headers = options(&headers);
            // What was not said anew would go on as it came, with what is ours in it.
            let keeps_cookies = headers.iter().any(|option| option.is_of(&header::COOKIE));
            let headers_to_remove = if keeps_cookies { Vec::new() } else { vec!["cookie".to_owned()] };
            let pass = Pass { headers, headers_to_remove };
            let status = Some(RpcStatus::default());
            return Some(CheckResponse { status, http_response: Some(HttpResponse::Pass(pass)) });
        }
        other => other.for_proxy(),
    };
    let (mut parts, body) = response.into_parts();
    // Envoy writes it for what it sends.
    parts.headers.remove(header::CONTENT_LENGTH);
    let body = Limited::new(body, MAX_PAGE).collect().await.ok()?.to_bytes();
    let denied = Denied {
        status: Some(HttpStatus { code: i32::from(parts.status.as_u16()) }),
        headers: options(&parts.headers),
        body: String::from_utf8(body.to_vec()).ok()?,
    };
    let status = Some(RpcStatus { code: Code::PermissionDenied as i32, message: String::new() });
    Some(CheckResponse { status, http_response: Some(HttpResponse::Denied(denied)) })
}

/// Each header in place of what is there; more values of a name stand beside its first. Only text can be said here.
fn options(headers: &HeaderMap) -> Vec<HeaderOption> {
    let one = |name: &HeaderName| {
        let texts = headers.get_all(name).iter().filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
        let texts: Vec<_> = texts.map(str::to_owned).collect();
        let options = texts.iter().enumerate().map(|(index, text)| HeaderOption::new(name.as_str(), text, index > 0));
        options.collect::<Vec<_>>()
    };
    headers.keys().flat_map(one).collect()
}

fn succeeded(said: &CheckResponse) -> Response {
    let message = said.encode_to_vec();
    let Ok(length) = u32::try_from(message.len()) else {
        return failed(Code::Internal, "the answer is too long");
    };
    let mut framed = Vec::with_capacity(PREFIX + message.len());
    framed.push(0);
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(&message);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let frames = [Frame::data(Bytes::from(framed)), Frame::trailers(trailers)];
    let frames = futures_util::stream::iter(frames.map(Ok::<_, std::convert::Infallible>));
    called(Body::new(StreamBody::new(frames)))
}

fn failed(code: Code, words: &'static str) -> Response {
    let mut response = called(Body::empty());
    let headers = response.headers_mut();
    headers.insert("grpc-status", HeaderValue::from(code as u16));
    headers.insert("grpc-message", HeaderValue::from_static(words));
    response
}

fn called(body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::Method;
    use futures_util::StreamExt;

    use super::{
        messages::{AttributeContext, HeaderMap as RawHeaders, HeaderValue as RawHeader, Request as RawRequest},
        *,
    };

    fn raw(pairs: &[(&str, &[u8])]) -> RawHeaders {
        let header = |(key, value): &(&str, &[u8])| RawHeader {
            key: (*key).to_owned(),
            raw_value: value.to_vec(),
            ..RawHeader::default()
        };
        RawHeaders { headers: pairs.iter().map(header).collect() }
    }

    fn describing(pairs: &[(&str, &[u8])]) -> HttpRequest {
        HttpRequest {
            method: "GET".to_owned(),
            path: "/x?y=1".to_owned(),
            host: "A.example.com".to_owned(),
            scheme: "https".to_owned(),
            header_map: Some(raw(pairs)),
            ..HttpRequest::default()
        }
    }

    fn framed(asked: HttpRequest) -> Vec<u8> {
        let attributes = AttributeContext { request: Some(RawRequest { http: Some(asked) }) };
        let message = CheckRequest { attributes: Some(attributes) }.encode_to_vec();
        [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), &message].concat()
    }

    #[test]
    fn a_request_is_read_as_it_came() {
        let sent = describing(&[(":path", b"/other"), ("cookie", b"a=\xe9"), ("cookie", b"b=2"), ("accept", b"*/*")]);
        let heard = message(&framed(sent.clone())).unwrap();
        assert_eq!(heard, sent);
        let (original, headers) = read(&heard).unwrap();
        assert_eq!((original.method, original.https), (Method::GET, true));
        assert_eq!((original.host.as_str(), original.target.as_str()), ("a.example.com", "/x?y=1"));
        let cookies: Vec<_> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(cookies, [&b"a=\xe9"[..], b"b=2"]);
        assert_eq!(headers.len(), 3, "what begins with a colon is no header");
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_comes_slowly_is_waited_for_and_one_that_never_ends_is_not() {
        let whole = framed(describing(&[]));
        let pieces = |bytes: Vec<u8>| {
            let each = bytes.into_iter().map(|byte| Ok::<_, std::io::Error>(Bytes::from(vec![byte])));
            futures_util::stream::iter(each).then(async |piece| {
                tokio::time::sleep(Duration::from_millis(100)).await;
                piece
            })
        };
        assert!(whole.len() < 200, "{}", whole.len());
        assert_eq!(asked(Body::from_stream(pieces(whole.clone()))).await, Ok(describing(&[])));
        let stalls = pieces(whole[..20].to_vec()).chain(futures_util::stream::pending());
        let drips = pieces(vec![0; PREFIX + MAX_MESSAGE]);
        for body in [Body::from_stream(stalls), Body::from_stream(drips)] {
            let given_up = tokio::time::timeout(Duration::from_secs(60), asked(body)).await;
            assert!(given_up.expect("nobody waits for ever").unwrap_err().contains("takes too long"));
        }
    }

    #[test]
    fn what_is_no_call_of_one_whole_message_is_none() {
        let good = framed(describing(&[]));
        assert!(message(&good).is_some());
        let mut compressed = good.clone();
        compressed[0] = 1;
        for wrong in [&[][..], &good[..4], &good[..good.len() - 1], &[&good[..], &[0]].concat(), &compressed, &[0; 5]] {
            assert_eq!(message(wrong), None);
        }
        assert_eq!(message(&[0, 0, 0, 0, 1, 0xff]), None, "no Protocol Buffers");
    }

    #[test]
    fn what_envoy_must_say_and_does_not_is_the_operators_to_correct() {
        let joined = HttpRequest { header_map: None, ..describing(&[]) };
        let wrong = |asked: &HttpRequest| read(asked).unwrap_err();
        assert!(matches!(wrong(&joined), Refused::Misconfigured(Misconfigured::Absent(_))));
        for pairs in [&[("a b", &b"x"[..])][..], &[("a", b"x\ny")]] {
            assert_eq!(wrong(&describing(pairs)), Misconfigured::Malformed("header_map").into());
        }
        let schemeless = HttpRequest { scheme: String::new(), ..describing(&[]) };
        assert!(matches!(wrong(&schemeless), Refused::Misconfigured(Misconfigured::Malformed(_))));
    }

    #[test]
    fn of_several_values_the_first_takes_the_place_and_the_others_stand_beside_it() {
        let mut headers = HeaderMap::new();
        headers.append(header::SET_COOKIE, HeaderValue::from_static("a=1"));
        headers.append(header::SET_COOKIE, HeaderValue::from_static("b=2"));
        headers.append(header::COOKIE, HeaderValue::from_bytes(b"c=\xe9").unwrap());
        let appended: Vec<bool> = options(&headers).into_iter().map(|option| option.append.unwrap().value).collect();
        assert_eq!(appended, [false, true], "and what is no text is not said");
    }
}
