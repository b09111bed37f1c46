//! LogoutRequest (Core section 3.7.1; Asynchronous Single Logout Protocol Extension).

use acquit_core::time::Timestamp;

use super::{Header, Kind, NameId, Part, Received, Signed};
use crate::{
    BuildError, Error,
    security::{Certificate, DecryptionKey, encrypt},
    time,
    xml::{
        Writer,
        names::{ASLO, SAML, SAMLP},
    },
};

/// The person wants to leave.
pub const REASON_USER: &str = "urn:oasis:names:tc:SAML:2.0:logout:user";
/// An operator wants the person to leave.
pub const REASON_ADMIN: &str = "urn:oasis:names:tc:SAML:2.0:logout:admin";
/// The whole session is too old; only authorities say so.
pub const REASON_GLOBAL_TIMEOUT: &str = "urn:oasis:names:tc:SAML:2.0:logout:global-timeout";
/// One participant's session is too old; only authorities say so.
pub const REASON_SP_TIMEOUT: &str = "urn:oasis:names:tc:SAML:2.0:logout:sp-timeout";

/// The most indexes that one request may name.
const INDEXES: usize = 1000;

/// Ends the sessions of a person between the two parties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutRequest {
    /// What it begins with.
    pub header: Header,
    /// Until when the receiver must apply it to assertions that arrive late. Authorities must set it.
    pub not_on_or_after: Option<Timestamp>,
    /// Why; unknown values are to be tolerated.
    pub reason: Option<String>,
    /// Whose sessions.
    pub name_id: NameId,
    /// Which sessions; empty means all of that person between these two parties.
    pub session_indexes: Vec<String>,
    /// The sender wants no LogoutResponse: the receiver must not send one.
    pub asynchronous: bool,
}

impl LogoutRequest {
    /// Reads a request that was verified. An encrypted name is decrypted with one of the keys.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Time`] when its NotOnOrAfter has passed.
    pub fn from_signed(signed: &Signed<'_>, keys: &[DecryptionKey]) -> Result<Received<Self>, Error> {
        Self::read(signed, keys, None)
    }

    /// The same, with the name of nobody in the place of one that cannot be decrypted, for whatever reason: who answers about
    /// that name as about any that is unknown tells nobody whether something could be decrypted.
    ///
    /// # Errors
    /// [`Error`], never [`Error::Decryption`].
    pub fn from_signed_or_nobody(
        signed: &Signed<'_>,
        keys: &[DecryptionKey],
        nobody: &NameId,
    ) -> Result<Received<Self>, Error> {
        Self::read(signed, keys, Some(nobody))
    }

    /// Whether the name in a request that was verified is encrypted.
    ///
    /// # Errors
    /// [`Error::Kind`] when it is another message.
    pub fn is_name_encrypted(signed: &Signed<'_>) -> Result<bool, Error> {
        Ok(signed.node(Kind::LogoutRequest)?.all(SAML, "EncryptedID").next().is_some())
    }

    fn read(signed: &Signed<'_>, keys: &[DecryptionKey], nobody: Option<&NameId>) -> Result<Received<Self>, Error> {
        let node = signed.node(Kind::LogoutRequest)?;
        let not_on_or_after = node.attr("NotOnOrAfter").map(|text| time::read(text, "NotOnOrAfter")).transpose()?;
        signed.ends(not_on_or_after)?;
        let name_id = match (NameId::read_in(node, keys), nobody) {
            (Err(Error::Decryption), Some(nobody)) => nobody.clone(),
            (name_id, _) => name_id?.ok_or(Error::Missing("NameID"))?,
        };
        let mut session_indexes = Vec::new();
        for index in node.all(SAMLP, "SessionIndex") {
            let index = index.filled("SessionIndex")?;
            if index.len() > 1024 || session_indexes.len() >= INDEXES {
                return Err(Error::TooLarge);
            }
            session_indexes.push(index);
        }
        let extensions = node.optional(SAMLP, "Extensions")?;
        Ok(Received::of(Self {
            header: signed.header().clone(),
            not_on_or_after,
            reason: node.attr("Reason").filter(|text| !text.is_empty()).map(str::to_owned),
            name_id,
            session_indexes,
            asynchronous: extensions.is_some_and(|extensions| extensions.all(ASLO, "Asynchronous").next().is_some()),
        }))
    }

    /// The same request with its name encrypted to the receiver.
    ///
    /// # Errors
    /// [`BuildError`]
    pub fn encrypted_to(&self, recipient: &Certificate) -> Result<EncryptedLogoutRequest<'_>, BuildError> {
        let mut name = Writer::new();
        self.name_id.write(&mut name, true);
        Ok(EncryptedLogoutRequest { request: self, name: encrypt(&name.finish()?, recipient)? })
    }

    fn rest(&self, out: &mut Writer) {
        for index in &self.session_indexes {
            out.leaf("samlp:SessionIndex", index);
        }
    }

    fn extensions(&self, out: &mut Writer) {
        if self.asynchronous {
            out.start("samlp:Extensions").start("aslo:Asynchronous").attr("xmlns:aslo", ASLO).end().end();
        }
    }
}

/// A request whose name only the receiver can read.
pub struct EncryptedLogoutRequest<'a> {
    request: &'a LogoutRequest,
    name: String,
}

impl Part for EncryptedLogoutRequest<'_> {
    const NAME: &'static str = LogoutRequest::NAME;
    const REQUEST: bool = true;

    fn header(&self) -> &Header {
        &self.request.header
    }

    fn attributes(&self, out: &mut Writer) {
        self.request.attributes(out);
    }

    fn body(&self, out: &mut Writer) -> Result<(), BuildError> {
        self.request.extensions(out);
        out.start("saml:EncryptedID").embed(&self.name).end();
        self.request.rest(out);
        Ok(())
    }
}

impl Part for LogoutRequest {
    const NAME: &'static str = "samlp:LogoutRequest";
    const REQUEST: bool = true;

    fn header(&self) -> &Header {
        &self.header
    }

    fn attributes(&self, out: &mut Writer) {
        out.attr_some("NotOnOrAfter", self.not_on_or_after.map(time::write).as_deref());
        out.attr_some("Reason", self.reason.as_deref());
    }

    fn body(&self, out: &mut Writer) -> Result<(), BuildError> {
        self.extensions(out);
        self.name_id.write(out, false);
        self.rest(out);
        Ok(())
    }
}
