//! The gate: every signature of a document is looked at before any cryptography, and one that is not of the single shape
//! that SAML prescribes (Core section 5.4) refuses the whole document.
//!
//! The library behind it would take much more: references to files, several references, XPath, inclusive canonical form.

use base64::{Engine, prelude::BASE64_STANDARD};
use uppsala::NodeId;

use super::algorithm::{self, Algorithm};
use crate::{
    Error,
    xml::{
        Node,
        names::{DS, ENVELOPED, EXC_C14N},
    },
};

/// A signature of the right shape over the element that holds it. Not yet verified.
#[derive(Clone, Copy)]
pub(crate) struct Gated {
    pub(crate) signature: NodeId,
    pub(crate) parent: NodeId,
    pub(crate) algorithm: Algorithm,
}

/// Looks at all signatures below `root`; each must be a direct child of one of `signable`, at most one each.
pub(crate) fn gate(root: Node<'_>, signable: &[Node<'_>]) -> Result<Vec<Gated>, Error> {
    let mut found: Vec<Gated> = Vec::new();
    for node in root.walk() {
        if node.is(DS, "Object") || node.is(DS, "Manifest") {
            return Err(shape("an Object or Manifest"));
        }
        if !node.is(DS, "Signature") {
            continue;
        }
        let parent = node.parent().ok_or(shape("a place outside the message"))?;
        if !signable.contains(&parent) {
            return Err(shape("a place where no signature belongs"));
        }
        if found.iter().any(|other| other.parent == parent.id) {
            return Err(shape("two signatures on one element"));
        }
        found.push(Gated { signature: node.id, parent: parent.id, algorithm: signature(node, parent)? });
    }
    Ok(found)
}

const fn shape(what: &'static str) -> Error {
    Error::SignatureShape(what)
}

/// The children of an element, which must be exactly of these names, in this order; those after `required` may be absent.
fn parts<'d>(node: Node<'d>, names: &[&'static str], required: usize) -> Result<Vec<Node<'d>>, Error> {
    let children: Vec<_> = node.children().collect();
    let fits = children.len() >= required
        && children.len() <= names.len()
        && children.iter().zip(names).all(|(child, name)| child.is(DS, name));
    if fits { Ok(children) } else { Err(shape("parts missing, repeated or unknown")) }
}

/// The algorithm that an element names. Attributes in other namespaces are refused: libraries have read them by local name.
fn named<'d>(node: Node<'d>, attribute: &'static str) -> Result<&'d str, Error> {
    if node.attributes().iter().any(|attribute| attribute.name.namespace_uri.is_some()) {
        return Err(shape("an attribute of another namespace"));
    }
    node.attr(attribute).ok_or(shape("an attribute is missing"))
}

fn signature(signature: Node<'_>, parent: Node<'_>) -> Result<Algorithm, Error> {
    let [signed_info, value] = parts(signature, &["SignedInfo", "SignatureValue", "KeyInfo"], 2)?[..2] else {
        return Err(shape("parts missing"));
    };
    encoded(value)?;
    let [c14n, method, reference] =
        parts(signed_info, &["CanonicalizationMethod", "SignatureMethod", "Reference"], 3)?[..]
    else {
        return Err(shape("parts missing"));
    };
    exclusive(c14n)?;
    let algorithm = Algorithm::from_uri(named(method, "Algorithm")?).ok_or(Error::Algorithm)?;
    if method.children().next().is_some() {
        return Err(shape("parameters of the method"));
    }

    // The one reference, to the parent by its identifier.
    let uri = named(reference, "URI")?;
    let id = parent.attr("ID").filter(|id| !id.is_empty()).ok_or(shape("the signed element has no ID"))?;
    if uri.strip_prefix('#') != Some(id) {
        return Err(shape("the reference is not to the element that holds the signature"));
    }
    let [transforms, method, value] = parts(reference, &["Transforms", "DigestMethod", "DigestValue"], 3)?[..] else {
        return Err(shape("parts missing"));
    };
    let [enveloped, canonical] = parts(transforms, &["Transform", "Transform"], 2)?[..] else {
        return Err(shape("other transforms"));
    };
    if named(enveloped, "Algorithm")? != ENVELOPED || enveloped.children().next().is_some() {
        return Err(shape("other transforms"));
    }
    exclusive(canonical)?;
    let digest = algorithm::digest(named(method, "Algorithm")?).ok_or(Error::Algorithm)?;
    if method.children().next().is_some() {
        return Err(shape("parameters of the digest"));
    }
    let value = encoded(value)?;
    if value.len() != digest.output_len() {
        return Err(shape("a digest of another length"));
    }
    // What a failed canonical form hashes to: nothing at all.
    if value == aws_lc_rs::digest::digest(digest, b"").as_ref() {
        return Err(shape("a digest of nothing"));
    }
    Ok(algorithm)
}

/// Exclusive canonical form without comments; it may name prefixes to be kept.
fn exclusive(node: Node<'_>) -> Result<(), Error> {
    if named(node, "Algorithm")? != EXC_C14N {
        return Err(shape("another canonical form"));
    }
    for child in node.children() {
        if !child.is(EXC_C14N, "InclusiveNamespaces") || child.children().next().is_some() {
            return Err(shape("parameters of the canonical form"));
        }
        named(child, "PrefixList")?;
    }
    Ok(())
}

/// Text that is base64, perhaps in lines.
fn encoded(node: Node<'_>) -> Result<Vec<u8>, Error> {
    let text = node.text().map_err(|_| shape("a value that is not only text"))?;
    let compact: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    match BASE64_STANDARD.decode(compact) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(shape("a value that is not base64")),
    }
}
