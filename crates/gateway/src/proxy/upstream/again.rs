//! What may be sent again although it was sent: a request that an app of HTTP/2 says it did not begin.

use std::error::Error;

use http::Request;

use crate::proxy::upload::Upload;

/// How often a request is sent again that an app refused to begin.
pub(super) const AGAIN: u32 = 2;

/// A copy of a request that has no body.
pub(super) fn copy(request: &Request<Upload>) -> Option<Request<Upload>> {
    let Upload::Nothing = request.body() else { return None };
    let mut copy = Request::new(Upload::Nothing);
    *copy.method_mut() = request.method().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

/// Whether an app of HTTP/2 says that it did nothing with a request (RFC 9113 section 8.7): it refused the stream, or goes away and took
/// none after an earlier one.
pub(super) fn was_not_begun(error: &hyper::Error) -> bool {
    let error = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
    error.filter(|error| error.is_remote()).is_some_and(|error| {
        error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM)
            || error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR)
    })
}
