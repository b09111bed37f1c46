//! Secrets and identifiers that the server draws, and the hashes under which the store knows the secrets.
//!
//! What is written often begins with the time: rows of the same moment then lie beside each other in every index, so that a
//! commit of many writes a few pages and not one for each. The time is no secret; the bits behind it are.

use acquit_core::Timestamp;
use aws_lc_rs::{digest, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// The system gave no random bytes; nothing secret may be made without them.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomness;

/// Has the first random bytes be drawn on a thread of its own. They take tens of milliseconds, since the library then measures
/// how much entropy the machine has of its own: a start can read its database meanwhile. Whoever needs some before, waits.
pub fn warm_up() {
    // Where there is no thread, or no randomness yet, whoever needs some finds that out.
    let _ = std::thread::Builder::new().name("acquit-random".to_owned()).spawn(bytes::<1>);
}

/// `N` random bytes from the system.
///
/// # Errors
/// [`NoRandomness`]; the operator must look at the machine.
pub fn bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// How many bytes of the time a secret begins with: milliseconds since 1970, good for 8900 years.
const TIME: usize = 6;

/// A secret of 256 random bits as 43 URL-safe characters, for what is written seldom: a client secret, a receipt's key.
///
/// # Errors
/// [`NoRandomness`].
pub fn secret() -> Result<String, NoRandomness> {
    Ok(URL_SAFE_NO_PAD.encode(bytes::<32>()?))
}

/// A secret of 208 random bits behind the time, as 43 URL-safe characters: a session handle, a code, a token, a `sid`.
///
/// # Errors
/// [`NoRandomness`].
pub fn secret_at(now: Timestamp) -> Result<String, NoRandomness> {
    Ok(URL_SAFE_NO_PAD.encode(behind_time::<32>(now)?))
}

/// The bits of an identifier: 80 random ones behind the time.
///
/// # Errors
/// [`NoRandomness`].
pub fn id_at(now: Timestamp) -> Result<[u8; 16], NoRandomness> {
    behind_time(now)
}

fn behind_time<const N: usize>(now: Timestamp) -> Result<[u8; N], NoRandomness> {
    let mut bits = bytes::<N>()?;
    let millis = (now.as_micros() / 1000).to_be_bytes();
    for (bit, byte) in bits.iter_mut().zip(millis.into_iter().skip(millis.len() - TIME)) {
        *bit = byte;
    }
    Ok(bits)
}

/// What the store keeps instead of a secret of high entropy: its first bytes, which are the time where it begins with one,
/// and then as much of its SHA-256 as fits. The first bytes of a secret without a time are six of its 32, and no use alone.
#[must_use]
pub fn hash(secret: &str) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, secret.as_bytes());
    let mut hash = [0; 32];
    let mut bits = [0; 32];
    if secret.len() == 43 && URL_SAFE_NO_PAD.decode_slice(secret, &mut bits).is_ok() {
        let (time, rest) = hash.split_at_mut(TIME);
        for (to, from) in time.iter_mut().zip(bits).chain(rest.iter_mut().zip(digest.as_ref().iter().copied())) {
            *to = from;
        }
    } else {
        hash.copy_from_slice(digest.as_ref());
    }
    hash
}

/// The SHA-256 of bytes.
#[must_use]
pub fn hash_bytes(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// `N` random letters and digits, of 5.95 bits each.
///
/// # Errors
/// [`NoRandomness`].
pub fn alphanumeric<const N: usize>() -> Result<String, NoRandomness> {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = String::with_capacity(N);
    while text.len() < N {
        // Bytes above the last multiple of 62 would make some letters likelier.
        let drawn = bytes::<32>()?.into_iter().filter(|byte| *byte < 248);
        let letters = drawn.filter_map(|byte| ALPHABET.get(usize::from(byte) % ALPHABET.len()));
        text.extend(letters.take(N - text.len()).map(|&letter| char::from(letter)));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_later_sorts_later_and_so_does_its_hash() {
        let at = |seconds| Timestamp::from_seconds(seconds);
        let drawn: Vec<_> = (1_800_000_000..1_800_000_050).map(|second| secret_at(at(second)).unwrap()).collect();
        assert!(drawn.is_sorted_by_key(|secret| hash(secret)), "{drawn:?}");
        assert!(id_at(at(1_800_000_000)).unwrap() < id_at(at(1_800_000_001)).unwrap());
    }

    #[test]
    fn two_of_the_same_moment_differ_and_one_changed_character_is_another_secret() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let one = secret_at(now).unwrap();
        assert_eq!(one.len(), 43);
        assert_ne!(one, secret_at(now).unwrap());
        assert_ne!(id_at(now).unwrap(), id_at(now).unwrap());
        for place in 0..one.len() {
            let mut other = one.clone().into_bytes();
            other[place] = if other[place] == b'A' { b'B' } else { b'A' };
            assert_ne!(hash(&one), hash(&String::from_utf8(other).unwrap()), "at {place}");
        }
    }

    #[test]
    fn letters_and_digits_are_drawn_all_alike() {
        let drawn = alphanumeric::<6200>().unwrap();
        assert_eq!(drawn.len(), 6200);
        assert!(drawn.bytes().all(|letter| letter.is_ascii_alphanumeric()));
        let different: std::collections::BTreeSet<_> = drawn.bytes().collect();
        assert_eq!(different.len(), 62);
        assert_ne!(alphanumeric::<25>().unwrap(), alphanumeric::<25>().unwrap());
    }

    #[test]
    fn a_text_of_any_form_has_a_hash() {
        let full = |text: &str| digest::digest(&digest::SHA256, text.as_bytes()).as_ref().to_vec();
        for text in ["", "short", &"!".repeat(43), &"a".repeat(44), &"ä".repeat(21)] {
            assert_eq!(hash(text).to_vec(), full(text), "{text}");
        }
    }
}
