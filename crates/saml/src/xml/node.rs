//! An element of a parsed document, with only such accessors as cannot be fooled by namespaces or split text.

use std::borrow::Cow;

use uppsala::{Attribute, Document, Element, NodeId, NodeKind};

use crate::Error;

/// The white space of XML (section 2.3). Other characters that show as space are part of a name.
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// An element and the document it stands in.
#[derive(Clone, Copy)]
pub(crate) struct Node<'d> {
    pub(crate) doc: &'d Document<'d>,
    pub(crate) id: NodeId,
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.doc, other.doc) && self.id == other.id
    }
}

impl<'d> Node<'d> {
    /// The element, if the id is one of an element.
    pub(crate) fn of(doc: &'d Document<'d>, id: NodeId) -> Option<Self> {
        doc.element(id).map(|_| Self { doc, id })
    }

    fn element(self) -> Option<&'d Element<'d>> {
        self.doc.element(self.id)
    }

    /// Whether this is that element of that namespace.
    pub(crate) fn is(self, namespace: &str, local: &str) -> bool {
        self.element().is_some_and(|element| element.matches_name_ns(namespace, local))
    }

    /// The name without its namespace.
    pub(crate) fn local(self) -> &'d str {
        self.element().map_or("", |element| &*element.name.local_name)
    }

    /// The namespace; empty when there is none.
    pub(crate) fn namespace(self) -> &'d str {
        self.element().and_then(|element| element.name.namespace_uri.as_deref()).unwrap_or_default()
    }

    /// All attributes.
    pub(crate) fn attributes(self) -> &'d [Attribute<'d>] {
        self.element().map_or(&[], |element| &element.attributes)
    }

    /// The namespace declarations on this element.
    pub(crate) fn declarations(self) -> &'d [(Cow<'d, str>, Cow<'d, str>)] {
        self.element().map_or(&[], |element| &element.namespace_declarations)
    }

    /// The attribute in no namespace; the library's own accessor would also take one of another namespace.
    pub(crate) fn attr(self, name: &str) -> Option<&'d str> {
        self.attributes()
            .iter()
            .find(|attribute| attribute.name.namespace_uri.is_none() && attribute.name.local_name == name)
            .map(|attribute| &*attribute.value)
    }

    /// The attribute in that namespace.
    pub(crate) fn attr_ns(self, namespace: &str, name: &str) -> Option<&'d str> {
        self.attributes()
            .iter()
            .find(|attribute| {
                attribute.name.namespace_uri.as_deref() == Some(namespace) && attribute.name.local_name == name
            })
            .map(|attribute| &*attribute.value)
    }

    /// The attribute, which must be there.
    pub(crate) fn required(self, name: &'static str) -> Result<&'d str, Error> {
        self.attr(name).ok_or(Error::Missing(name))
    }

    /// An `xs:boolean`.
    pub(crate) fn flag(self, name: &'static str) -> Result<Option<bool>, Error> {
        match self.attr(name).map(str::trim) {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => Err(Error::Invalid(name)),
        }
    }

    /// The element around this one.
    pub(crate) fn parent(self) -> Option<Self> {
        self.doc.parent(self.id).and_then(|id| Self::of(self.doc, id))
    }

    /// The elements directly inside.
    pub(crate) fn children(self) -> impl Iterator<Item = Self> {
        self.doc.children_iter(self.id).filter_map(move |id| Self::of(self.doc, id))
    }

    /// The elements of that name directly inside.
    pub(crate) fn all(self, namespace: &'static str, local: &'static str) -> impl Iterator<Item = Self> {
        self.children().filter(move |child| child.is(namespace, local))
    }

    /// The one element of that name directly inside, if there is one; two are an error.
    pub(crate) fn optional(self, namespace: &'static str, local: &'static str) -> Result<Option<Self>, Error> {
        let mut found = self.all(namespace, local);
        let first = found.next();
        if found.next().is_some() { Err(Error::Twice(local)) } else { Ok(first) }
    }

    /// The one element of that name directly inside.
    pub(crate) fn one(self, namespace: &'static str, local: &'static str) -> Result<Self, Error> {
        self.optional(namespace, local)?.ok_or(Error::Missing(local))
    }

    /// The text of an element that has nothing but text, trimmed as `xs:token` wants it.
    pub(crate) fn text(self) -> Result<Cow<'d, str>, Error> {
        let mut text = Cow::Borrowed("");
        for id in self.doc.children_iter(self.id) {
            match self.doc.node_kind(id) {
                Some(NodeKind::Text(part)) => {
                    if text.is_empty() {
                        text = Cow::Borrowed(&**part);
                    } else {
                        text.to_mut().push_str(part);
                    }
                }
                // Comments and sections were refused at the door; an element inside text is no text.
                _ => return Err(Error::Invalid("text")),
            }
        }
        Ok(match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim_matches(SPACE)),
            Cow::Owned(text) => Cow::Owned(text.trim_matches(SPACE).to_owned()),
        })
    }

    /// The text, which may not be empty.
    pub(crate) fn filled(self, what: &'static str) -> Result<String, Error> {
        let text = self.text()?;
        if text.is_empty() { Err(Error::Missing(what)) } else { Ok(text.into_owned()) }
    }

    /// This element and all inside, in document order.
    pub(crate) fn walk(self) -> impl Iterator<Item = Self> {
        let inner = self.doc.descendants(self.id).into_iter().filter_map(move |id| Self::of(self.doc, id));
        std::iter::once(self).chain(inner)
    }
}
