//! Sealing: what leaves this server to come back unread and unchanged, or is kept where others may look.
//!
//! Each purpose has a key that HKDF derives from the master key, so that a value sealed for one purpose opens for no other.

mod gateway;

use acquit_core::Timestamp;
use acquit_gateway::seal::SealKey;
use aws_lc_rs::{
    constant_time,
    hkdf::{HKDF_SHA256, KeyType, Prk, Salt},
    hmac,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

pub use self::gateway::{GatewayKeys, NoGatewayKeys, RouteKeySeal};
use crate::settings::MasterKey;

/// The longest sealed text that is looked at, in characters.
pub const MAX_SEALED: usize = 16 * 1024;

/// What a value is sealed for. Each has a key of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A private signing key in the store.
    SigningKey,
    /// An authorization request that waits for a sign-in, in a URL.
    Flow,
    /// A cross-site POST that goes on as a GET, in a URL.
    Handoff,
    /// Which frames a browser was given, for its report that they have loaded.
    Report,
    /// A logout that waits for the person's answer, in a form.
    Confirmation,
    /// A private key for SAML in the store, with its certificate.
    SamlKey,
    /// A SAML message that was posted, verified, and goes on as a GET, in a URL.
    SamlHandoff,
    /// A SAML message that waits in the store for its artifact.
    SamlArtifact,
    /// A private key in the store that decrypts SAML messages, with its certificate.
    SamlDecryption,
    /// A browser's way to an identity provider and back, in a URL.
    Trip,
    /// An identity provider's tokens in the store.
    UpstreamTokens,
    /// The right of a broker application to have a person signed out, in a URL.
    LogoutToken,
    /// Where a browser goes on that comes back from signing out at an identity provider, in a URL.
    Return,
    /// The secret of a webhook endpoint in the store.
    WebhookSecret,
    /// Our secret at an identity provider in the store, with the connection that it is of.
    ConnectionSecret,
    /// The answer of a call of the broker API that may be tried again, in the store.
    KeptAnswer,
    /// A browser's way from a route to its sign-in and back, in a URL.
    RouteTrip,
    /// Who a person is to a route, on its way there, in a URL.
    RouteCode,
    /// A browser's way out of a route that signed it out, in a URL.
    RouteExit,
    /// A private key in the store that signs who a person is to a route.
    RouteKey,
}

impl Purpose {
    const ALL: [Self; 20] = [
        Self::SigningKey,
        Self::Flow,
        Self::Handoff,
        Self::Report,
        Self::Confirmation,
        Self::SamlKey,
        Self::SamlHandoff,
        Self::SamlArtifact,
        Self::SamlDecryption,
        Self::Trip,
        Self::UpstreamTokens,
        Self::LogoutToken,
        Self::Return,
        Self::WebhookSecret,
        Self::ConnectionSecret,
        Self::KeptAnswer,
        Self::RouteTrip,
        Self::RouteCode,
        Self::RouteExit,
        Self::RouteKey,
    ];

    const fn label(self) -> &'static str {
        match self {
            Self::SigningKey => "acquit signing key v1",
            Self::Flow => "acquit flow v1",
            Self::Handoff => "acquit handoff v1",
            Self::Report => "acquit report v1",
            Self::Confirmation => "acquit confirmation v1",
            Self::SamlKey => "acquit saml key v1",
            Self::SamlHandoff => "acquit saml handoff v1",
            Self::SamlArtifact => "acquit saml artifact v1",
            Self::SamlDecryption => "acquit saml decryption v1",
            Self::Trip => "acquit trip v1",
            Self::UpstreamTokens => "acquit upstream tokens v1",
            Self::LogoutToken => "acquit logout token v1",
            Self::Return => "acquit return v1",
            Self::WebhookSecret => "acquit webhook secret v1",
            Self::ConnectionSecret => "acquit connection secret v1",
            Self::KeptAnswer => "acquit kept answer v1",
            Self::RouteTrip => "acquit route trip v1",
            Self::RouteCode => "acquit route code v1",
            Self::RouteExit => "acquit route exit v1",
            Self::RouteKey => "acquit route key v1",
        }
    }
}

/// Why a value could not be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The text was not sealed here for this purpose, or was changed.
    #[error("not sealed here for this purpose")]
    Forged,
    /// It was good, but not for so long.
    #[error("expired")]
    Expired,
    /// It cannot be sealed: the system gives no random bytes, or the value is too long.
    #[error("cannot be sealed")]
    Unsealable,
}

/// What the key of the cookies of routes is derived for.
const ROUTE_COOKIES: &str = "acquit route cookie v1";

/// Seals and opens.
pub struct Sealer {
    keys: [SealKey; Purpose::ALL.len()],
    routes: SealKey,
    mac: hmac::Key,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(…)")
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn secret(master: &MasterKey) -> Prk {
    Salt::new(HKDF_SHA256, b"acquit").extract(master.expose())
}

fn derive(secret: &Prk, label: &str) -> Result<Zeroizing<[u8; 32]>, SealError> {
    let mut key = Zeroizing::new([0; 32]);
    let info = [label.as_bytes()];
    let output = secret.expand(&info, Length(32)).map_err(|_| SealError::Unsealable)?;
    output.fill(key.as_mut_slice()).map_err(|_| SealError::Unsealable)?;
    Ok(key)
}

impl Sealer {
    /// Derives the keys of all purposes from the master key.
    ///
    /// # Errors
    /// [`SealError::Unsealable`] when the crypto library refuses, which no input can cause.
    pub fn new(master: &MasterKey) -> Result<Self, SealError> {
        let secret = secret(master);
        let aead = |label: &str| SealKey::new(&*derive(&secret, label)?).map_err(|_| SealError::Unsealable);
        let mut keys = Vec::with_capacity(Purpose::ALL.len());
        for purpose in Purpose::ALL {
            keys.push(aead(purpose.label())?);
        }
        let keys = keys.try_into().map_err(|_| SealError::Unsealable)?;
        let mac = hmac::Key::new(hmac::HMAC_SHA256, derive(&secret, "acquit mac v1")?.as_slice());
        Ok(Self { keys, routes: aead(ROUTE_COOKIES)?, mac })
    }

    fn key(&self, purpose: Purpose) -> &SealKey {
        &self.keys[purpose as usize]
    }

    /// The key of the cookies of routes, which the gateway seals for the host that each is of.
    #[must_use]
    pub fn routes(&self) -> &SealKey {
        &self.routes
    }

    /// What opens the keys in the store that sign who a person is to a route.
    #[must_use]
    pub fn route_keys(&self) -> RouteKeySeal {
        RouteKeySeal::new(self.key(Purpose::RouteKey).clone())
    }

    /// Seals bytes; the result is nonce, ciphertext and tag.
    ///
    /// # Errors
    /// [`SealError::Unsealable`].
    pub fn seal_bytes(&self, purpose: Purpose, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.key(purpose).seal(purpose.label().as_bytes(), plain).map_err(|_| SealError::Unsealable)
    }

    /// Opens what [`Sealer::seal_bytes`] made. The result is wiped when dropped.
    ///
    /// # Errors
    /// [`SealError::Forged`].
    pub fn open_bytes(&self, purpose: Purpose, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.key(purpose).open(purpose.label().as_bytes(), sealed).map_err(|_| SealError::Forged)
    }

    /// Seals a value until `expires_at`, as URL-safe text.
    ///
    /// # Errors
    /// [`SealError::Unsealable`], also when it would be longer than [`MAX_SEALED`].
    pub fn seal<T: Serialize>(&self, purpose: Purpose, value: &T, expires_at: Timestamp) -> Result<String, SealError> {
        let plain = serde_json::to_vec(&(expires_at.as_micros(), value)).map_err(|_| SealError::Unsealable)?;
        let text = URL_SAFE_NO_PAD.encode(self.seal_bytes(purpose, &plain)?);
        if text.len() > MAX_SEALED { Err(SealError::Unsealable) } else { Ok(text) }
    }

    /// Opens a value that [`Sealer::seal`] sealed, if its time is not over.
    ///
    /// # Errors
    /// [`SealError::Forged`] or [`SealError::Expired`].
    pub fn open<T: DeserializeOwned>(&self, purpose: Purpose, text: &str, now: Timestamp) -> Result<T, SealError> {
        if text.len() > MAX_SEALED {
            return Err(SealError::Forged);
        }
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| SealError::Forged)?;
        let plain = self.open_bytes(purpose, &sealed)?;
        let (expires_at, value): (i64, T) = serde_json::from_slice(&plain).map_err(|_| SealError::Forged)?;
        if now >= Timestamp::from_micros(expires_at) { Err(SealError::Expired) } else { Ok(value) }
    }

    /// A keyed digest of a sequence of texts under a label: unguessable without the master key, the same each time.
    #[must_use]
    pub fn tag(&self, label: &str, parts: &[&str]) -> String {
        URL_SAFE_NO_PAD.encode(self.raw_tag(label, parts))
    }

    /// Whether `presented` is the tag of these texts, compared in constant time.
    #[must_use]
    pub fn tag_matches(&self, label: &str, parts: &[&str], presented: &str) -> bool {
        let Ok(presented) = URL_SAFE_NO_PAD.decode(presented) else { return false };
        constant_time::verify_slices_are_equal(self.raw_tag(label, parts).as_ref(), &presented).is_ok()
    }

    fn raw_tag(&self, label: &str, parts: &[&str]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.mac);
        for part in std::iter::once(&label).chain(parts) {
            // Lengths keep ("ab", "c") apart from ("a", "bc").
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&MasterKey::from_bytes([byte; 32])).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_sealed_value_opens_for_its_purpose_until_it_expires() {
        let sealer = sealer(1);
        let text = sealer.seal(Purpose::Flow, &"hello", at(100)).unwrap();
        assert_eq!(sealer.open::<String>(Purpose::Flow, &text, at(99)).unwrap(), "hello");
        assert_eq!(sealer.open::<String>(Purpose::Flow, &text, at(100)), Err(SealError::Expired));
        assert_eq!(sealer.open::<String>(Purpose::Confirmation, &text, at(99)), Err(SealError::Forged));
        assert_eq!(super::tests::sealer(2).open::<String>(Purpose::Flow, &text, at(99)), Err(SealError::Forged));
    }

    #[test]
    fn what_is_sealed_for_one_purpose_is_refused_for_every_other() {
        let sealer = sealer(1);
        for made_for in Purpose::ALL {
            let text = sealer.seal(made_for, &"hello", at(100)).unwrap();
            for wanted_for in Purpose::ALL {
                let opened = sealer.open::<String>(wanted_for, &text, at(99));
                assert_eq!(opened.is_ok(), made_for == wanted_for, "{made_for:?} as {wanted_for:?}");
            }
        }
    }

    #[test]
    fn a_changed_value_does_not_open() {
        let sealer = sealer(1);
        let sealed = sealer.seal_bytes(Purpose::SigningKey, b"key").unwrap();
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(sealer.open_bytes(Purpose::SigningKey, &changed).is_err(), "byte {index}");
            assert!(sealer.open_bytes(Purpose::SigningKey, &sealed[..index]).is_err(), "cut at {index}");
        }
    }

    #[test]
    fn text_that_is_no_sealed_value_is_forged() {
        let sealer = sealer(1);
        for text in ["", "a", "%%%", &"a".repeat(MAX_SEALED + 1)] {
            assert_eq!(sealer.open::<String>(Purpose::Flow, text, at(0)), Err(SealError::Forged));
        }
    }

    #[test]
    fn a_tag_fits_its_own_texts_only() {
        let sealer = sealer(1);
        let tag = sealer.tag("form", &["ab", "c"]);
        assert!(sealer.tag_matches("form", &["ab", "c"], &tag));
        assert!(!sealer.tag_matches("form", &["a", "bc"], &tag));
        assert!(!sealer.tag_matches("other", &["ab", "c"], &tag));
        assert!(!sealer.tag_matches("form", &["ab", "c"], ""));
    }
}
