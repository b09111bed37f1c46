//! Passes a request on to an Acquit server elsewhere, as a proxy in front of it does: in the name of the route's host, and saying who
//! asked.

use std::time::Duration;

use http::{HeaderValue, Method, Request, Response, Version, header, uri::Authority};
use hyper::body::{Body, Incoming};
use ipnet::IpNet;
use rustls_pki_types::CertificateDer;
use tokio::time::timeout;
use url::Url;

use acquit_delivery::egress::EgressError;

use super::{
    upload::{Progress, Upload},
    upstream::{Answer, Dialer, Upstream},
};
use crate::{
    hygiene::{forwarded, headers},
    listener::Caller,
    origin::Origin,
};

/// How long the server may take to begin its answer: it answers itself when its store does not.
const WITHIN: Duration = Duration::from_secs(30);

/// Why nothing came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The request is none for a server: nothing was sent.
    #[error("the request cannot be passed on")]
    Request,
    /// The server took no connection, broke off or took too long. What the request asked for may have happened in the last two cases.
    #[error("the server does not answer")]
    Server,
}

/// The way to an Acquit server.
#[derive(Debug)]
pub struct Onward(Upstream);

impl Onward {
    /// To the server at this `http` or `https` URL; none for any other.
    ///
    /// # Errors
    /// [`EgressError`] for a root that cannot be used.
    pub fn new(url: &Url, extra_roots: Vec<CertificateDer<'static>>) -> Result<Option<Self>, EgressError> {
        Ok(Upstream::of(url, &Dialer::new(extra_roots)?).map(Self))
    }

    /// Passes a request on that `caller` made at `origin`, and the head of the answer back; the bodies follow by themselves. The URI has
    /// the path and the query only.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn pass(
        &self,
        request: Request<Incoming>,
        (caller, origin): (&Caller, &Origin),
        trusted: &[IpNet],
    ) -> Result<Response<Answer>, Unanswered> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().cloned().filter(|_| parts.method != Method::CONNECT);
        let path = path.ok_or(Unanswered::Request)?;
        let host = Authority::try_from(origin.authority()).map_err(|_| Unanswered::Request)?;
        let upload = if body.is_end_stream() {
            Upload::Nothing
        } else {
            Upload::new(body, Progress::begin(), None, caller.clone())
        };
        // Nothing but the method, the headers and the body: what else hyper knows is of the browser's connection.
        let mut onward = Request::new(upload);
        *onward.method_mut() = parts.method;
        *onward.headers_mut() = parts.headers;
        let headers = onward.headers_mut();
        headers::clean_request(headers);
        forwarded::write(headers, caller.told(), origin, trusted);
        headers.insert(header::HOST, HeaderValue::try_from(origin.authority()).map_err(|_| Unanswered::Request)?);
        let mut onward = Some(onward);
        let sent = timeout(WITHIN, self.0.send(&mut onward, (&host, &path), false)).await;
        let mut response = match sent {
            Ok(Ok(response)) if !response.status().is_informational() => response,
            Ok(Ok(_)) => return Err(Unanswered::Server),
            Ok(Err(failure)) => {
                tracing::warn!(error = failure.error(), "the Acquit server behind this gateway does not answer");
                return Err(Unanswered::Server);
            }
            Err(_) => {
                tracing::warn!("the Acquit server behind this gateway does not answer in time");
                return Err(Unanswered::Server);
            }
        };
        headers::clean_hops(response.headers_mut());
        *response.version_mut() = Version::HTTP_11;
        Ok(response)
    }
}
