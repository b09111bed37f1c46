//! The keys of nodes that are only gateways.

use acquit_gateway::seal::SealKey;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::{Purpose, ROUTE_COOKIES, SealError, derive, secret};
use crate::settings::MasterKey;

/// Opens the keys that sign who a person is to a route, and nothing else.
#[derive(Clone, Debug)]
pub struct RouteKeySeal(SealKey);

impl RouteKeySeal {
    pub(super) fn new(key: SealKey) -> Self {
        Self(key)
    }

    /// Opens a key.
    ///
    /// # Errors
    /// [`SealError::Forged`].
    pub fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        self.0.open(Purpose::RouteKey.label().as_bytes(), sealed).map_err(|_| SealError::Forged)
    }
}

/// What a node that is only a gateway is given in place of the master key, which does not follow from it: it reads and makes the cookies
/// of routes, and opens the keys that sign who a person is to a route.
#[derive(Clone, Debug)]
pub struct GatewayKeys {
    /// Of the cookies of routes.
    pub cookies: SealKey,
    /// Of the keys that sign who a person is.
    pub route_keys: RouteKeySeal,
}

/// The text holds no keys of a gateway. The operator must act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is nothing that `acquit gateway keys` wrote")]
pub struct NoGatewayKeys;

/// What the text of the keys begins with.
const GATEWAY_KEYS: &str = "acquit-gateway-v1";

impl GatewayKeys {
    /// Derives the keys, as the text that a node is given.
    ///
    /// # Errors
    /// [`SealError::Unsealable`] when the crypto library refuses, which no input can cause.
    pub fn derive(master: &MasterKey) -> Result<Zeroizing<String>, SealError> {
        let secret = secret(master);
        let text = |label| -> Result<_, SealError> {
            Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(derive(&secret, label)?.as_slice())))
        };
        let (cookies, keys) = (text(ROUTE_COOKIES)?, text(Purpose::RouteKey.label())?);
        Ok(Zeroizing::new(format!("{GATEWAY_KEYS}.{}.{}", *cookies, *keys)))
    }

    /// Reads the text.
    ///
    /// # Errors
    /// [`NoGatewayKeys`].
    pub fn parse(text: &str) -> Result<Self, NoGatewayKeys> {
        let key = |part: Option<&str>| {
            let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(part?).ok()?);
            SealKey::new(bytes.as_slice().try_into().ok()?).ok()
        };
        let mut parts = text.trim().split('.');
        let (name, cookies, keys) = (parts.next(), key(parts.next()), key(parts.next()));
        match (cookies, keys, parts.next()) {
            (Some(cookies), Some(keys), None) if name == Some(GATEWAY_KEYS) => {
                Ok(Self { cookies, route_keys: RouteKeySeal::new(keys) })
            }
            _ => Err(NoGatewayKeys),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Sealer;

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&MasterKey::from_bytes([byte; 32])).unwrap()
    }

    #[test]
    fn the_keys_of_a_gateway_open_what_is_for_a_gateway_and_nothing_else() {
        let (sealer, other) = (sealer(1), sealer(2));
        let text = GatewayKeys::derive(&MasterKey::from_bytes([1; 32])).unwrap();
        let keys = GatewayKeys::parse(&format!("{}\n", *text)).unwrap();
        let sealed = keys.cookies.seal(b"host", b"who").unwrap();
        assert_eq!(sealer.routes().open(b"host", &sealed).unwrap().as_slice(), b"who");
        for purpose in Purpose::ALL {
            let sealed = sealer.seal_bytes(purpose, b"key").unwrap();
            assert_eq!(keys.route_keys.open(&sealed).is_ok(), purpose == Purpose::RouteKey, "{purpose:?}");
            assert!(keys.cookies.open(purpose.label().as_bytes(), &sealed).is_err(), "{purpose:?}");
        }
        assert!(other.routes().open(b"host", &sealed).is_err());
    }

    #[test]
    fn a_text_that_holds_no_keys_of_a_gateway_is_refused() {
        let text = GatewayKeys::derive(&MasterKey::from_bytes([1; 32])).unwrap();
        let other = text.replace("v1", "v2");
        let longer = format!("{}.a", *text);
        for text in
            ["", "acquit-gateway-v1", "acquit-gateway-v1.a.b", &text[1..], &text[..text.len() - 2], &other, &longer]
        {
            assert!(GatewayKeys::parse(text).is_err(), "{text}");
        }
    }
}
