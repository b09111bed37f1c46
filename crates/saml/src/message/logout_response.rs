//! LogoutResponse (Core section 3.7.2).

use super::{Header, Kind, Part, Received, Signed, Status};
use crate::{BuildError, Error, xml::Writer};

/// How a logout went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutResponse {
    /// What it begins with.
    pub header: Header,
    /// How it went.
    pub status: Status,
}

impl LogoutResponse {
    /// Reads an answer that was verified, to the request with that identifier.
    ///
    /// # Errors
    /// [`Error`]; [`Error::InResponseTo`] when it answers something else. A status that says no is no error here: it is
    /// the answer.
    pub fn from_signed(signed: &Signed<'_>, request: &str) -> Result<Received<Self>, Error> {
        let node = signed.node(Kind::LogoutResponse)?;
        if signed.header().in_response_to.as_deref() != Some(request) {
            return Err(Error::InResponseTo);
        }
        Ok(Received::of(Self { header: signed.header().clone(), status: Status::read(node)? }))
    }
}

impl Part for LogoutResponse {
    const NAME: &'static str = "samlp:LogoutResponse";
    const REQUEST: bool = false;

    fn header(&self) -> &Header {
        &self.header
    }

    fn body(&self, out: &mut Writer) -> Result<(), BuildError> {
        self.status.write(out);
        Ok(())
    }
}
