//! Response, as a service provider takes it (Profiles sections 4.1.4.3 and 4.1.4.5).

use std::borrow::Cow;

use acquit_core::time::Timestamp;

use super::{Attribute, AuthnStatement, Expect, Kind, Message, NameId, Signed, Status, header::issuer};
use crate::{
    Error,
    security::{DecryptionKey, Library, Trust, XmlSecurity, decrypt, gate},
    time,
    xml::{
        Caps, Node, Xml,
        names::{BEARER, SAML, SAMLP},
    },
};

/// What the service provider wants of a Response.
#[derive(Clone, Copy, Debug)]
pub struct ResponseRules<'a> {
    /// Its own entity.
    pub audience: &'a str,
    /// The request that this browser's sign-in began with; `None` takes only a Response that answers nothing.
    pub request: Option<&'a str>,
    /// Its keys for encrypted assertions.
    pub keys: &'a [DecryptionKey],
}

/// An assertion that is from the identity provider, meant for us, now, and for this request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedAssertion {
    /// The identifier: it may be used once. Remember it until [`Self::not_on_or_after`] and the skew.
    pub id: String,
    /// The identity provider.
    pub issuer: String,
    /// The person.
    pub name_id: NameId,
    /// Until when it may be delivered.
    pub not_on_or_after: Timestamp,
    /// The sign-in.
    pub authn: AuthnStatement,
    /// More about the person.
    pub attributes: Vec<Attribute>,
}

/// What an identity provider answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The person signed in.
    Assertion(Box<AcceptedAssertion>),
    /// There is no sign-in. This may not have been signed: it ends the attempt and nothing else.
    Refused(Status),
}

impl Answer {
    /// Takes a Response by POST: signed as a whole, or with its one assertion signed.
    ///
    /// # Errors
    /// [`Error`]
    pub fn receive(
        message: &Message<'_>,
        trust: &Trust,
        expect: &Expect<'_>,
        rules: &ResponseRules<'_>,
    ) -> Result<Self, Error> {
        if message.kind() != Kind::Response {
            return Err(Error::Kind);
        }
        let root = message.root()?;
        let status = Status::read(root)?;
        if status.code != super::Code::Success {
            if message.claims_signature() {
                message.verify(trust, expect)?;
            } else if message.issuer() != trust.entity_id() {
                return Err(Error::Issuer);
            }
            if message.in_response_to() != rules.request {
                return Err(Error::InResponseTo);
            }
            return Ok(Self::Refused(status));
        }
        match message.verify(trust, expect) {
            Ok(signed) => Self::from_signed(&signed, trust, expect, rules),
            Err(Error::Unsigned) => {
                let assertion = message.verify_assertion(trust, expect)?;
                if root.all(SAML, "EncryptedAssertion").next().is_some() {
                    return Err(Error::Twice("Assertion"));
                }
                in_response_to(message.in_response_to(), rules)?;
                accept(assertion, trust, expect, rules)
            }
            Err(error) => Err(error),
        }
    }

    /// Takes a Response that was verified as a whole, such as one that an ArtifactResponse brought.
    ///
    /// # Errors
    /// [`Error`]
    pub fn from_signed(
        signed: &Signed<'_>,
        trust: &Trust,
        expect: &Expect<'_>,
        rules: &ResponseRules<'_>,
    ) -> Result<Self, Error> {
        let root = signed.node(Kind::Response)?;
        if signed.header().issuer != trust.entity_id() {
            return Err(Error::Issuer);
        }
        in_response_to(signed.header().in_response_to.as_deref(), rules)?;
        let status = Status::read(root)?;
        if status.code != super::Code::Success {
            return Ok(Self::Refused(status));
        }
        let plain = root.optional(SAML, "Assertion")?;
        match (plain, root.optional(SAML, "EncryptedAssertion")?) {
            (Some(assertion), None) => accept(assertion, trust, expect, rules),
            (None, Some(holder)) => {
                let clear = decrypt(holder, rules.keys)?;
                let xml = Xml::parse(clear.as_bytes(), Caps::MESSAGE).map_err(|_| Error::Decryption)?;
                reopened(&xml, trust, expect, rules).map_err(uniform)
            }
            (None, None) => Err(Error::Missing("Assertion")),
            (Some(_), Some(_)) => Err(Error::Twice("Assertion")),
        }
    }
}

/// An error that depends on what was decrypted must not tell how far decryption came.
fn uniform(error: Error) -> Error {
    match error {
        Error::Time | Error::Audience | Error::Destination | Error::InResponseTo | Error::Issuer => error,
        _ => Error::Decryption,
    }
}

/// The decrypted assertion in its document. The signatures of the document as it was are void now; one of the assertion's own
/// must hold.
fn reopened(xml: &Xml<'_>, trust: &Trust, expect: &Expect<'_>, rules: &ResponseRules<'_>) -> Result<Answer, Error> {
    let root = xml.root()?;
    let mut holders = root.walk().filter(|node| node.is(SAML, "EncryptedAssertion"));
    let holder = holders.next().ok_or(Error::Decryption)?;
    if holders.next().is_some() || holder.children().count() != 1 {
        return Err(Error::Decryption);
    }
    let assertion = holder.one(SAML, "Assertion")?;
    let mut signable: Vec<_> = root.walk().filter(|node| node.namespace() == SAMLP).collect();
    signable.push(assertion);
    let gated = gate(root, &signable)?;
    let own: Vec<_> = gated.into_iter().filter(|gated| gated.parent == assertion.id).collect();
    if !own.is_empty() {
        Library::verify(xml.doc(), &own, trust)?;
    }
    accept(assertion, trust, expect, rules)
}

fn in_response_to(answered: Option<&str>, rules: &ResponseRules<'_>) -> Result<(), Error> {
    if answered == rules.request { Ok(()) } else { Err(Error::InResponseTo) }
}

/// Checks an assertion whose bytes are proven.
fn accept(assertion: Node<'_>, trust: &Trust, expect: &Expect<'_>, rules: &ResponseRules<'_>) -> Result<Answer, Error> {
    if assertion.required("Version")? != "2.0" {
        return Err(Error::Version);
    }
    if issuer(assertion.one(SAML, "Issuer")?)? != trust.entity_id() {
        return Err(Error::Issuer);
    }
    time::read(assertion.required("IssueInstant")?, "IssueInstant")?;

    let subject = assertion.one(SAML, "Subject")?;
    let bearers = subject.all(SAML, "SubjectConfirmation").filter(|node| node.attr("Method") == Some(BEARER));
    let mut outcome = Err(Error::Missing("SubjectConfirmation"));
    for bearer in bearers {
        outcome = confirmation(bearer, expect, rules);
        if outcome.is_ok() {
            break;
        }
    }
    let not_on_or_after = outcome?;
    conditions(assertion.one(SAML, "Conditions")?, expect, rules)?;

    let name_id = NameId::read_in(subject, rules.keys)?.ok_or(Error::Missing("NameID"))?;
    let authn = assertion.all(SAML, "AuthnStatement").next().ok_or(Error::Missing("AuthnStatement"))?;
    let authn = authn_statement(authn)?;
    if authn.session_not_on_or_after.is_some_and(|end| expect.over(end)) {
        return Err(Error::Time);
    }
    let mut attributes = Vec::new();
    for statement in assertion.all(SAML, "AttributeStatement") {
        for node in statement.all(SAML, "Attribute") {
            attributes.push(attribute(node)?);
        }
    }
    Ok(Answer::Assertion(Box::new(AcceptedAssertion {
        id: assertion.required("ID")?.to_owned(),
        issuer: trust.entity_id().to_owned(),
        name_id,
        not_on_or_after,
        authn,
        attributes,
    })))
}

fn confirmation(node: Node<'_>, expect: &Expect<'_>, rules: &ResponseRules<'_>) -> Result<Timestamp, Error> {
    let data = node.one(SAML, "SubjectConfirmationData")?;
    if !expect.here.contains(&data.required("Recipient")?) {
        return Err(Error::Destination);
    }
    let end = time::read(data.required("NotOnOrAfter")?, "NotOnOrAfter")?;
    // Profiles section 4.1.4.2: a bearer confirmation has no beginning.
    if expect.over(end) || data.attr("NotBefore").is_some() {
        return Err(Error::Time);
    }
    in_response_to(data.attr("InResponseTo"), rules)?;
    Ok(end)
}

fn conditions(node: Node<'_>, expect: &Expect<'_>, rules: &ResponseRules<'_>) -> Result<(), Error> {
    if let Some(start) = node.attr("NotBefore")
        && expect.now.plus(expect.skew) < time::read(start, "NotBefore")?
    {
        return Err(Error::Time);
    }
    if let Some(end) = node.attr("NotOnOrAfter")
        && expect.over(time::read(end, "NotOnOrAfter")?)
    {
        return Err(Error::Time);
    }
    let mut restricted = false;
    for condition in node.children() {
        if condition.is(SAML, "AudienceRestriction") {
            restricted = true;
            let mut named = false;
            for audience in condition.all(SAML, "Audience") {
                named |= audience.text()? == rules.audience;
            }
            if !named {
                return Err(Error::Audience);
            }
        } else if !condition.is(SAML, "OneTimeUse") && !condition.is(SAML, "ProxyRestriction") {
            // Core section 2.5.1: a condition that is not understood makes the assertion's validity unknown.
            return Err(Error::Invalid("Conditions"));
        }
    }
    if restricted { Ok(()) } else { Err(Error::Audience) }
}

fn authn_statement(node: Node<'_>) -> Result<AuthnStatement, Error> {
    let context = node.one(SAML, "AuthnContext")?;
    let authorities = context.all(SAML, "AuthenticatingAuthority").map(|node| node.filled("AuthenticatingAuthority"));
    let class = context.optional(SAML, "AuthnContextClassRef")?.map(Node::text).transpose()?;
    Ok(AuthnStatement {
        instant: time::read(node.required("AuthnInstant")?, "AuthnInstant")?,
        session_index: node.attr("SessionIndex").filter(|text| !text.is_empty()).map(str::to_owned),
        session_not_on_or_after: node
            .attr("SessionNotOnOrAfter")
            .map(|text| time::read(text, "SessionNotOnOrAfter"))
            .transpose()?,
        context: class.unwrap_or_default().into_owned(),
        authorities: authorities.collect::<Result<_, _>>()?,
    })
}

fn attribute(node: Node<'_>) -> Result<Attribute, Error> {
    // A value may be XML of its own; such a one is of no use here, and is left out.
    let values = node.all(SAML, "AttributeValue").filter_map(|value| value.text().ok().map(Cow::into_owned));
    Ok(Attribute {
        name: node.required("Name")?.to_owned(),
        format: node.attr("NameFormat").map(str::to_owned),
        friendly_name: node.attr("FriendlyName").map(str::to_owned),
        values: values.collect(),
    })
}
