//! The parties and their messages.

use std::{fs, path::Path, time::Duration};

use acquit_core::time::Timestamp;
use acquit_saml::{
    binding::{Arrived, post},
    message::{
        Assertion, Attribute, AuthnStatement, Expect, Header, LogoutRequest, MessageId, NameId, Outbound, Response,
        SignWhat,
    },
    names,
    security::{KeyKind, Signer, Trust},
};
use anyhow::{Context, Result};
use aws_lc_rs::{
    encoding::AsDer,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RsaKeyPair},
};
use base64::{Engine, prelude::BASE64_STANDARD};

/// Who sends.
pub(crate) const ISSUER: &str = "https://peer.example/saml/metadata";
/// Who receives.
pub(crate) const HERE: &str = "https://acquit.example/saml/slo";
const REQUEST: &str = "_8d1f2b3c4d5e6f708192a3b4c5d6e7f801234567";

/// When all of it happens.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_seconds(1_795_241_256)
}

/// What the receiver expects.
pub(crate) fn expect() -> Expect<'static> {
    Expect::new(&[HERE], now())
}

/// A sender with its key and what it sends.
pub(crate) struct Party {
    /// `RSA-2048` or `P-256`.
    pub(crate) name: &'static str,
    pub(crate) pkcs8: Vec<u8>,
    pub(crate) signer: Signer,
    pub(crate) trust: Trust,
    pub(crate) response: Response,
    pub(crate) logout: LogoutRequest,
}

impl Party {
    /// Both kinds of keys.
    pub(crate) fn all() -> Result<Vec<Self>> {
        [("RSA-2048", KeyKind::Rsa2048), ("P-256", KeyKind::P256)]
            .into_iter()
            .map(|(name, kind)| Self::new(name, kind))
            .collect()
    }

    fn new(name: &'static str, kind: KeyKind) -> Result<Self> {
        let pkcs8 = Signer::generate(kind)?.to_vec();
        let signer = Signer::self_signed(&pkcs8, "peer.example")?;
        let trust = Trust::new(ISSUER, &[signer.certificate().clone()])?;
        let id = |number| MessageId::from_random([number; 20]);
        Ok(Self {
            name,
            pkcs8,
            signer,
            trust,
            response: Response::success(Header::new(&id(1), now(), ISSUER, HERE).answering(REQUEST), assertion(&id(2))),
            logout: LogoutRequest {
                header: Header::new(&id(3), now(), ISSUER, HERE),
                not_on_or_after: Some(now().plus(Duration::from_secs(300))),
                reason: None,
                name_id: NameId::new("b0ebc3a4f1d2", names::FORMAT_PERSISTENT),
                session_indexes: vec!["_5e6f708192a3b4c5d6e7f8".to_owned()],
                asynchronous: false,
            },
        })
    }

    /// The logout request as it arrives: decoded from its form field, not yet looked at.
    pub(crate) fn arrived(&self) -> Result<Arrived> {
        let field = BASE64_STANDARD.encode(self.logout.signed_xml(&self.signer)?);
        Ok(post::decode([("SAMLRequest", field.as_str())])?)
    }

    /// The public key.
    pub(crate) fn spki(&self) -> Result<Vec<u8>> {
        let der = match RsaKeyPair::from_pkcs8(&self.pkcs8) {
            Ok(pair) => pair.public_key().as_der()?,
            Err(_) => EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.pkcs8)?.public_key().as_der()?,
        };
        Ok(der.as_ref().to_vec())
    }

    /// The same key and messages as files: the logout request to be verified, the response with an empty signature.
    pub(crate) fn write_for_peer(&self, dir: &Path) -> Result<()> {
        let file = |end: &str| dir.join(format!("{}{end}", self.name));
        fs::write(file(".key.der"), &self.pkcs8)?;
        fs::write(file(".pub.der"), self.spki()?)?;
        fs::write(file(".xml"), self.arrived()?.xml())?;
        let signed = self.response.to_xml(&self.signer, SignWhat::Response, None)?;
        let template = ["ds:DigestValue", "ds:SignatureValue", "ds:KeyInfo"]
            .into_iter()
            .try_fold(signed, |xml, name| emptied(&xml, name))
            .context("the response is not signed as expected")?;
        fs::write(file(".template.xml"), template)?;
        Ok(())
    }
}

/// The document with the first element of that name empty; KeyInfo, which the peer would fill in as well, without it.
fn emptied(xml: &str, name: &str) -> Option<String> {
    let (start, end) = (format!("<{name}>"), format!("</{name}>"));
    let (before, rest) = xml.split_once(&start)?;
    let (_, after) = rest.split_once(&end)?;
    Some(if name == "ds:KeyInfo" { format!("{before}{after}") } else { format!("{before}{start}{end}{after}") })
}

fn assertion(id: &MessageId) -> Assertion {
    Assertion {
        id: id.to_string(),
        issue_instant: now(),
        issuer: ISSUER.to_owned(),
        name_id: NameId::new("b0ebc3a4f1d2", names::FORMAT_PERSISTENT),
        in_response_to: Some(REQUEST.to_owned()),
        recipient: HERE.to_owned(),
        not_before: None,
        not_on_or_after: now(),
        audience: "https://acquit.example/saml/metadata".to_owned(),
        authn: AuthnStatement {
            instant: now(),
            session_index: Some("_5e6f708192a3b4c5d6e7f8".to_owned()),
            session_not_on_or_after: Some(now().plus(Duration::from_secs(3600))),
            context: names::AC_PASSWORD.to_owned(),
            authorities: Vec::new(),
        },
        attributes: vec![
            Attribute::new("email", vec!["alice@example.com".to_owned()]),
            Attribute::new("name", vec!["Alice Example".to_owned()]),
            Attribute::new("groups", vec!["ops".to_owned(), "dev".to_owned()]),
        ],
    }
    .valid_for(now(), Duration::from_secs(300))
}
