//! [`XmlSecurity`] by the bergshamra crates, with keys of aws-lc-rs that were parsed once, handed in where the library takes
//! hardware keys.
//!
//! Signing uses its canonical form alone: its signing function edits a document tree, which took as long again as all else.

use std::sync::Arc;

use aws_lc_rs::digest;
use base64::{Engine, prelude::BASE64_STANDARD};
use bergshamra_c14n::{C14nMode, canonicalize_doc};
use bergshamra_dsig::{DsigContext, VerifyResult, verify::verify_all_document};
use bergshamra_enc::EncContext;
use bergshamra_keys::KeysManager;
use kryptering::{Decryptor, Encryptor, SignatureAlgorithm};
use uppsala::{Document, Parser};

use super::{
    Algorithm, Certificate, DecryptionKey, Gated, Signer, Trust, VerifyingKey, XmlSecurity, algorithm::SHA256,
    encryption,
};
use crate::{
    BuildError, Error,
    xml::{
        Writer,
        names::{DS, ENVELOPED, EXC_C14N},
    },
};

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

    fn sign(xml: &str, signer: &Signer) -> Result<String, BuildError> {
        let (doc, canonical) = canonical(xml)?;
        let id = doc.document_element().and_then(|root| doc.get_attribute(root, "ID"));
        let id = id.filter(|id| !id.is_empty()).ok_or(BuildError::Crypto)?;
        let digest = digest::digest(&digest::SHA256, &canonical);
        let info = signed_info(id, signer, digest.as_ref())?;
        // What is signed is what is sent: the canonical bytes themselves go into the message.
        let (_, canonical) = self::canonical(&info)?;
        let value = signer.sign(&canonical)?;
        let canonical = String::from_utf8(canonical).map_err(|_| BuildError::Crypto)?;

        let mut out = Writer::new();
        out.start("ds:Signature").attr("xmlns:ds", DS).embed(&canonical);
        out.leaf("ds:SignatureValue", &BASE64_STANDARD.encode(value));
        out.start("ds:KeyInfo").start("ds:X509Data").leaf("ds:X509Certificate", signer.base64());
        out.finish()
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

/// A document of ours and its exclusive canonical form.
fn canonical(xml: &str) -> Result<(Document<'_>, Vec<u8>), BuildError> {
    let doc = Parser::new().with_forbid_dtd(true).parse(xml).map_err(|_| BuildError::Crypto)?;
    let bytes = canonicalize_doc::<&str>(&doc, C14nMode::Exclusive, None, &[]).map_err(|_| BuildError::Crypto)?;
    if bytes.is_empty() { Err(BuildError::Crypto) } else { Ok((doc, bytes)) }
}

fn signed_info(id: &str, signer: &Signer, digest: &[u8]) -> Result<String, BuildError> {
    let mut out = Writer::new();
    out.start("ds:SignedInfo").attr("xmlns:ds", DS);
    out.start("ds:CanonicalizationMethod").attr("Algorithm", EXC_C14N).end();
    out.start("ds:SignatureMethod").attr("Algorithm", signer.algorithm().uri()).end();
    out.start("ds:Reference").attr("URI", &format!("#{id}"));
    out.start("ds:Transforms");
    out.start("ds:Transform").attr("Algorithm", ENVELOPED).end();
    out.start("ds:Transform").attr("Algorithm", EXC_C14N).end();
    out.end();
    out.start("ds:DigestMethod").attr("Algorithm", SHA256).end();
    out.leaf("ds:DigestValue", &BASE64_STANDARD.encode(digest));
    out.finish()
}
