//! What a SAML application registers at Acquit, and its start.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, OnceLock},
};

use acquit_saml::{
    metadata::SpDescription,
    names::HTTP_ARTIFACT,
    security::{Certificate, DecryptionKey, KeyKind, Signer},
};

use super::{Binding, Shared, TestSp, server};
use crate::door::{Door, listen};

/// What it registers.
#[derive(Clone, Debug)]
pub struct SpRegistration {
    id: String,
    told: Binding,
    at: IpAddr,
    key: KeyKind,
    decrypts: bool,
    artifact_by_default: bool,
    more: Vec<String>,
    changes: Vec<(String, String)>,
}

impl SpRegistration {
    /// An application that is told so.
    #[must_use]
    pub fn new(id: &str, told: Binding) -> Self {
        // Of P-256: a test makes many, and RSA is what Acquit signs with itself.
        Self {
            id: id.to_owned(),
            told,
            at: Ipv4Addr::LOCALHOST.into(),
            key: KeyKind::P256,
            decrypts: false,
            artifact_by_default: false,
            more: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// With another line of configuration: `session_index_required = true`.
    #[must_use]
    pub fn with(mut self, line: &str) -> Self {
        self.more.push(line.to_owned());
        self
    }

    /// With metadata that says `to` where it would say `from`.
    #[must_use]
    pub fn describing(mut self, from: &str, to: &str) -> Self {
        self.changes.push((from.to_owned(), to.to_owned()));
        self
    }

    /// At this address, of 127.0.0.0/8. Each is a site of its own to browsers, and servers reach it too, as no name under
    /// `localhost`.
    #[must_use]
    pub fn at(mut self, address: [u8; 4]) -> Self {
        self.at = address.into();
        self
    }

    /// With an RSA key, for peers that know no other.
    #[must_use]
    pub fn rsa(mut self) -> Self {
        self.key = KeyKind::Rsa2048;
        self
    }

    /// That wants artifacts unless it asks for something else.
    #[must_use]
    pub fn artifact_by_default(mut self) -> Self {
        self.artifact_by_default = true;
        self
    }

    /// With a key to encrypt to, and assertions only if they are.
    #[must_use]
    pub fn encrypted(mut self) -> Self {
        self.decrypts = true;
        self.with("encrypt_assertions = true")
    }

    /// Starts it.
    ///
    /// # Panics
    /// No free port.
    pub async fn start(self) -> TestSp {
        let (listener, address) = listen(self.at).await;
        let shared = Arc::new(Shared {
            origin: format!("http://{address}"),
            id: self.id,
            told: self.told,
            signer: signer(self.key, "sp"),
            stranger: signer(self.key, "stranger"),
            artifact_by_default: self.artifact_by_default,
            decryption: self.decrypts.then(decryption),
            metadata_url: OnceLock::new(),
            issuer: OnceLock::new(),
            idp: Mutex::default(),
            asked: Mutex::default(),
            sessions: Mutex::default(),
            metadata: OnceLock::new(),
            manner: Mutex::default(),
            answer_at: Mutex::default(),
            ledger: Mutex::default(),
            seen: Mutex::default(),
        });
        let served = shared.clone();
        let door = Door::open(listener, move |listener| tokio::spawn(server::serve(listener, served.clone())));
        let folder = tempfile::Builder::new().prefix("acquit-sp-").tempdir().unwrap();
        let sp = TestSp { shared, more: self.more, changes: self.changes, folder, door };
        std::fs::write(sp.folder.path().join("sp.xml"), sp.metadata()).unwrap();
        let _ = sp.shared.metadata.set(sp.metadata());
        sp
    }
}

fn signer(kind: KeyKind, name: &str) -> Signer {
    Signer::self_signed(&Signer::generate(kind).unwrap(), name).unwrap()
}

fn decryption() -> (Certificate, DecryptionKey, Vec<u8>) {
    let pkcs8 = Signer::generate(KeyKind::Rsa2048).unwrap();
    let signer = Signer::self_signed(&pkcs8, "sp").unwrap();
    (signer.certificate().clone(), DecryptionKey::from_pkcs8(&pkcs8).unwrap(), pkcs8.to_vec())
}

impl TestSp {
    /// Its metadata.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn metadata(&self) -> String {
        let soap = self.url("/slo/soap");
        let encryption: Vec<Certificate> = self.shared.decryption.iter().map(|(one, ..)| one.clone()).collect();
        let description = SpDescription {
            entity_id: &self.entity_id(),
            signing: &[self.shared.signer.certificate().clone()],
            encryption: &encryption,
            acs: &self.url("/acs"),
            slo: &self.url("/slo"),
            slo_soap: Some(&soap),
            name_id_formats: &[],
        };
        // Besides POST it takes artifacts at the same address.
        let default = self.shared.artifact_by_default;
        let artifact = format!(
            "<md:AssertionConsumerService Binding=\"{HTTP_ARTIFACT}\" Location=\"{}\" index=\"1\" \
             isDefault=\"{default}\"/></md:SPSSODescriptor>",
            self.url("/acs")
        );
        let mut xml = description.to_xml(None).unwrap().replace("</md:SPSSODescriptor>", &artifact);
        if default {
            xml = xml.replacen("isDefault=\"true\"", "isDefault=\"false\"", 1);
        }
        self.changes.iter().fold(xml, |xml, (from, to)| xml.replace(from, to))
    }

    /// The private key that it decrypts with, as PKCS#8 in DER.
    ///
    /// # Panics
    /// It has none.
    #[must_use]
    pub fn decryption_key(&self) -> &[u8] {
        &self.shared.decryption.as_ref().expect("a key").2
    }

    /// Its part of Acquit's configuration.
    #[must_use]
    pub fn configuration(&self) -> String {
        self.described_by(&format!("{{ file = {:?} }}", self.folder.path().join("sp.xml").display().to_string()))
    }

    /// The same with the address of its metadata, for Acquit to fetch.
    #[must_use]
    pub fn configuration_at_url(&self) -> String {
        self.described_by(&format!("{{ url = {:?} }}", self.url("/metadata")))
    }

    fn described_by(&self, metadata: &str) -> String {
        let id = self.id();
        let binding = match self.shared.told {
            Binding::Soap => "soap",
            Binding::Redirect => "redirect",
            Binding::Post => "post",
        };
        let mut lines = vec![
            "[[applications]]".to_owned(),
            format!("id = {id:?}"),
            format!("key = \"exk{id}\""),
            "protocol = \"saml\"".to_owned(),
            format!("metadata = {metadata}"),
            format!("slo_binding = {binding:?}"),
        ];
        lines.extend(self.more.iter().cloned());
        lines.join("\n") + "\n\n"
    }
}
