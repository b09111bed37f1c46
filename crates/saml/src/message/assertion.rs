//! Assertion, as an identity provider writes it and a service provider reads it (Core section 2, Profiles 4.1.4.2).

use std::time::Duration;

use acquit_core::time::Timestamp;

use super::{Draft, NameId};
use crate::{
    BuildError,
    security::{Signer, encrypt},
    time,
    xml::{
        Writer,
        names::{ATTRNAME_BASIC, BEARER, SAML, XS, XSI},
    },
};

/// Something about the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The name.
    pub name: String,
    /// The kind of name, as a URI; absent means unspecified.
    pub format: Option<String>,
    /// A name for people.
    pub friendly_name: Option<String>,
    /// The values, as text.
    pub values: Vec<String>,
}

impl Attribute {
    /// An attribute with a plain name.
    #[must_use]
    pub fn new(name: &str, values: Vec<String>) -> Self {
        Self { name: name.to_owned(), format: Some(ATTRNAME_BASIC.to_owned()), friendly_name: None, values }
    }
}

/// How and when the person was authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthnStatement {
    /// When.
    pub instant: Timestamp,
    /// The index by which a logout names this session between these two parties.
    pub session_index: Option<String>,
    /// When the service provider must end its session.
    pub session_not_on_or_after: Option<Timestamp>,
    /// The class of the context.
    pub context: String,
    /// Who authenticated the person, if not the issuer.
    pub authorities: Vec<String>,
}

/// What an identity provider says about a person to one service provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// The identifier.
    pub id: String,
    /// When it was written.
    pub issue_instant: Timestamp,
    /// The identity provider.
    pub issuer: String,
    /// The person.
    pub name_id: NameId,
    /// The request that it answers; absent when nobody asked.
    pub in_response_to: Option<String>,
    /// The endpoint that it is for.
    pub recipient: String,
    /// From when it counts.
    pub not_before: Option<Timestamp>,
    /// Until when it may be delivered.
    pub not_on_or_after: Timestamp,
    /// The service provider that it is for.
    pub audience: String,
    /// The sign-in.
    pub authn: AuthnStatement,
    /// More about the person.
    pub attributes: Vec<Attribute>,
}

impl Assertion {
    /// Sets the times for an assertion that is written now and may be delivered for some minutes.
    #[must_use]
    pub fn valid_for(mut self, now: Timestamp, period: Duration) -> Self {
        self.issue_instant = now;
        // Peers' clocks may be a little behind.
        self.not_before = Some(now.minus(Duration::from_secs(60)));
        self.not_on_or_after = now.plus(period);
        self
    }

    /// Writes the assertion to stand alone: with its namespaces, signed if there is a signer, encrypted if there is a
    /// recipient's certificate.
    pub(super) fn xml(
        &self,
        signer: Option<&Signer>,
        recipient: Option<&crate::security::Certificate>,
    ) -> Result<String, BuildError> {
        let draft = self.write()?;
        let xml = match signer {
            Some(signer) => draft.sign(signer)?,
            None => draft.xml,
        };
        let Some(recipient) = recipient else { return Ok(xml) };
        let mut out = Writer::new();
        out.start("saml:EncryptedAssertion").attr("xmlns:saml", SAML).embed(&encrypt(&xml, recipient)?);
        out.finish()
    }

    fn write(&self) -> Result<Draft, BuildError> {
        let mut writer = Writer::new();
        let out = &mut writer;
        out.start("saml:Assertion").attr("xmlns:saml", SAML).attr("xmlns:xs", XS).attr("xmlns:xsi", XSI);
        out.attr("ID", &self.id).attr("Version", "2.0").attr("IssueInstant", &time::write(self.issue_instant));
        out.leaf("saml:Issuer", &self.issuer);
        let signature_at = out.here();

        let until = time::write(self.not_on_or_after);
        out.start("saml:Subject");
        self.name_id.write(out, false);
        out.start("saml:SubjectConfirmation").attr("Method", BEARER);
        out.start("saml:SubjectConfirmationData").attr("NotOnOrAfter", &until).attr("Recipient", &self.recipient);
        out.attr_some("InResponseTo", self.in_response_to.as_deref());
        out.end().end().end();

        out.start("saml:Conditions");
        out.attr_some("NotBefore", self.not_before.map(time::write).as_deref()).attr("NotOnOrAfter", &until);
        out.start("saml:AudienceRestriction").leaf("saml:Audience", &self.audience).end();
        out.end();

        let authn = &self.authn;
        out.start("saml:AuthnStatement").attr("AuthnInstant", &time::write(authn.instant));
        out.attr_some("SessionIndex", authn.session_index.as_deref());
        out.attr_some("SessionNotOnOrAfter", authn.session_not_on_or_after.map(time::write).as_deref());
        out.start("saml:AuthnContext").leaf("saml:AuthnContextClassRef", &authn.context);
        for authority in &authn.authorities {
            out.leaf("saml:AuthenticatingAuthority", authority);
        }
        out.end().end();

        if !self.attributes.is_empty() {
            out.start("saml:AttributeStatement");
            for attribute in &self.attributes {
                out.start("saml:Attribute").attr("Name", &attribute.name);
                out.attr_some("NameFormat", attribute.format.as_deref());
                out.attr_some("FriendlyName", attribute.friendly_name.as_deref());
                for value in &attribute.values {
                    out.start("saml:AttributeValue").attr("xsi:type", "xs:string").text(value).end();
                }
                out.end();
            }
            out.end();
        }
        Ok(Draft { xml: writer.finish()?, signature_at })
    }
}
