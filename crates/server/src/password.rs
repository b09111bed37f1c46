//! Passwords: what may be one, how they are hashed and how they are compared, off the async threads and only so many at
//! a time, so that a flood of sign-ins becomes neither a stall nor a flood of memory.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version, password_hash::phc::PasswordHash,
};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::settings::Secret;

/// The fewest characters of a password (NIST SP 800-63B).
pub const MIN_CHARACTERS: usize = 8;
/// The most bytes of a password that are looked at.
pub const MAX_BYTES: usize = 1024;

/// Memory of a new hash in KiB, its passes and its lanes (OWASP's first choice for argon2id).
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// What the password of an unknown user is compared with, so that it takes as long as a known one's. No secret: whatever
/// comes of it, the answer is no.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$JW7Hkqdg7MTEH6t0r5PKXw$vX7oFTWWLsRgUFjnNqlpS2miSbNAvBdzcazJibfQ1nc";

/// Why a text may not be a password. The person who chose it must choose another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Too easily guessed.
    #[error("a password has at least {MIN_CHARACTERS} characters")]
    TooShort,
    /// Too much to hash.
    #[error("a password has at most {MAX_BYTES} bytes")]
    TooLong,
}

/// Why a text is no hash that Acquit can verify. The operator must give another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// No PHC string, or without salt or hash.
    #[error("this is no password hash; it looks like \"$argon2id$v=19$m=…,t=…,p=…$salt$hash\"")]
    Malformed,
    /// Of another algorithm.
    #[error("only argon2id hashes are taken")]
    OtherAlgorithm,
}

/// Why nothing was hashed. The operator must look into it; the person may try again.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// It may not be a password.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The work itself failed: no randomness, no memory, or the server is stopping.
    #[error("the password could not be hashed")]
    Internal,
}

/// Whether `password` may be one.
///
/// # Errors
/// [`PolicyError`] says why not.
pub fn check_policy(password: &str) -> Result<(), PolicyError> {
    if password.len() > MAX_BYTES {
        Err(PolicyError::TooLong)
    } else if password.chars().count() < MIN_CHARACTERS {
        Err(PolicyError::TooShort)
    } else {
        Ok(())
    }
}

/// Whether `hash` is one that can be verified, of whatever cost.
///
/// # Errors
/// [`HashError`] says why not.
pub fn check_hash(hash: &str) -> Result<(), HashError> {
    let parsed = PasswordHash::new(hash).map_err(|_| HashError::Malformed)?;
    if Algorithm::try_from(parsed.algorithm.as_str()) != Ok(Algorithm::Argon2id) {
        return Err(HashError::OtherAlgorithm);
    }
    let complete = parsed.salt.is_some() && parsed.hash.is_some() && Params::try_from(&parsed).is_ok();
    if complete { Ok(()) } else { Err(HashError::Malformed) }
}

/// Hashes a password on this thread, which takes tens of milliseconds. For commands; the server uses [`PasswordHasher`].
///
/// # Errors
/// [`PasswordError::Policy`] when it may not be one, [`PasswordError::Internal`] when the system gives no randomness.
pub fn hash_now(password: &str) -> Result<String, PasswordError> {
    check_policy(password)?;
    let hash = argon2()?.hash_password(password.as_bytes()).map_err(|_| PasswordError::Internal)?;
    Ok(hash.to_string())
}

/// Hashes and verifies passwords, a bounded number at a time. Clones share the bound.
#[derive(Clone, Debug)]
pub struct PasswordHasher {
    permits: Arc<Semaphore>,
}

impl PasswordHasher {
    /// A hasher that works on at most `at_once` passwords at the same time, each with 19 MiB; others wait for their turn.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(at_once.max(1))) }
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// [`PasswordError`] when it may not be one or the work failed.
    pub async fn hash(&self, password: Secret) -> Result<String, PasswordError> {
        check_policy(password.expose())?;
        self.run(move || hash_now(password.expose())).await?
    }

    /// Whether `password` is the one of `hash`. Without a hash (no such user, or one without a password) the same work is
    /// done and the answer is no, so that the time does not tell who exists.
    ///
    /// # Errors
    /// [`PasswordError::Internal`] when the work failed; that is no answer about the password.
    pub async fn verify(&self, password: Secret, hash: Option<&str>) -> Result<bool, PasswordError> {
        let known = hash.is_some_and(|hash| check_hash(hash).is_ok());
        let hash = Zeroizing::new(hash.filter(|_| known).unwrap_or(NOBODY).to_owned());
        // A password longer than any that was ever taken is wrong; only so much of it is hashed.
        let fits = password.expose().len() <= MAX_BYTES;
        let matches = self.run(move || verify_now(&password, &hash)).await??;
        Ok(known && fits && matches)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PasswordError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| PasswordError::Internal)?;
        let work = move || {
            // Held by the work itself: a caller that goes away does not make room for more than the bound.
            let _permit = permit;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| PasswordError::Internal)
    }
}

fn verify_now(password: &Secret, hash: &str) -> Result<bool, PasswordError> {
    let bytes = password.expose().as_bytes();
    let bytes = &bytes[..bytes.len().min(MAX_BYTES)];
    let parsed = PasswordHash::new(hash).map_err(|_| PasswordError::Internal)?;
    match argon2()?.verify_password(bytes, &parsed) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(_) => Err(PasswordError::Internal),
    }
}

fn argon2() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(MEMORY, PASSES, LANES, None).map_err(|_| PasswordError::Internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of "correct horse", cheap: m=8, t=1, p=1.
    fn cheap_hash() -> String {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
        argon2.hash_password(b"correct horse").unwrap().to_string()
    }

    #[test]
    fn a_password_has_eight_characters_and_at_most_a_kilobyte() {
        assert_eq!(check_policy("1234567"), Err(PolicyError::TooShort));
        assert_eq!(check_policy("éééé"), Err(PolicyError::TooShort), "characters count, not bytes");
        assert_eq!(check_policy("12345678"), Ok(()));
        assert_eq!(check_policy(&"x".repeat(1024)), Ok(()));
        assert_eq!(check_policy(&"x".repeat(1025)), Err(PolicyError::TooLong));
    }

    #[test]
    fn a_hash_of_any_cost_is_taken_and_other_algorithms_are_not() {
        assert_eq!(check_hash(&cheap_hash()), Ok(()));
        assert_eq!(check_hash(&cheap_hash().replace("argon2id", "argon2i")), Err(HashError::OtherAlgorithm));
        assert_eq!(
            check_hash("$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"),
            Err(HashError::Malformed)
        );
        for text in ["", "hunter2", "$argon2id$v=19$m=8,t=1,p=1", "$argon2id$v=19$m=1,t=0,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"]
        {
            assert_eq!(check_hash(text), Err(HashError::Malformed), "{text}");
        }
    }

    #[tokio::test]
    async fn a_password_is_verified_against_the_cost_of_its_own_hash() {
        let hasher = PasswordHasher::new(2);
        let hash = cheap_hash();
        assert!(hasher.verify(Secret::new("correct horse"), Some(&hash)).await.unwrap());
        assert!(!hasher.verify(Secret::new("battery staple"), Some(&hash)).await.unwrap());
        let own = hasher.hash(Secret::new("battery staple")).await.unwrap();
        let cost = "$argon2id$v=19$m=19456,t=2,p=1$";
        assert!(own.starts_with(cost) && NOBODY.starts_with(cost), "an unknown user takes as long as a new one");
        assert!(hasher.verify(Secret::new("battery staple"), Some(&own)).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_signs_in_without_a_hash_even_with_the_decoys_password() {
        let hasher = PasswordHasher::new(1);
        assert!(verify_now(&Secret::new("nobody has this password"), NOBODY).unwrap());
        assert!(!hasher.verify(Secret::new("nobody has this password"), None).await.unwrap());
        assert!(!hasher.verify(Secret::new("nobody has this password"), Some("no hash")).await.unwrap());
    }

    #[tokio::test]
    async fn an_overlong_password_is_wrong_also_when_it_begins_with_the_right_one() {
        let hasher = PasswordHasher::new(1);
        let right = "x".repeat(MAX_BYTES);
        let hash = hash_now(&right).unwrap();
        assert!(hasher.verify(Secret::new(&*right), Some(&hash)).await.unwrap());
        assert!(!hasher.verify(Secret::new(format!("{right}x")), Some(&hash)).await.unwrap());
    }

    #[tokio::test]
    async fn only_so_many_are_hashed_at_once() {
        let hasher = PasswordHasher::new(1);
        let held = Arc::clone(&hasher.permits).acquire_owned().await.unwrap();
        let hash = cheap_hash();
        let mut waiting = std::pin::pin!(hasher.verify(Secret::new("correct horse"), Some(&hash)));
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        drop(held);
        assert!(waiting.await.unwrap());
    }
}
