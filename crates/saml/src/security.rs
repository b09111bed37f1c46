//! XML security behind one small trait, `XmlSecurity`: what the library does is done in `bergshamra` alone, and what it
//! may be asked is decided here. Nothing outside sees a library type.

mod algorithm;
mod bergshamra;
mod encryption;
mod gate;
mod key;
mod signer;

use uppsala::Document;

pub use algorithm::Algorithm;
pub use encryption::{AES256_GCM as ENCRYPTS_BY, DecryptionKey};
pub(crate) use encryption::{TAKEN, decrypt, encrypt, is_cipher};
pub(crate) use gate::{Gated, gate};
pub use key::{Certificate, Trust, VerifyingKey};
pub use signer::{KeyKind, Signer};

use crate::{BuildError, Error};

/// What an XML security library does for us, on documents that were parsed by us and signatures that passed the gate.
pub(crate) trait XmlSecurity {
    /// Verifies signatures, each over the element that holds it, with any of the keys; all must hold.
    fn verify(doc: &Document<'_>, gated: &[Gated], trust: &Trust) -> Result<(), Error>;
    /// The `ds:Signature` to be put into the root of a document that we wrote, over that root by its `ID`.
    fn sign(xml: &str, signer: &Signer) -> Result<String, BuildError>;
    /// Fills in encrypted data that was written empty, with a fresh key wrapped for the recipient.
    fn encrypt(template: &str, plain: &[u8], recipient: &Certificate) -> Result<String, BuildError>;
    /// The document with its one encrypted element in the clear.
    fn decrypt(xml: &str, key: &DecryptionKey) -> Result<String, Error>;
}

/// The library in use.
pub(crate) type Library = bergshamra::Bergshamra;
