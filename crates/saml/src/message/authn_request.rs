//! AuthnRequest (Core section 3.4.1, Profiles section 4.1.4.1).

use super::{Expect, Header, Kind, Message, NameId, Part, Signed};
use crate::{
    BuildError, Error,
    metadata::ServiceProvider,
    security::DecryptionKey,
    xml::{
        Node, Writer,
        names::{SAML, SAMLP},
    },
};

/// What kind of name is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameIdPolicy {
    /// The format.
    pub format: Option<String>,
    /// The group of service providers that the name is for.
    pub sp_name_qualifier: Option<String>,
    /// Whether a new name may be made.
    pub allow_create: bool,
}

/// How a wanted context compares with the one that was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Comparison {
    /// One of the list.
    #[default]
    Exact,
    /// As strong as one of the list.
    Minimum,
    /// No stronger than all of the list.
    Maximum,
    /// Stronger than one of the list.
    Better,
}

const COMPARISONS: [(Comparison, &str); 4] = [
    (Comparison::Exact, "exact"),
    (Comparison::Minimum, "minimum"),
    (Comparison::Maximum, "maximum"),
    (Comparison::Better, "better"),
];

/// How the person should be authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedAuthnContext {
    /// How to compare.
    pub comparison: Comparison,
    /// Classes of contexts, the most wanted first; empty when only declarations were named, which nobody has.
    pub classes: Vec<String>,
}

/// A service provider asks for an assertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthnRequest {
    /// What it begins with.
    pub header: Header,
    /// Authenticate anew.
    pub force_authn: bool,
    /// Show nothing to the person.
    pub is_passive: bool,
    /// Where the answer shall go; must be one of the metadata's.
    pub acs_url: Option<String>,
    /// Which of the metadata's endpoints the answer shall go to.
    pub acs_index: Option<u16>,
    /// By which binding.
    pub protocol_binding: Option<String>,
    /// Which set of attributes is wanted.
    pub attribute_index: Option<u16>,
    /// What kind of name is wanted.
    pub name_id_policy: Option<NameIdPolicy>,
    /// How the person should be authenticated.
    pub context: Option<RequestedAuthnContext>,
    /// Who should sign in.
    pub subject: Option<NameId>,
}

impl AuthnRequest {
    /// A plain request, to be answered at a URL by POST.
    #[must_use]
    pub fn new(header: Header, acs_url: &str) -> Self {
        Self {
            header,
            force_authn: false,
            is_passive: false,
            acs_url: Some(acs_url.to_owned()),
            acs_index: None,
            protocol_binding: Some(crate::xml::names::HTTP_POST.to_owned()),
            attribute_index: None,
            name_id_policy: None,
            context: None,
            subject: None,
        }
    }

    /// Takes a request as the service provider's metadata wants it: signed where it says that its requests are
    /// (`AuthnRequestsSigned`); else unsigned ones too, since the answer goes only to its registered endpoint. Whatever
    /// claims to be signed must verify.
    ///
    /// # Errors
    /// [`Error`]
    pub fn receive(
        message: &Message<'_>,
        sp: &ServiceProvider,
        expect: &Expect<'_>,
        keys: &[DecryptionKey],
    ) -> Result<Self, Error> {
        if message.kind() != Kind::AuthnRequest {
            return Err(Error::Kind);
        }
        if message.issuer() != sp.entity_id {
            return Err(Error::Issuer);
        }
        if sp.authn_requests_signed || message.claims_signature() {
            let signed: Signed<'_> = message.verify(&sp.trust()?, expect)?;
            return Self::read(signed.node(Kind::AuthnRequest)?, signed.header(), keys);
        }
        // Decrypting for somebody unknown would make us an oracle.
        Self::read(message.unsigned(expect)?, message.header(), &[])
    }

    fn read(node: Node<'_>, header: &Header, keys: &[DecryptionKey]) -> Result<Self, Error> {
        let index = |name: &'static str| -> Result<Option<u16>, Error> {
            node.attr(name).map(|text| text.trim().parse().map_err(|_| Error::Invalid(name))).transpose()
        };
        let attr = |name| node.attr(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let subject = node.optional(SAML, "Subject")?;
        if let Some(subject) = subject
            && subject.optional(SAML, "BaseID")?.is_some()
        {
            // It names somebody in a way that nobody here can read: no assertion would be about them.
            return Err(Error::Invalid("BaseID"));
        }
        let policy = node.optional(SAMLP, "NameIDPolicy")?.map(|policy| -> Result<_, Error> {
            Ok(NameIdPolicy {
                format: policy.attr("Format").map(str::to_owned),
                sp_name_qualifier: policy.attr("SPNameQualifier").map(str::to_owned),
                allow_create: policy.flag("AllowCreate")?.unwrap_or(false),
            })
        });
        let this = Self {
            header: header.clone(),
            force_authn: node.flag("ForceAuthn")?.unwrap_or(false),
            is_passive: node.flag("IsPassive")?.unwrap_or(false),
            acs_url: attr("AssertionConsumerServiceURL"),
            acs_index: index("AssertionConsumerServiceIndex")?,
            protocol_binding: attr("ProtocolBinding"),
            attribute_index: index("AttributeConsumingServiceIndex")?,
            name_id_policy: policy.transpose()?,
            context: node.optional(SAMLP, "RequestedAuthnContext")?.map(context).transpose()?,
            subject: subject.map(|subject| NameId::read_in(subject, keys)).transpose()?.flatten(),
        };
        // Core section 3.4.1: one way of naming the endpoint excludes the other.
        if this.acs_index.is_some() && (this.acs_url.is_some() || this.protocol_binding.is_some()) {
            return Err(Error::Invalid("AssertionConsumerServiceIndex"));
        }
        Ok(this)
    }
}

fn context(node: Node<'_>) -> Result<RequestedAuthnContext, Error> {
    let comparison = match node.attr("Comparison") {
        None => Comparison::Exact,
        Some(text) => COMPARISONS
            .iter()
            .find(|(_, name)| *name == text)
            .map(|(comparison, _)| *comparison)
            .ok_or(Error::Invalid("Comparison"))?,
    };
    let classes = node.all(SAML, "AuthnContextClassRef").map(|class| class.filled("AuthnContextClassRef"));
    Ok(RequestedAuthnContext { comparison, classes: classes.collect::<Result<_, _>>()? })
}

impl Part for AuthnRequest {
    const NAME: &'static str = "samlp:AuthnRequest";
    const REQUEST: bool = true;

    fn header(&self) -> &Header {
        &self.header
    }

    fn attributes(&self, out: &mut Writer) {
        if self.force_authn {
            out.attr("ForceAuthn", "true");
        }
        if self.is_passive {
            out.attr("IsPassive", "true");
        }
        out.attr_some("AssertionConsumerServiceURL", self.acs_url.as_deref());
        out.attr_some("AssertionConsumerServiceIndex", self.acs_index.map(|index| index.to_string()).as_deref());
        out.attr_some("ProtocolBinding", self.protocol_binding.as_deref());
        out.attr_some("AttributeConsumingServiceIndex", self.attribute_index.map(|index| index.to_string()).as_deref());
    }

    fn body(&self, out: &mut Writer) -> Result<(), BuildError> {
        if let Some(subject) = &self.subject {
            out.start("saml:Subject");
            subject.write(out, false);
            out.end();
        }
        if let Some(policy) = &self.name_id_policy {
            out.start("samlp:NameIDPolicy");
            out.attr_some("Format", policy.format.as_deref());
            out.attr_some("SPNameQualifier", policy.sp_name_qualifier.as_deref());
            if policy.allow_create {
                out.attr("AllowCreate", "true");
            }
            out.end();
        }
        if let Some(context) = &self.context {
            let comparison = COMPARISONS.iter().find(|(known, _)| *known == context.comparison);
            out.start("samlp:RequestedAuthnContext");
            out.attr_some("Comparison", comparison.map(|(_, name)| *name));
            for class in &context.classes {
                out.leaf("saml:AuthnContextClassRef", class);
            }
            out.end();
        }
        Ok(())
    }
}
