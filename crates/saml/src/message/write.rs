//! Writing and signing.

use super::Header;
use crate::{
    BuildError,
    security::{Library, Signer, XmlSecurity},
    xml::{
        Writer,
        names::{SAML, SAMLP},
    },
};

/// How a message is written; known to this crate alone.
pub(crate) trait Part {
    /// The root's prefixed name.
    const NAME: &'static str;
    /// Whether this is a request; the bindings name their parameter by it.
    const REQUEST: bool;
    /// Whether it may travel in a query; a Response may not (Profiles section 4.1.2).
    const BY_REDIRECT: bool = true;
    /// What the message begins with.
    fn header(&self) -> &Header;
    /// Attributes of its own.
    fn attributes(&self, _out: &mut Writer) {}
    /// What follows the Issuer and the signature.
    fn body(&self, out: &mut Writer) -> Result<(), BuildError>;
}

/// A message that the bindings can send: see [`binding`](crate::binding).
#[expect(private_bounds, reason = "sealed: only messages of this crate are sent")]
pub trait Outbound: Part {
    /// The message as XML with a signature inside, as POST, SOAP and Artifact need it.
    ///
    /// # Errors
    /// [`BuildError`]
    fn signed_xml(&self, signer: &Signer) -> Result<String, BuildError> {
        write(self)?.sign(signer)
    }

    /// The message as XML without a signature, for the Redirect binding and for AuthnRequests to who wants none.
    ///
    /// # Errors
    /// [`BuildError`]
    fn plain_xml(&self) -> Result<String, BuildError> {
        write(self).map(|draft| draft.xml)
    }
}

impl<T: Part> Outbound for T {}

fn write<T: Part + ?Sized>(message: &T) -> Result<Draft, BuildError> {
    let mut out = Writer::new();
    out.start(T::NAME).attr("xmlns:samlp", SAMLP).attr("xmlns:saml", SAML);
    message.attributes(&mut out);
    message.header().write(&mut out);
    let signature_at = out.here();
    message.body(&mut out)?;
    Ok(Draft { xml: out.finish()?, signature_at })
}

/// A document whose root has an `ID`, and the place where its signature belongs: after the Issuer, by the schema.
pub(crate) struct Draft {
    pub(crate) xml: String,
    pub(crate) signature_at: usize,
}

impl Draft {
    /// The document with its signature. What is signed is the root without it, which is what the enveloped-signature
    /// transform makes of the result.
    pub(crate) fn sign(mut self, signer: &Signer) -> Result<String, BuildError> {
        let signature = Library::sign(&self.xml, signer)?;
        self.xml.insert_str(self.signature_at, &signature);
        Ok(self.xml)
    }
}
