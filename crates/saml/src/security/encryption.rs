//! Encrypted assertions and identifiers: the shape that is taken, and the keys.
//!
//! Taken: AES in GCM, or CBC since only signed messages are ever decrypted, with a key wrapped by RSA-OAEP inside the
//! element. Refused before any decryption: RSA PKCS #1 v1.5, key agreement, passwords, references. Every failure is the same
//! [`Error::Decryption`].

use std::{fmt, sync::Arc};

use aws_lc_rs::rsa::{OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey};
use kryptering::{Decryptor, Encryptor};

use super::{Certificate, Library, XmlSecurity, key::OAEP};
use crate::{
    BuildError, Error,
    xml::{
        Node, Writer,
        names::{DS, XENC},
    },
};

/// RSA-OAEP with SHA-1, which is all that its use here needs and what every peer knows.
pub(super) const RSA_OAEP: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";
/// How data is encrypted by us.
pub const AES256_GCM: &str = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
const CIPHERS: [&str; 5] = [
    AES256_GCM,
    "http://www.w3.org/2009/xmlenc11#aes192-gcm",
    "http://www.w3.org/2009/xmlenc11#aes128-gcm",
    "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
    "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
];

/// What metadata says that peers may encrypt to us by; CBC is taken and not asked for.
pub(crate) const TAKEN: [&str; 3] = [CIPHERS[0], CIPHERS[2], RSA_OAEP];

/// Whether an algorithm encrypts data, not keys.
pub(crate) fn is_cipher(algorithm: &str) -> bool {
    let names_key = ["#kw-", "#rsa-"].iter().any(|part| algorithm.contains(part));
    !names_key && ["aes", "tripledes"].iter().any(|part| algorithm.contains(part))
}

/// A private RSA key of our own that decrypts, parsed once. Clones share it.
#[derive(Clone)]
pub struct DecryptionKey(Arc<OaepPrivateDecryptingKey>);

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DecryptionKey")
    }
}

impl DecryptionKey {
    /// Reads an RSA key from PKCS#8 DER.
    ///
    /// # Errors
    /// [`BuildError::Key`]
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, BuildError> {
        let key = PrivateDecryptingKey::from_pkcs8(pkcs8).map_err(|_| BuildError::Key)?;
        if key.key_size_bits() < 2048 {
            return Err(BuildError::Key);
        }
        OaepPrivateDecryptingKey::new(key).map(|key| Self(Arc::new(key))).map_err(|_| BuildError::Key)
    }
}

impl Decryptor for DecryptionKey {
    fn decrypt(&self, ciphertext: &[u8]) -> Result<Vec<u8>, kryptering::Error> {
        let mut plain = vec![0; self.0.min_output_size()];
        let length = match self.0.decrypt(OAEP, ciphertext, &mut plain, None) {
            Ok(plain) => plain.len(),
            Err(_) => return Err(kryptering::Error::Crypto("decryption".into())),
        };
        plain.truncate(length);
        Ok(plain)
    }
}

pub(super) struct Recipient(OaepPublicEncryptingKey);

impl Recipient {
    pub(super) fn new(certificate: &Certificate) -> Result<Self, BuildError> {
        certificate.encrypting_key().map(Self)
    }
}

impl Encryptor for Recipient {
    fn encrypt(&self, plaintext: &[u8]) -> Result<Vec<u8>, kryptering::Error> {
        let mut out = vec![0; self.0.ciphertext_size()];
        let length = match self.0.encrypt(OAEP, plaintext, &mut out, None) {
            Ok(out) => out.len(),
            Err(_) => return Err(kryptering::Error::Crypto("encryption".into())),
        };
        out.truncate(length);
        Ok(out)
    }
}

/// The `xenc:EncryptedData` of a written element, AES-256 in GCM with a fresh key for the recipient.
pub(crate) fn encrypt(plain: &str, recipient: &Certificate) -> Result<String, BuildError> {
    let mut out = Writer::new();
    out.start("xenc:EncryptedData").attr("xmlns:xenc", XENC).attr("Type", "http://www.w3.org/2001/04/xmlenc#Element");
    out.start("xenc:EncryptionMethod").attr("Algorithm", AES256_GCM).end();
    out.start("ds:KeyInfo").attr("xmlns:ds", DS);
    out.start("xenc:EncryptedKey");
    out.start("xenc:EncryptionMethod").attr("Algorithm", RSA_OAEP);
    out.start("ds:DigestMethod").attr("Algorithm", SHA1).end().end();
    out.start("xenc:CipherData").start("xenc:CipherValue").end().end();
    out.end().end();
    out.start("xenc:CipherData").start("xenc:CipherValue").end().end();
    Library::encrypt(&out.finish()?, plain.as_bytes(), recipient)
}

/// The document with the one `xenc:EncryptedData` inside `holder` in the clear. Only for a holder that a verified signature
/// covers.
pub(crate) fn decrypt(holder: Node<'_>, keys: &[DecryptionKey]) -> Result<String, Error> {
    shape(holder).map_err(|_| Error::Decryption)?;
    let xml = holder.doc.input_text();
    keys.iter().find_map(|key| Library::decrypt(xml, key).ok()).ok_or(Error::Decryption)
}

fn shape(holder: Node<'_>) -> Result<(), Error> {
    let data = holder.one(XENC, "EncryptedData")?;
    // The library decrypts the first of the whole document, which may stand in a SOAP header that nobody signed.
    let root = std::iter::successors(Some(holder), |node| node.parent()).last().ok_or(Error::Decryption)?;
    let of = |name: &'static str| root.walk().filter(move |node| node.is(XENC, name)).count();
    if holder.children().count() != 1 || of("EncryptedData") != 1 || of("EncryptedKey") != 1 {
        return Err(Error::Decryption);
    }
    let key = data.one(DS, "KeyInfo")?.one(XENC, "EncryptedKey")?;
    let method = key.one(XENC, "EncryptionMethod")?;
    let digests = method.children().all(|child| child.is(DS, "DigestMethod") && child.attr("Algorithm") == Some(SHA1));
    let cipher = data.one(XENC, "EncryptionMethod")?.required("Algorithm")?;
    let data_value = data.one(XENC, "CipherData")?.one(XENC, "CipherValue")?;
    let key_value = key.one(XENC, "CipherData")?.one(XENC, "CipherValue")?;
    // The library reads these by local name.
    let foreign =
        data.walk().any(|node| node.attributes().iter().any(|attribute| attribute.name.namespace_uri.is_some()));
    let fits = method.attr("Algorithm") == Some(RSA_OAEP)
        && digests
        && CIPHERS.contains(&cipher)
        && !data_value.text()?.is_empty()
        && !key_value.text()?.is_empty()
        && !foreign;
    if fits { Ok(()) } else { Err(Error::Decryption) }
}
