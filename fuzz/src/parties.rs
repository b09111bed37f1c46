//! The peer, whose keys nobody has; ourselves, with keys of this process; and what we expect.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use acquit_core::time::Timestamp;
use acquit_saml::{
    message::{Expect, MessageId, ResponseRules},
    metadata::{Endpoint, Role, ServiceProvider},
    names,
    security::{Certificate, KeyKind, Signer, Trust},
};

pub const PEER: &str = "https://peer.example/metadata";
pub const OURS: &str = "https://acquit.example/metadata";
/// All of our endpoints.
pub const HERE: &str = "https://acquit.example/saml";
pub const REQUEST: &str = "_request";
/// The certificates of the peer, in `seeds`.
pub const CERTIFICATES: [&str; 2] = ["rsa.crt", "p256.crt"];

pub fn now() -> Timestamp {
    Timestamp::from_seconds(1_795_241_256)
}

pub fn expect() -> Expect<'static> {
    Expect::new(&[HERE], now())
}

pub fn rules() -> ResponseRules<'static> {
    ResponseRules { audience: OURS, request: Some(REQUEST), keys: &[] }
}

pub fn id(number: u8) -> MessageId {
    MessageId::from_random([number; 20])
}

/// The folder of the fuzz targets, from this crate or from the one that includes these files.
pub fn folder() -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut candidates = from.flat_map(|at| [at.join("fuzz"), at.to_owned()]);
    candidates.find(|at| at.join("fuzz_targets").is_dir()).expect("the folder fuzz")
}

/// The files of a folder of ours with their names; none when it is not there.
pub fn files(of: &str, target: &str) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder().join(of).join(target)) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect()
}

/// The trust in the peer.
pub fn trust() -> &'static Trust {
    static TRUST: OnceLock<Trust> = OnceLock::new();
    TRUST.get_or_init(|| Trust::new(PEER, &certificates()).unwrap())
}

fn certificates() -> Vec<Certificate> {
    let read = |name| Certificate::from_text(&fs::read_to_string(folder().join("seeds").join(name)).unwrap()).unwrap();
    CERTIFICATES.map(read).to_vec()
}

/// A key of this process: P-256, since it signs quickly.
pub struct Own {
    pub pkcs8: Vec<u8>,
    pub signer: Signer,
    pub trust: Trust,
}

pub fn own() -> &'static Own {
    static OWN: OnceLock<Own> = OnceLock::new();
    OWN.get_or_init(|| {
        let pkcs8 = Signer::generate(KeyKind::P256).unwrap().to_vec();
        let signer = Signer::self_signed(&pkcs8, "own").unwrap();
        let trust = Trust::new(PEER, &[signer.certificate().clone()]).unwrap();
        Own { pkcs8, signer, trust }
    })
}

/// The peer as a service provider, with the keys of the seeds or with ours, whose requests must be signed or need not be.
pub fn provider(own_keys: bool, signs: bool) -> &'static ServiceProvider {
    static PROVIDERS: OnceLock<[ServiceProvider; 4]> = OnceLock::new();
    let make = |own_keys, authn_requests_signed| ServiceProvider {
        entity_id: PEER.to_owned(),
        role: Role {
            signing: if own_keys { vec![own().signer.certificate().clone()] } else { certificates() },
            ..Role::default()
        },
        acs: vec![Endpoint::new(names::HTTP_POST, "https://peer.example/acs")],
        authn_requests_signed,
        want_assertions_signed: false,
    };
    let all = PROVIDERS.get_or_init(|| [make(false, false), make(false, true), make(true, false), make(true, true)]);
    &all[usize::from(own_keys) * 2 + usize::from(signs)]
}
