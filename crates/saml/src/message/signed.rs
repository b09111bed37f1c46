//! From bytes to what may be believed.

use std::{ops::Deref, time::Duration};

use acquit_core::time::Timestamp;

use super::{Expect, Header, Kind};
use crate::{
    Error,
    binding::{Arrived, DetachedSignature, Transport, soap::TlsEndpoint},
    security::{Gated, Library, Trust, XmlSecurity, gate},
    xml::{
        Caps, Node, Xml,
        names::{SAML, SAMLP, SOAP, XENC},
    },
};

/// A message that arrived and is well formed. Nothing in it is believed yet; [`Self::issuer`] is only to look up the keys.
pub struct Message<'a> {
    xml: Xml<'a>,
    kind: Kind,
    header: Header,
    transport: &'a Transport,
    gated: Vec<Gated>,
}

impl<'a> Message<'a> {
    /// Parses what arrived, which must be one of the kinds that the endpoint takes, and refuses every signature of a wrong
    /// shape before any cryptography.
    ///
    /// # Errors
    /// [`Error`]
    pub fn open(arrived: &'a Arrived, kinds: &[Kind]) -> Result<Self, Error> {
        let xml = Xml::parse(arrived.xml(), Caps::MESSAGE)?;
        let (kind, header, gated) = {
            let root = message_root(&xml, arrived.transport())?;
            let kind = Kind::of(root).filter(|kind| kinds.contains(kind)).ok_or(Error::Kind)?;
            let named = match arrived.transport() {
                Transport::Redirect { request, .. } | Transport::Post { request } => Some(*request),
                Transport::Soap => None,
            };
            if named.is_some_and(|request| request != kind.is_request()) {
                return Err(Error::Kind);
            }
            // Profiles section 4.1.2: a Response comes by POST or Artifact.
            if kind == Kind::Response && matches!(arrived.transport(), Transport::Redirect { .. }) {
                return Err(Error::Kind);
            }
            let gated = gate(xml.root()?, &signable(root))?;
            // The signature is in the query; one inside must have been removed (Bindings section 3.4.4.1).
            if matches!(arrived.transport(), Transport::Redirect { .. }) && !gated.is_empty() {
                return Err(Error::SignatureShape("a signature inside a redirected message"));
            }
            (kind, Header::read(root)?, gated)
        };
        Ok(Self { xml, kind, header, transport: arrived.transport(), gated })
    }

    /// Which message it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The identifier that the message says it has: good for answering it, for nothing else.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.header.id
    }

    /// Who the message says it is from: good for looking up the keys, for nothing else.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.header.issuer
    }

    /// What the message says it answers: good for looking up the request, for nothing else.
    #[must_use]
    pub fn in_response_to(&self) -> Option<&str> {
        self.header.in_response_to.as_deref()
    }

    /// Verifies that the whole message is from that entity, was meant for this address, and is fresh.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Unsigned`] when there is no signature over the whole message.
    pub fn verify<'m>(&'m self, trust: &Trust, expect: &Expect<'_>) -> Result<Signed<'m>, Error> {
        if self.header.issuer != trust.entity_id() {
            return Err(Error::Issuer);
        }
        let root = self.root()?;
        match self.transport {
            Transport::Redirect { signature, .. } => {
                detached(signature.as_ref().ok_or(Error::Unsigned)?, trust)?;
            }
            Transport::Post { .. } | Transport::Soap => {
                if !self.gated.iter().any(|gated| gated.parent == root.id) {
                    return Err(Error::Unsigned);
                }
                Library::verify(self.xml.doc(), &self.gated, trust)?;
            }
        }
        self.check_address(expect, true)?;
        check_time(&self.header, expect)?;
        Ok(Signed { node: root, kind: self.kind, header: self.header.clone(), now: expect.now, skew: expect.skew })
    }

    /// The same for a LogoutResponse without any signature that came back, in an envelope, on a connection that proved the
    /// host. One with a signature is verified by that alone, so a wrong one is never saved by the connection.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Unsigned`] for everything that this is not good for.
    pub fn verify_by_connection<'m>(&'m self, peer: &TlsEndpoint, expect: &Expect<'_>) -> Result<Signed<'m>, Error> {
        if self.header.issuer != peer.entity_id() {
            return Err(Error::Issuer);
        }
        if *self.transport != Transport::Soap || self.kind != Kind::LogoutResponse || self.claims_signature() {
            return Err(Error::Unsigned);
        }
        self.check_address(expect, false)?;
        check_time(&self.header, expect)?;
        Ok(Signed {
            node: self.root()?,
            kind: self.kind,
            header: self.header.clone(),
            now: expect.now,
            skew: expect.skew,
        })
    }

    /// The same for a Response whose one assertion is signed instead: then only the assertion may be believed.
    pub(super) fn verify_assertion(&self, trust: &Trust, expect: &Expect<'_>) -> Result<Node<'_>, Error> {
        if self.header.issuer != trust.entity_id() {
            return Err(Error::Issuer);
        }
        let assertion = self.root()?.optional(SAML, "Assertion")?.ok_or(Error::Unsigned)?;
        if !matches!(self.transport, Transport::Post { .. })
            || !self.gated.iter().any(|gated| gated.parent == assertion.id)
        {
            return Err(Error::Unsigned);
        }
        Library::verify(self.xml.doc(), &self.gated, trust)?;
        // The Response's own attributes are not signed; the assertion's Recipient and InResponseTo are, and are checked.
        self.check_address(expect, false)?;
        check_time(&self.header, expect)?;
        Ok(assertion)
    }

    /// The message without any proof of who sent it: only where nothing at all claims to be signed.
    pub(super) fn unsigned(&self, expect: &Expect<'_>) -> Result<Node<'_>, Error> {
        let detached = matches!(self.transport, Transport::Redirect { signature: Some(_), .. });
        if detached || !self.gated.is_empty() {
            return Err(Error::Signature);
        }
        self.check_address(expect, false)?;
        check_time(&self.header, expect)?;
        self.root()
    }

    /// Whether anything in it claims to be a signature; not whether it is one.
    #[must_use]
    pub fn claims_signature(&self) -> bool {
        matches!(self.transport, Transport::Redirect { signature: Some(_), .. }) || !self.gated.is_empty()
    }

    /// Whether anything in it is encrypted. Then what is wrong with it is the receiver's own to know: it tells whether that
    /// could be decrypted, and a sender may have it from somebody else.
    #[must_use]
    pub fn holds_ciphertext(&self) -> bool {
        self.xml.root().is_ok_and(|root| root.walk().any(|node| node.namespace() == XENC))
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    pub(super) fn root(&self) -> Result<Node<'_>, Error> {
        message_root(&self.xml, self.transport)
    }

    /// Signed messages through the browser must say where they were sent (Bindings sections 3.4.5.2 and 3.5.5.2).
    fn check_address(&self, expect: &Expect<'_>, signed: bool) -> Result<(), Error> {
        match &self.header.destination {
            Some(destination) if expect.here.contains(&destination.as_str()) => Ok(()),
            None if !signed || *self.transport == Transport::Soap => Ok(()),
            _ => Err(Error::Destination),
        }
    }
}

fn check_time(header: &Header, expect: &Expect<'_>) -> Result<(), Error> {
    let from_future = header.issue_instant > expect.now.plus(expect.skew);
    let stale = expect.over(header.issue_instant.plus(expect.max_age));
    if from_future || stale { Err(Error::Time) } else { Ok(()) }
}

fn detached(signature: &DetachedSignature, trust: &Trust) -> Result<(), Error> {
    let made =
        |octets: &[u8]| trust.keys().iter().any(|key| key.made(signature.algorithm(), octets, signature.value()));
    if made(signature.octets()) { Ok(()) } else { Err(Error::Signature) }
}

/// The message in the document: its root, or the one element in a SOAP body (Bindings section 3.2.2).
fn message_root<'d>(xml: &'d Xml<'_>, transport: &Transport) -> Result<Node<'d>, Error> {
    let root = xml.root()?;
    if *transport != Transport::Soap {
        return Ok(root);
    }
    if !root.is(SOAP, "Envelope") {
        return Err(Error::Soap);
    }
    let mut parts: Vec<_> = root.children().collect();
    if let Some(header) = parts.first().filter(|first| first.is(SOAP, "Header")) {
        let demanded = |block: Node<'_>| matches!(block.attr_ns(SOAP, "mustUnderstand"), Some("1" | "true"));
        if header.children().any(demanded) {
            return Err(Error::Soap);
        }
        parts.remove(0);
    }
    let [body] = parts[..] else { return Err(Error::Soap) };
    let content: Vec<_> = body.children().collect();
    match content[..] {
        [fault] if body.is(SOAP, "Body") && fault.is(SOAP, "Fault") => Err(Error::Fault),
        [message] if body.is(SOAP, "Body") => Ok(message),
        _ => Err(Error::Soap),
    }
}

/// The elements of a message that may hold a signature: itself, its assertions, and what an ArtifactResponse brings.
fn signable(root: Node<'_>) -> Vec<Node<'_>> {
    let mut found = vec![root];
    found.extend(root.all(SAML, "Assertion"));
    if root.is(SAMLP, "ArtifactResponse") {
        for inner in root.children().filter(|child| Kind::of(*child).is_some()) {
            found.push(inner);
            found.extend(inner.all(SAML, "Assertion"));
        }
    }
    found
}

/// A message that was verified as a whole. Only [`Message::verify`] and [`Message::verify_by_connection`] make one.
pub struct Signed<'m> {
    node: Node<'m>,
    kind: Kind,
    header: Header,
    now: Timestamp,
    skew: Duration,
}

impl<'m> Signed<'m> {
    /// What the message begins with; the issuer is the entity whose keys were used.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    pub(super) fn node(&self, kind: Kind) -> Result<Node<'m>, Error> {
        if self.kind == kind { Ok(self.node) } else { Err(Error::Kind) }
    }

    /// Refuses what ended.
    pub(super) fn ends(&self, end: Option<Timestamp>) -> Result<(), Error> {
        if end.is_some_and(|end| self.now >= end.plus(self.skew)) { Err(Error::Time) } else { Ok(()) }
    }

    /// The message inside an ArtifactResponse, which the outer signature covers and which must be from the same entity.
    pub(super) fn inner(&self, node: Node<'m>, expect: &Expect<'_>) -> Result<Self, Error> {
        let header = Header::read(node)?;
        if header.issuer != self.header.issuer {
            return Err(Error::Issuer);
        }
        if header.destination.as_deref().is_some_and(|destination| !expect.here.contains(&destination)) {
            return Err(Error::Destination);
        }
        check_time(&header, expect)?;
        let kind = Kind::of(node).ok_or(Error::Kind)?;
        Ok(Self { node, kind, header, now: expect.now, skew: expect.skew })
    }
}

/// A message that came from who it says, unchanged. Only the `from_signed` functions make one; it reads like the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received<T>(T);

impl<T> Received<T> {
    pub(super) fn of(message: T) -> Self {
        Self(message)
    }

    /// The message alone.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Received<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
