//! Response, as an identity provider sends it (Core section 3.3.3, Profiles section 4.1.4.2).

use super::{Assertion, Draft, Header, Part, Status};
use crate::{
    BuildError,
    security::{Certificate, Signer},
    xml::{
        Writer,
        names::{SAML, SAMLP},
    },
};

/// Which element carries the signature. By POST the assertion must be covered one way or the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignWhat {
    /// The whole Response: one signature over everything.
    #[default]
    Response,
    /// The assertion alone, for peers whose metadata says `WantAssertionsSigned`.
    Assertion,
    /// Both, for peers that want both; two signatures cost twice.
    Both,
}

/// The answer to an AuthnRequest, or a sign-in that nobody asked for.
#[derive(Clone, Debug)]
pub struct Response {
    /// What it begins with.
    pub header: Header,
    /// How it went.
    pub status: Status,
    /// The assertion, when it went well.
    pub assertion: Option<Assertion>,
}

impl Response {
    /// A sign-in.
    #[must_use]
    pub fn success(header: Header, assertion: Assertion) -> Self {
        Self { header, status: Status::success(), assertion: Some(assertion) }
    }

    /// A refusal.
    #[must_use]
    pub fn refusal(header: Header, status: Status) -> Self {
        Self { header, status, assertion: None }
    }

    /// The Response, signed; with a recipient's certificate the assertion is encrypted to it, and then the whole Response is
    /// always signed, since nobody should decrypt what is not.
    ///
    /// # Errors
    /// [`BuildError`]
    pub fn to_xml(
        &self,
        signer: &Signer,
        what: SignWhat,
        recipient: Option<&Certificate>,
    ) -> Result<String, BuildError> {
        let Some(assertion) = &self.assertion else { return self.write(None, Some(signer)) };
        let inner = (what != SignWhat::Response).then_some(signer);
        let whole = what != SignWhat::Assertion || recipient.is_some();
        self.write(Some(&assertion.xml(inner, recipient)?), whole.then_some(signer))
    }

    fn write(&self, assertion: Option<&str>, signer: Option<&Signer>) -> Result<String, BuildError> {
        let mut out = Writer::new();
        out.start("samlp:Response").attr("xmlns:samlp", SAMLP).attr("xmlns:saml", SAML);
        self.header.write(&mut out);
        let signature_at = out.here();
        self.status.write(&mut out);
        if let Some(assertion) = assertion {
            out.embed(assertion);
        }
        let draft = Draft { xml: out.finish()?, signature_at };
        match signer {
            Some(signer) => draft.sign(signer),
            None => Ok(draft.xml),
        }
    }
}

/// Only to be answered by POST or Artifact: [`SignWhat::Response`] is what [`Outbound`](super::Outbound) gives.
impl Part for Response {
    const NAME: &'static str = "samlp:Response";
    const REQUEST: bool = false;
    const BY_REDIRECT: bool = false;

    fn header(&self) -> &Header {
        &self.header
    }

    fn body(&self, out: &mut Writer) -> Result<(), BuildError> {
        self.status.write(out);
        if let Some(assertion) = &self.assertion {
            out.embed(&assertion.xml(None, None)?);
        }
        Ok(())
    }
}
