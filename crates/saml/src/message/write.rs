//! Writing and signing.

use uppsala::Parser;

use super::Header;
use crate::{
    BuildError,
    security::{Library, SHA256, Signer, XmlSecurity},
    xml::{
        Writer,
        names::{DS, ENVELOPED, EXC_C14N, SAML, SAMLP},
    },
};

/// How a message is written; known to this crate alone.
pub(crate) trait Part {
    /// The root's prefixed name.
    const NAME: &'static str;
    /// Whether this is a request; the bindings name their parameter by it.
    const REQUEST: bool;
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
        seal(write(self, Some(signer))?, signer)
    }

    /// The message as XML without a signature, for the Redirect binding and for AuthnRequests to who wants none.
    ///
    /// # Errors
    /// [`BuildError`]
    fn plain_xml(&self) -> Result<String, BuildError> {
        write(self, None)
    }
}

impl<T: Part> Outbound for T {}

fn write<T: Part + ?Sized>(message: &T, signer: Option<&Signer>) -> Result<String, BuildError> {
    let mut out = Writer::new();
    out.start(T::NAME).attr("xmlns:samlp", SAMLP).attr("xmlns:saml", SAML);
    message.attributes(&mut out);
    message.header().write(&mut out);
    if let Some(signer) = signer {
        signature(&mut out, &message.header().id, signer);
    }
    message.body(&mut out)?;
    out.finish()
}

/// The places that signing fills. Text of others cannot look like them, since its `<` is escaped.
const DIGEST: &str = "<ds:DigestValue/>";
const VALUE: &str = "<ds:SignatureValue/>";

/// Writes an empty signature over the element with that identifier.
pub(crate) fn signature(out: &mut Writer, id: &str, signer: &Signer) {
    out.start("ds:Signature").attr("xmlns:ds", DS).start("ds:SignedInfo");
    out.start("ds:CanonicalizationMethod").attr("Algorithm", EXC_C14N).end();
    out.start("ds:SignatureMethod").attr("Algorithm", signer.algorithm().uri()).end();
    out.start("ds:Reference").attr("URI", &format!("#{id}"));
    out.start("ds:Transforms");
    out.start("ds:Transform").attr("Algorithm", ENVELOPED).end();
    out.start("ds:Transform").attr("Algorithm", EXC_C14N).end();
    out.end();
    out.start("ds:DigestMethod").attr("Algorithm", SHA256).end();
    out.start("ds:DigestValue").end();
    out.end().end();
    out.start("ds:SignatureValue").end();
    out.start("ds:KeyInfo").start("ds:X509Data").leaf("ds:X509Certificate", signer.base64()).end().end();
    out.end();
}

/// Signs the one empty signature of what was written.
///
/// The two values are put into the text that was written; the library's own serialiser has no part in it.
pub(crate) fn seal(xml: String, signer: &Signer) -> Result<String, BuildError> {
    let mut doc = Parser::new().with_forbid_dtd(true).parse(&xml).map_err(|_| BuildError::Crypto)?;
    let empty = doc.get_elements_by_tag_name_ns(DS, "Signature").into_iter().find(|id| {
        let value = doc.first_child_element_by_name_ns(*id, DS, "SignatureValue");
        value.is_some_and(|value| doc.children_count(value) == 0)
    });
    let signature = empty.ok_or(BuildError::Crypto)?;
    Library::sign(&mut doc, signature, signer)?;

    let text = |path: &[&'static str]| -> Option<String> {
        let mut id = signature;
        for name in path {
            id = doc.first_child_element_by_name_ns(id, DS, name)?;
        }
        Some(doc.text_content_deep(id)).filter(|text| !text.is_empty())
    };
    let digest = text(&["SignedInfo", "Reference", "DigestValue"]).ok_or(BuildError::Crypto)?;
    let value = text(&["SignatureValue"]).ok_or(BuildError::Crypto)?;
    let (before, rest) = xml.split_once(DIGEST).ok_or(BuildError::Crypto)?;
    let (between, after) = rest.split_once(VALUE).ok_or(BuildError::Crypto)?;
    let mut out = String::with_capacity(xml.len() + digest.len() + value.len() + 40);
    out.push_str(before);
    out.push_str("<ds:DigestValue>");
    out.push_str(&digest);
    out.push_str("</ds:DigestValue>");
    out.push_str(between);
    out.push_str("<ds:SignatureValue>");
    out.push_str(&value);
    out.push_str("</ds:SignatureValue>");
    out.push_str(after);
    Ok(out)
}
