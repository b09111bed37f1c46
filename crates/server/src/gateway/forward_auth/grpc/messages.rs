//! The messages of `envoy.service.auth.v3.Authorization`, as far as they are read or written here. The numbers are those of
//! Envoy's API; what is not listed is passed over, as Protocol Buffers have it.

use std::collections::HashMap;

use axum::http::HeaderName;
use prost::Message;

/// What Envoy asks.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CheckRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) attributes: Option<AttributeContext>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AttributeContext {
    #[prost(message, optional, tag = "4")]
    pub(super) request: Option<Request>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Request {
    #[prost(message, optional, tag = "2")]
    pub(super) http: Option<HttpRequest>,
}

/// The request of the browser.
#[derive(Clone, PartialEq, Message)]
pub(super) struct HttpRequest {
    #[prost(string, tag = "2")]
    pub(super) method: String,
    /// Each header once, with its values joined; not sent where `header_map` is.
    #[prost(map = "string, string", tag = "3")]
    pub(super) headers: HashMap<String, String>,
    /// With the query.
    #[prost(string, tag = "4")]
    pub(super) path: String,
    #[prost(string, tag = "5")]
    pub(super) host: String,
    #[prost(string, tag = "6")]
    pub(super) scheme: String,
    /// Each header as it came (`encode_raw_headers`).
    #[prost(message, optional, tag = "13")]
    pub(super) header_map: Option<HeaderMap>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HeaderMap {
    #[prost(message, repeated, tag = "1")]
    pub(super) headers: Vec<HeaderValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HeaderValue {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) raw_value: Vec<u8>,
}

/// What Envoy is answered. It lets pass where the code is 0.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CheckResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<RpcStatus>,
    #[prost(oneof = "HttpResponse", tags = "2, 3")]
    pub(super) http_response: Option<HttpResponse>,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(string, tag = "2")]
    pub(super) message: String,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum HttpResponse {
    #[prost(message, tag = "2")]
    Denied(Denied),
    #[prost(message, tag = "3")]
    Pass(Pass),
}

/// What the browser gets.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Denied {
    #[prost(message, optional, tag = "1")]
    pub(super) status: Option<HttpStatus>,
    #[prost(message, repeated, tag = "2")]
    pub(super) headers: Vec<HeaderOption>,
    #[prost(string, tag = "3")]
    pub(super) body: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HttpStatus {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
}

/// What becomes of the request's headers.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Pass {
    #[prost(message, repeated, tag = "2")]
    pub(super) headers: Vec<HeaderOption>,
    #[prost(string, repeated, tag = "5")]
    pub(super) headers_to_remove: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HeaderOption {
    #[prost(message, optional, tag = "1")]
    pub(super) header: Option<HeaderValue>,
    /// Whether it stands beside what is there; it takes its place otherwise.
    #[prost(message, optional, tag = "2")]
    pub(super) append: Option<Bool>,
}

/// `google.protobuf.BoolValue`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Bool {
    #[prost(bool, tag = "1")]
    pub(super) value: bool,
}

impl HeaderOption {
    /// A header that takes the place of what came under its name, or stands beside it.
    pub(super) fn new(name: &str, value: &str, append: bool) -> Self {
        // Envoy takes this field alone here.
        let header = HeaderValue { key: name.to_owned(), value: value.to_owned(), ..HeaderValue::default() };
        Self { header: Some(header), append: Some(Bool { value: append }) }
    }

    /// Whether it is of this name.
    pub(super) fn is_of(&self, name: &HeaderName) -> bool {
        self.header.as_ref().is_some_and(|header| header.key == name.as_str())
    }
}
