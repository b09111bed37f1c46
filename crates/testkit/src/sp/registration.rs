//! What a SAML application registers at Acquit, and its start.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex, OnceLock},
};

use acquit_saml::{
    metadata::SpDescription,
    security::{KeyKind, Signer},
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

impl TestSp {
    /// Its metadata.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn metadata(&self) -> String {
        let soap = self.url("/slo/soap");
        let description = SpDescription {
            entity_id: &self.entity_id(),
            signing: &[self.shared.signer.certificate().clone()],
            encryption: &[],
            acs: &self.url("/acs"),
            slo: &self.url("/slo"),
            slo_soap: Some(&soap),
            name_id_formats: &[],
        };
        let xml = description.to_xml(None).unwrap();
        self.changes.iter().fold(xml, |xml, (from, to)| xml.replace(from, to))
    }

    /// Its part of Acquit's configuration.
    #[must_use]
    pub fn configuration(&self) -> String {
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
            format!("metadata = {{ file = {:?} }}", self.folder.path().join("sp.xml").display().to_string()),
            format!("slo_binding = {binding:?}"),
        ];
        lines.extend(self.more.iter().cloned());
        lines.join("\n") + "\n\n"
    }
}
