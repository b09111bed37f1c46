//! XML as it may come from outside: parsed once, under caps, without anything that readers have disagreed about.
//!
//! Refused before the parser sees it: other encodings than UTF-8, DOCTYPE and with it every entity, comments, processing
//! instructions, CDATA. Refused after it: namespaces that are no absolute URI (canonical form is undefined for them), and
//! identifiers that stand twice.

use std::collections::HashSet;

use uppsala::{Document, Parser};

use crate::Error;

pub mod names;
mod node;
mod writer;

pub(crate) use node::Node;
pub(crate) use writer::Writer;

/// The largest message.
pub const MESSAGE_BYTES: usize = 128 * 1024;
/// The largest metadata document.
pub const METADATA_BYTES: usize = 4 * 1024 * 1024;
/// How deep elements may nest: an encrypted assertion in a SOAP envelope needs about twelve.
const DEPTH: u32 = 32;
/// The most attributes and declarations of one tag; parsers compare each with each.
const QUOTES_IN_TAG: usize = 2 * 64;

/// What the document may hold.
#[derive(Clone, Copy)]
pub(crate) struct Caps {
    pub(crate) bytes: usize,
    pub(crate) comments: bool,
}

impl Caps {
    pub(crate) const MESSAGE: Self = Self { bytes: MESSAGE_BYTES, comments: false };
    /// People write comments into metadata.
    pub(crate) const METADATA: Self = Self { bytes: METADATA_BYTES, comments: true };
}

/// A parsed document.
pub(crate) struct Xml<'a> {
    doc: Document<'a>,
}

impl<'a> Xml<'a> {
    /// Parses untrusted bytes.
    pub(crate) fn parse(bytes: &'a [u8], caps: Caps) -> Result<Self, Error> {
        if bytes.len() > caps.bytes {
            return Err(Error::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Error::Encoding)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        markup(text, caps)?;
        let parser = Parser::new().with_max_depth(DEPTH).with_max_entity_expansion(0).with_forbid_dtd(true);
        let doc = parser.parse(text).map_err(|_| Error::Malformed)?;
        let xml = Self { doc };
        xml.settle(caps)?;
        Ok(xml)
    }

    pub(crate) fn doc(&self) -> &Document<'a> {
        &self.doc
    }

    /// The document's element.
    pub(crate) fn root<'d>(&'d self) -> Result<Node<'d>, Error> {
        let doc: &'d Document<'d> = &self.doc;
        doc.document_element().and_then(|id| Node::of(doc, id)).ok_or(Error::Malformed)
    }

    fn settle(&self, caps: Caps) -> Result<(), Error> {
        let mut ids = HashSet::new();
        for node in self.root()?.walk() {
            for (_, uri) in node.declarations() {
                if !uri.is_empty() && !absolute(uri) {
                    return Err(Error::Namespace);
                }
            }
            for attribute in node.attributes() {
                // The attribute `id` of an extension could be taken for an identifier by a signature's reference.
                if attribute.name.local_name.eq_ignore_ascii_case("id") && !ids.insert(&*attribute.value) {
                    return Err(Error::DuplicateId);
                }
            }
            if caps.comments {
                self.comments_between_elements(node)?;
            }
        }
        Ok(())
    }

    /// A comment inside text splits it, and readers have disagreed about the parts.
    fn comments_between_elements(&self, node: Node<'_>) -> Result<(), Error> {
        let (mut comment, mut text) = (false, false);
        for id in self.doc.children_iter(node.id) {
            match self.doc.node_kind(id) {
                Some(uppsala::NodeKind::Comment(_)) => comment = true,
                Some(uppsala::NodeKind::Text(part)) => text |= !part.trim().is_empty(),
                _ => {}
            }
        }
        if comment && text { Err(Error::Markup) } else { Ok(()) }
    }
}

/// Looks for markup that may not be there. A `<` stands nowhere else than at the start of markup in well-formed XML, so
/// this cannot overlook any.
fn markup(text: &str, caps: Caps) -> Result<(), Error> {
    let mut rest = text;
    if let Some(after) = rest.strip_prefix("<?xml") {
        let (declaration, after) = after.split_once("?>").ok_or(Error::Malformed)?;
        let declared = declaration.split_once("encoding").map(|(_, value)| value.trim_start_matches([' ', '=']));
        let utf8 = |value: &str| value.get(1..6).is_some_and(|name| name.eq_ignore_ascii_case("utf-8"));
        if !declaration.starts_with([' ', '\t', '\n', '\r']) || declared.is_some_and(|value| !utf8(value)) {
            return Err(Error::Encoding);
        }
        rest = after;
    }
    // One pass over the bytes: `tag` is what follows the last `<`, with as many `=` in it.
    let bytes = rest.as_bytes();
    let (mut at, mut tag, mut equals) = (0, None, 0);
    let crowded = |tag: Option<usize>, end: usize, equals: usize| {
        equals > QUOTES_IN_TAG && tag.is_some_and(|start| attributes(&bytes[start..end]) > QUOTES_IN_TAG)
    };
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'=' => equals += 1,
            b'\t' | b'\n' | b'\r' => {}
            // XML cannot hold these; the parser takes them in values with references.
            0..=0x1f => return Err(Error::Malformed),
            // U+FFFE and U+FFFF, the last two of their plane.
            0xbe | 0xbf if bytes[..at - 1].ends_with(&[0xef, 0xbf]) => return Err(Error::Malformed),
            b'<' => {
                if crowded(tag, at - 1, equals) {
                    return Err(Error::TooLarge);
                }
                (tag, equals) = (Some(at), 0);
                match bytes.get(at) {
                    Some(b'!') if caps.comments && rest[at..].starts_with("!--") => {
                        at += 3 + rest[at + 3..].find("-->").ok_or(Error::Malformed)? + 3;
                        tag = None;
                    }
                    Some(b'!' | b'?') => return Err(Error::Markup),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    if crowded(tag, bytes.len(), equals) { Err(Error::TooLarge) } else { Ok(()) }
}

/// The number of quotes that open or close attribute values in a tag.
fn attributes(tag: &[u8]) -> usize {
    let (mut quote, mut count) = (None, 0);
    for &byte in tag {
        match (quote, byte) {
            (None, b'>') => break,
            (None, b'"' | b'\'') => {
                quote = Some(byte);
                count += 1;
            }
            (Some(open), _) if open == byte => {
                quote = None;
                count += 1;
            }
            _ => {}
        }
    }
    count
}

/// Whether a namespace begins with a scheme.
fn absolute(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

#[cfg(test)]
mod tests;
