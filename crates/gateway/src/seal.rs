//! Sealing under one key: AES-256-GCM-SIV, so that a repeated nonce does no harm beyond showing that two values are equal.

use std::sync::Arc;

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey},
    rand,
};
use zeroize::Zeroizing;

const NONCE: usize = 12;
const TAG: usize = 16;

/// It cannot be sealed: the system gives no random bytes, or the crypto library refuses the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot be sealed")]
pub struct Unsealable;

/// It was not sealed with this key for this purpose, or was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not sealed here for this purpose")]
pub struct Forged;

/// A key that seals and opens. Clones are the same key.
#[derive(Clone)]
pub struct SealKey(Arc<LessSafeKey>);

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey(…)")
    }
}

impl SealKey {
    /// Takes the key's bytes.
    ///
    /// # Errors
    /// [`Unsealable`] when the crypto library refuses, which no bytes can cause.
    pub fn new(key: &[u8; 32]) -> Result<Self, Unsealable> {
        UnboundKey::new(&AES_256_GCM_SIV, key).map(|key| Self(Arc::new(LessSafeKey::new(key)))).map_err(|_| Unsealable)
    }

    /// Seals bytes for what `context` names; the result is nonce, ciphertext and tag.
    ///
    /// # Errors
    /// [`Unsealable`].
    pub fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce).map_err(|_| Unsealable)?;
        let mut sealed = Vec::with_capacity(NONCE + plain.len() + TAG);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(context), &mut sealed[NONCE..])
            .map_err(|_| Unsealable)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what [`SealKey::seal`] made for the same `context`. The result is wiped when dropped.
    ///
    /// # Errors
    /// [`Forged`].
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Forged> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE>().ok_or(Forged)?;
        let mut body = Zeroizing::new(body.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.0.open_in_place(nonce, Aad::from(context), body.as_mut_slice()).map_err(|_| Forged)?.len();
        body.truncate(length);
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_with_its_key_and_context_only() {
        let key = SealKey::new(&[1; 32]).unwrap();
        let sealed = key.seal(b"here", b"hello").unwrap();
        assert_eq!(key.open(b"here", &sealed).unwrap().as_slice(), b"hello");
        assert_eq!(key.open(b"there", &sealed), Err(Forged));
        assert_eq!(SealKey::new(&[2; 32]).unwrap().open(b"here", &sealed), Err(Forged));
        assert_ne!(key.seal(b"here", b"hello").unwrap(), sealed);
    }

    #[test]
    fn a_changed_or_cut_value_does_not_open() {
        let key = SealKey::new(&[1; 32]).unwrap();
        let sealed = key.seal(b"", b"hello").unwrap();
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(key.open(b"", &changed).is_err(), "byte {index}");
            assert!(key.open(b"", &sealed[..index]).is_err(), "cut at {index}");
        }
    }
}
