//! [`XmlSecurity`] by the bergshamra crates: canonical form, digests and the order of work are theirs, the keys are parsed
//! pairs of aws-lc-rs, handed in where the library takes hardware keys.

use std::sync::Arc;

use bergshamra_dsig::{DsigContext, VerifyResult, sign::sign_document_node, verify::verify_all_document};
use bergshamra_enc::EncContext;
use bergshamra_keys::KeysManager;
use kryptering::{Decryptor, Encryptor, SignatureAlgorithm};
use uppsala::{Document, NodeId};

use super::{Algorithm, Certificate, DecryptionKey, Gated, Signer, Trust, VerifyingKey, XmlSecurity, encryption};
use crate::{BuildError, Error};

/// The library.
pub(crate) struct Bergshamra;

struct Keys {
    algorithm: Algorithm,
    keys: Arc<[VerifyingKey]>,
}

impl kryptering::Verifier for Keys {
    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm.kind()
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<bool, kryptering::Error> {
        // A canonical form that failed would be empty; SignedInfo never is.
        let canonical = data.starts_with(b"<") && data.ends_with(b"SignedInfo>");
        Ok(canonical && self.keys.iter().any(|key| key.made(self.algorithm, data, signature)))
    }
}

impl kryptering::Signer for Signer {
    fn algorithm(&self) -> SignatureAlgorithm {
        Signer::algorithm(self).kind()
    }

    fn sign(&self, data: &[u8]) -> Result<Vec<u8>, kryptering::Error> {
        Signer::sign(self, data).map_err(|error| kryptering::Error::Crypto(error.to_string()))
    }
}

impl XmlSecurity for Bergshamra {
    fn verify(doc: &Document<'_>, gated: &[Gated], trust: &Trust) -> Result<(), Error> {
        let mut algorithms: Vec<Algorithm> = Vec::new();
        for signature in gated {
            if !algorithms.contains(&signature.algorithm) {
                algorithms.push(signature.algorithm);
            }
        }
        let mut verified = Vec::new();
        for algorithm in algorithms {
            if !trust.keys().iter().any(|key| key.fits(algorithm)) {
                return Err(Error::Signature);
            }
            let keys = Keys { algorithm, keys: Arc::clone(trust.keys()) };
            let context = DsigContext::new(KeysManager::new()).with_hsm_verifier(Box::new(keys));
            verified.extend(verify_all_document(&context, doc).map_err(|_| Error::Signature)?);
        }
        // Each signature of the gate was verified, over its one reference, which is the element that the gate saw.
        let all = gated.iter().all(|gated| {
            verified.iter().any(|result| match result {
                VerifyResult::Valid { signature_node, references, .. } => {
                    *signature_node == gated.signature
                        && matches!(&references[..], [one] if one.digest_verified
                            && one.resolved_node == Some(gated.parent))
                }
                VerifyResult::Invalid { .. } => false,
            })
        });
        if all && !gated.is_empty() { Ok(()) } else { Err(Error::Signature) }
    }

    fn sign(doc: &mut Document<'_>, signature: NodeId, signer: &Signer) -> Result<(), BuildError> {
        let context = DsigContext::new(KeysManager::new()).with_hsm_signer(Box::new(signer.clone()));
        sign_document_node(&context, doc, signature).map_err(|_| BuildError::Crypto)
    }

    fn encrypt(template: &str, plain: &[u8], recipient: &Certificate) -> Result<String, BuildError> {
        let key = encryption::Recipient::new(recipient)?;
        let context = EncContext::new(KeysManager::new())
            .with_disable_cipher_reference(true)
            .with_hsm_encryptor(Box::new(key) as Box<dyn Encryptor>, &[encryption::RSA_OAEP]);
        bergshamra_enc::encrypt::encrypt(&context, template, plain).map_err(|_| BuildError::Crypto)
    }

    fn decrypt(xml: &str, key: &DecryptionKey) -> Result<String, Error> {
        let mut context = EncContext::new(KeysManager::new())
            .with_disable_cipher_reference(true)
            .with_hsm_decryptor(Box::new(key.clone()) as Box<dyn Decryptor>, &[encryption::RSA_OAEP]);
        context.max_pbkdf2_iterations = 0;
        bergshamra_enc::decrypt::decrypt(&context, xml).map_err(|_| Error::Decryption)
    }
}
