//! The provider's keys: one signs for each algorithm, others are published before they sign or after they did.

use std::sync::Arc;

use serde::Serialize;

use super::{Algorithm, Jwks, PublicJwk, SigningKey};

/// What a key is for at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Published, so that every cached JWK set has it before it signs.
    Next,
    /// It signs.
    Active,
    /// Published for the tokens that it signed.
    Retired,
}

/// The JWK set document that is served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JwksDocument {
    /// The keys.
    pub keys: Vec<PublicJwk>,
}

/// All keys of the provider, parsed.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    active: Vec<Arc<SigningKey>>,
    document: JwksDocument,
    verifying: Jwks,
}

impl KeySet {
    /// Of keys with their roles, the newest first: of two active ones for an algorithm the first signs.
    #[must_use]
    pub fn new(keys: Vec<(Arc<SigningKey>, Role)>) -> Self {
        let document = JwksDocument { keys: keys.iter().map(|(key, _)| key.public_jwk().clone()).collect() };
        // Those that are next are ours too: where this clock was set back, or runs behind another node's, they signed.
        let verifying = Jwks::of(keys.iter().map(|(key, _)| key.public_jwk()));
        let active = keys.into_iter().filter(|(_, role)| *role == Role::Active).map(|(key, _)| key).collect();
        Self { active, document, verifying }
    }

    /// The key that signs with `alg`.
    #[must_use]
    pub fn signer(&self, alg: Algorithm) -> Option<&Arc<SigningKey>> {
        self.active.iter().find(|key| key.algorithm() == alg)
    }

    /// The algorithms that can be signed with.
    #[must_use]
    pub fn algorithms(&self) -> Vec<Algorithm> {
        Algorithm::ALL.into_iter().filter(|&alg| self.signer(alg).is_some()).collect()
    }

    /// The keys that signed, or may have signed, our tokens: what a hint is checked with.
    #[must_use]
    pub fn verifying(&self) -> &Jwks {
        &self.verifying
    }

    /// The document for `/oauth2/v1/keys`.
    #[must_use]
    pub fn document(&self) -> &JwksDocument {
        &self.document
    }
}
