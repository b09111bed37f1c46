//! The messages of artifact resolution (Core section 3.5).

use super::{Expect, Header, Kind, Part, Received, Signed, Status};
use crate::{
    BuildError, Error,
    binding::artifact::Artifact,
    xml::{Writer, names::SAMLP},
};

/// Wants the message behind an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactResolve {
    /// What it begins with.
    pub header: Header,
    /// The artifact.
    pub artifact: Artifact,
}

impl ArtifactResolve {
    /// Reads a request that was verified.
    ///
    /// # Errors
    /// [`Error`]
    pub fn from_signed(signed: &Signed<'_>) -> Result<Received<Self>, Error> {
        let node = signed.node(Kind::ArtifactResolve)?;
        let artifact = Artifact::parse(&node.one(SAMLP, "Artifact")?.text()?)?;
        Ok(Received::of(Self { header: signed.header().clone(), artifact }))
    }
}

impl Part for ArtifactResolve {
    const NAME: &'static str = "samlp:ArtifactResolve";
    const REQUEST: bool = true;

    fn header(&self) -> &Header {
        &self.header
    }

    fn body(&self, out: &mut Writer) -> Result<(), BuildError> {
        out.leaf("samlp:Artifact", &self.artifact.to_string());
        Ok(())
    }
}

/// Brings the message behind an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactResponse {
    /// What it begins with.
    pub header: Header,
    /// How it went. An unknown, used or foreign artifact is a success without a message (Core section 3.5.3).
    pub status: Status,
    /// The message as [`Outbound`](super::Outbound) wrote it; absent when there is none for this requester.
    pub message: Option<String>,
}

impl ArtifactResponse {
    /// The message that a verified answer to that request brings, if it brings one; its signature covers that message.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Status`] when the answer is no.
    pub fn inner<'m>(
        signed: &Signed<'m>,
        request: &str,
        kind: Kind,
        expect: &Expect<'_>,
    ) -> Result<Option<Signed<'m>>, Error> {
        let node = signed.node(Kind::ArtifactResponse)?;
        if signed.header().in_response_to.as_deref() != Some(request) {
            return Err(Error::InResponseTo);
        }
        let status = Status::read(node)?;
        if status.code != super::Code::Success {
            return Err(Error::Status(Box::new(status)));
        }
        let mut rest = node.children().skip_while(|child| !child.is(SAMLP, "Status")).skip(1);
        let (message, more) = (rest.next(), rest.next());
        match (message, more) {
            (None, _) => Ok(None),
            (Some(_), Some(_)) => Err(Error::Twice("message")),
            (Some(message), None) => {
                let inner = signed.inner(message, expect)?;
                inner.node(kind)?;
                Ok(Some(inner))
            }
        }
    }
}

impl Part for ArtifactResponse {
    const NAME: &'static str = "samlp:ArtifactResponse";
    const REQUEST: bool = false;

    fn header(&self) -> &Header {
        &self.header
    }

    fn body(&self, out: &mut Writer) -> Result<(), BuildError> {
        self.status.write(out);
        if let Some(message) = &self.message {
            out.embed(message);
        }
        Ok(())
    }
}
