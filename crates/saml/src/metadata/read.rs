//! Metadata of peers.

use acquit_core::time::Timestamp;

use super::{Endpoint, Role};
use crate::{
    Error,
    message::AuthnRequest,
    security::{Certificate, Trust},
    time,
    xml::{
        Caps, Node, Xml,
        names::{DS, FORMAT_UNSPECIFIED, HTTP_ARTIFACT, HTTP_POST, HTTP_REDIRECT, MD, SAMLP},
    },
};

/// A service provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceProvider {
    /// Its name.
    pub entity_id: String,
    /// Keys and addresses.
    pub role: Role,
    /// Where answers to AuthnRequests go.
    pub acs: Vec<Endpoint>,
    /// It signs its AuthnRequests, so unsigned ones are refused.
    pub authn_requests_signed: bool,
    /// It wants the assertion itself signed.
    pub want_assertions_signed: bool,
}

impl ServiceProvider {
    /// Its keys.
    ///
    /// # Errors
    /// [`Error::NoKey`]
    pub fn trust(&self) -> Result<Trust, Error> {
        Trust::new(&self.entity_id, &self.role.signing)
    }

    /// The endpoint for the answer to a request: the one that the request names, if it is registered, else the default
    /// (Metadata section 2.2.3). Endpoints for POST count, and for Artifact where a key is known by which the provider
    /// can prove that an artifact is its own.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the request names one that is not registered, [`Error::Missing`] when there is none at all.
    pub fn acs_for(&self, request: Option<&AuthnRequest>) -> Result<&Endpoint, Error> {
        let binding = request.and_then(|request| request.protocol_binding.as_deref());
        if binding.is_some_and(|binding| binding != HTTP_POST && binding != HTTP_ARTIFACT) {
            return Err(Error::Invalid("ProtocolBinding"));
        }
        let usable = || self.answerable().filter(|endpoint| binding.is_none_or(|binding| endpoint.binding == binding));
        if let Some(request) = request {
            if let Some(url) = &request.acs_url {
                let at_url = || usable().filter(|endpoint| endpoint.location == *url);
                // One address may take both; unasked, the answer itself is sent.
                let found = at_url().find(|endpoint| endpoint.binding == HTTP_POST).or_else(|| at_url().next());
                return found.ok_or(Error::Invalid("AssertionConsumerServiceURL"));
            }
            if let Some(index) = request.acs_index {
                let found = usable().find(|endpoint| endpoint.index == Some(index));
                return found.ok_or(Error::Invalid("AssertionConsumerServiceIndex"));
            }
        }
        let first = usable().find(|endpoint| endpoint.is_default == Some(true));
        let second = || usable().find(|endpoint| endpoint.is_default.is_none());
        let none = if binding.is_some() {
            Error::Invalid("ProtocolBinding")
        } else {
            Error::Missing("AssertionConsumerService")
        };
        first.or_else(second).or_else(|| usable().next()).ok_or(none)
    }

    /// The endpoints that answers can be sent to.
    pub fn answerable(&self) -> impl Iterator<Item = &Endpoint> {
        let proves_itself = !self.role.signing.is_empty();
        self.acs.iter().filter(move |endpoint| {
            endpoint.binding == HTTP_POST || (proves_itself && endpoint.binding == HTTP_ARTIFACT)
        })
    }

    /// The certificate of the key to encrypt to: the first that can be used.
    #[must_use]
    pub fn recipient(&self) -> Option<&Certificate> {
        self.role.encryption.iter().find(|certificate| certificate.encrypts())
    }

    /// Whether the provider takes names of a format; who lists none takes any.
    #[must_use]
    pub fn takes_format(&self, format: &str) -> bool {
        let formats = &self.role.name_id_formats;
        formats.is_empty() || formats.iter().any(|own| own == format || own == FORMAT_UNSPECIFIED)
    }
}

/// An identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityProvider {
    /// Its name.
    pub entity_id: String,
    /// Keys and addresses.
    pub role: Role,
    /// Where AuthnRequests go.
    pub single_sign_on: Vec<Endpoint>,
    /// It takes only signed AuthnRequests.
    pub want_authn_requests_signed: bool,
}

impl IdentityProvider {
    /// The endpoint that AuthnRequests go to: by Redirect if it has that, else by POST.
    #[must_use]
    pub fn sign_on(&self) -> Option<&Endpoint> {
        let by = |binding: &str| self.single_sign_on.iter().find(|endpoint| endpoint.binding == binding);
        by(HTTP_REDIRECT).or_else(|| by(HTTP_POST))
    }

    /// Its keys.
    ///
    /// # Errors
    /// [`Error::NoKey`]
    pub fn trust(&self) -> Result<Trust, Error> {
        Trust::new(&self.entity_id, &self.role.signing)
    }
}

/// What a metadata document says of one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The entity as a service provider.
    pub sp: Option<ServiceProvider>,
    /// The entity as an identity provider.
    pub idp: Option<IdentityProvider>,
}

impl Peer {
    /// Reads a metadata document: of one entity, or of several of which one is wanted. Where `trust` is given, the document as
    /// a whole must be signed by it; its entity is not looked at, since metadata has no Issuer.
    ///
    /// # Errors
    /// [`Error`]; [`Error::NoEntity`] when the wanted one is not there, or several are and none is wanted; [`Error::Time`] when
    /// the document has ended.
    pub fn from_metadata(
        bytes: &[u8],
        entity_id: Option<&str>,
        trust: Option<&Trust>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let xml = Xml::parse(bytes, Caps::METADATA)?;
        let root = xml.root()?;
        if let Some(trust) = trust {
            signed(&xml, trust)?;
        }
        let entity = if root.is(MD, "EntityDescriptor") {
            Some(root).filter(|root| entity_id.is_none_or(|wanted| root.attr("entityID") == Some(wanted)))
        } else if root.is(MD, "EntitiesDescriptor") {
            let mut found = root.walk().filter(|node| {
                node.is(MD, "EntityDescriptor") && entity_id.is_none_or(|wanted| node.attr("entityID") == Some(wanted))
            });
            let first = found.next();
            first.filter(|_| found.next().is_none())
        } else {
            return Err(Error::Kind);
        };
        let entity = entity.ok_or(Error::NoEntity)?;
        let id = entity.required("entityID")?;
        if id.is_empty() || id.len() > 1024 {
            return Err(Error::Invalid("entityID"));
        }
        let mut outer = None;
        let mut around = Some(entity);
        while let Some(node) = around {
            outer = earlier(outer, valid_until(node)?);
            around = node.parent();
        }
        let speaks = |node: &Node<'_>| {
            node.attr("protocolSupportEnumeration").is_some_and(|list| list.split_whitespace().any(|one| one == SAMLP))
        };
        let sp = entity.all(MD, "SPSSODescriptor").find(speaks);
        let idp = entity.all(MD, "IDPSSODescriptor").find(speaks);
        let peer = Self {
            sp: sp.map(|node| service_provider(id, node, outer)).transpose()?,
            idp: idp.map(|node| identity_provider(id, node, outer)).transpose()?,
        };
        if peer.sp.is_none() && peer.idp.is_none() {
            return Err(Error::NoEntity);
        }
        let ends = [peer.sp.as_ref().map(|sp| &sp.role), peer.idp.as_ref().map(|idp| &idp.role)];
        if ends.into_iter().flatten().any(|role| role.expired(now)) { Err(Error::Time) } else { Ok(peer) }
    }
}

fn signed(xml: &Xml<'_>, trust: &Trust) -> Result<(), Error> {
    use crate::security::{Library, XmlSecurity, gate};
    let root = xml.root()?;
    // Aggregates may hold entities that are signed as well; only the signature over all counts.
    let signable: Vec<_> =
        root.walk().filter(|node| node.is(MD, "EntityDescriptor") || node.is(MD, "EntitiesDescriptor")).collect();
    let gated = gate(root, &signable)?;
    let whole: Vec<_> = gated.into_iter().filter(|gated| gated.parent == root.id).collect();
    if whole.is_empty() { Err(Error::Unsigned) } else { Library::verify(xml.doc(), &whole, trust) }
}

fn valid_until(node: Node<'_>) -> Result<Option<Timestamp>, Error> {
    node.attr("validUntil").map(|text| time::read(text, "validUntil")).transpose()
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn role(node: Node<'_>, outer: Option<Timestamp>) -> Result<Role, Error> {
    let mut role = Role { valid_until: earlier(outer, valid_until(node)?), ..Role::default() };
    // A key that is for nothing else is the better one to encrypt to.
    let mut of_any_use = Vec::new();
    for descriptor in node.all(MD, "KeyDescriptor") {
        let usage = descriptor.attr("use");
        for data in descriptor.one(DS, "KeyInfo")?.all(DS, "X509Data") {
            for certificate in data.all(DS, "X509Certificate") {
                let text = certificate.text()?;
                let certificate = Certificate::from_text(&text).map_err(|_| Error::Invalid("X509Certificate"))?;
                if usage != Some("encryption") {
                    role.signing.push(certificate.clone());
                }
                match usage {
                    Some("signing") => {}
                    Some("encryption") => role.encryption.push(certificate),
                    _ => of_any_use.push(certificate),
                }
            }
        }
        if usage != Some("signing") {
            let methods = descriptor.all(MD, "EncryptionMethod").filter_map(|method| method.attr("Algorithm"));
            role.encryption_methods.extend(methods.map(str::to_owned));
        }
    }
    role.encryption.extend(of_any_use);
    role.single_logout = endpoints(node, "SingleLogoutService")?;
    role.artifact_resolution = endpoints(node, "ArtifactResolutionService")?;
    for format in node.all(MD, "NameIDFormat") {
        role.name_id_formats.push(format.text()?.into_owned());
    }
    Ok(role)
}

fn endpoints(node: Node<'_>, name: &'static str) -> Result<Vec<Endpoint>, Error> {
    node.all(MD, name).map(Endpoint::read).collect()
}

fn service_provider(id: &str, node: Node<'_>, outer: Option<Timestamp>) -> Result<ServiceProvider, Error> {
    Ok(ServiceProvider {
        entity_id: id.to_owned(),
        role: role(node, outer)?,
        acs: endpoints(node, "AssertionConsumerService")?,
        authn_requests_signed: node.flag("AuthnRequestsSigned")?.unwrap_or(false),
        want_assertions_signed: node.flag("WantAssertionsSigned")?.unwrap_or(false),
    })
}

fn identity_provider(id: &str, node: Node<'_>, outer: Option<Timestamp>) -> Result<IdentityProvider, Error> {
    Ok(IdentityProvider {
        entity_id: id.to_owned(),
        role: role(node, outer)?,
        single_sign_on: endpoints(node, "SingleSignOnService")?,
        want_authn_requests_signed: node.flag("WantAuthnRequestsSigned")?.unwrap_or(false),
    })
}
