//! Names of people (Core sections 2.2.3 and 3.3.4).

use crate::{
    Error,
    security::{DecryptionKey, decrypt},
    xml::{
        Caps, Node, Writer, Xml,
        names::{FORMAT_UNSPECIFIED, SAML},
    },
};

/// A name of a person, as one identity provider gave it to one service provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameId {
    /// The name.
    pub value: String,
    /// What kind of name; absent means unspecified.
    pub format: Option<String>,
    /// Who gave it; absent means the identity provider at hand.
    pub name_qualifier: Option<String>,
    /// Who it was given to; absent means the service provider at hand.
    pub sp_name_qualifier: Option<String>,
    /// The service provider's own name for the person.
    pub sp_provided_id: Option<String>,
}

impl NameId {
    /// A name of a kind, without qualifiers.
    #[must_use]
    pub fn new(value: &str, format: &str) -> Self {
        Self {
            value: value.to_owned(),
            format: Some(format.to_owned()),
            name_qualifier: None,
            sp_name_qualifier: None,
            sp_provided_id: None,
        }
    }

    /// Whether this is the same name of the same kind from the same to the same (Core section 3.3.4). An absent qualifier
    /// stands for the party at hand (Core sections 8.3.7 and 8.3.8).
    #[must_use]
    pub fn strongly_matches(&self, other: &Self, idp: &str, sp: &str) -> bool {
        fn same<'a>(own: &'a Option<String>, other: &'a Option<String>, absent: &'a str) -> bool {
            own.as_deref().unwrap_or(absent) == other.as_deref().unwrap_or(absent)
        }
        self.value == other.value
            && same(&self.format, &other.format, FORMAT_UNSPECIFIED)
            && same(&self.name_qualifier, &other.name_qualifier, idp)
            && same(&self.sp_name_qualifier, &other.sp_name_qualifier, sp)
    }

    pub(super) fn read(node: Node<'_>) -> Result<Self, Error> {
        let attr = |name| node.attr(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let value = node.filled("NameID")?;
        if value.len() > 1024 {
            return Err(Error::Invalid("NameID"));
        }
        Ok(Self {
            value,
            format: attr("Format"),
            name_qualifier: attr("NameQualifier"),
            sp_name_qualifier: attr("SPNameQualifier"),
            sp_provided_id: attr("SPProvidedID"),
        })
    }

    /// The name inside `parent`, in the clear or encrypted. Only for elements that a verified signature covers.
    pub(super) fn read_in(parent: Node<'_>, keys: &[DecryptionKey]) -> Result<Option<Self>, Error> {
        let plain = parent.optional(SAML, "NameID")?;
        match (plain, parent.optional(SAML, "EncryptedID")?) {
            (Some(_), Some(_)) => Err(Error::Twice("NameID")),
            (Some(plain), None) => Self::read(plain).map(Some),
            (None, None) => Ok(None),
            (None, Some(holder)) => {
                let clear = decrypt(holder, keys)?;
                let xml = Xml::parse(clear.as_bytes(), Caps::MESSAGE).map_err(|_| Error::Decryption)?;
                let mut holders = xml.root()?.walk().filter(|node| node.is(SAML, "EncryptedID"));
                let (Some(holder), None) = (holders.next(), holders.next()) else { return Err(Error::Decryption) };
                let name = holder.one(SAML, "NameID").and_then(Self::read);
                name.map(Some).map_err(|_| Error::Decryption)
            }
        }
    }

    /// Writes the name; alone, as it is encrypted, with its namespace.
    pub(super) fn write(&self, out: &mut Writer, alone: bool) {
        out.start("saml:NameID");
        out.attr_some("xmlns:saml", alone.then_some(SAML));
        out.attr_some("NameQualifier", self.name_qualifier.as_deref());
        out.attr_some("SPNameQualifier", self.sp_name_qualifier.as_deref());
        out.attr_some("Format", self.format.as_deref());
        out.attr_some("SPProvidedID", self.sp_provided_id.as_deref());
        out.text(&self.value).end();
    }
}
