//! The key under which the store keeps signing keys and sealed values.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose};
use zeroize::Zeroizing;

/// How many bytes of a key file are looked at; a key is far shorter.
const MAX_FILE: u64 = 4096;

/// 256 bits that seal what the store keeps. Wiped when dropped, never shown.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// Where the master key comes from.
#[derive(Clone, Debug)]
pub enum MasterKeySource {
    /// It was given in the configuration or the environment.
    Given(MasterKey),
    /// A file holds it.
    File {
        /// Which.
        path: PathBuf,
        /// Whether it may be made when absent: on SQLite, where one machine holds both. With PostgreSQL every node needs
        /// the same key, so a new one must not appear by itself.
        create: bool,
    },
}

/// Why there is no master key. The operator must act.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The text is no key.
    #[error("a master key is 32 random bytes in base64 or hexadecimal, as `openssl rand -base64 32` prints them")]
    Malformed,
    /// The file does not exist and may not be made.
    #[error("the master key file `{0}` does not exist")]
    Missing(PathBuf),
    /// The file cannot be read.
    #[error("the master key file `{0}` cannot be read")]
    Read(PathBuf, #[source] io::Error),
    /// The file cannot be made.
    #[error("the master key file `{0}` cannot be made")]
    Create(PathBuf, #[source] io::Error),
    /// The system gave no randomness.
    #[error("the system gives no random bytes for a new master key")]
    NoRandomness,
}

impl MasterKey {
    /// Takes 32 bytes as the key.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads a key from text: base64 (standard or URL-safe, with or without padding) or hexadecimal.
    ///
    /// # Errors
    /// [`MasterKeyError::Malformed`] when it is not 32 bytes in one of these.
    pub fn parse(text: &str) -> Result<Self, MasterKeyError> {
        let text = text.trim();
        let bytes = Zeroizing::new(
            match text.len() {
                64 => from_hex(text),
                _ => {
                    let text = text.trim_end_matches('=');
                    general_purpose::STANDARD_NO_PAD
                        .decode(text)
                        .or_else(|_| general_purpose::URL_SAFE_NO_PAD.decode(text))
                        .ok()
                }
            }
            .ok_or(MasterKeyError::Malformed)?,
        );
        let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| MasterKeyError::Malformed)?;
        Ok(Self::from_bytes(bytes))
    }

    /// The key itself.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads the key of the file at `path`.
    ///
    /// # Errors
    /// [`MasterKeyError`] when the file is absent, unreadable or holds no key.
    pub fn read(path: &Path) -> Result<Self, MasterKeyError> {
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => MasterKeyError::Missing(path.to_owned()),
            _ => MasterKeyError::Read(path.to_owned(), error),
        })?;
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_FILE).read_to_string(&mut text).map_err(|error| MasterKeyError::Read(path.to_owned(), error))?;
        Self::parse(&text)
    }

    /// Makes a new key in a file at `path` that only its owner may read, and that is never written over.
    ///
    /// # Errors
    /// [`MasterKeyError::Create`], also when the file exists already.
    pub fn create(path: &Path) -> Result<Self, MasterKeyError> {
        let mut bytes = Zeroizing::new([0u8; 32]);
        aws_lc_rs::rand::fill(bytes.as_mut_slice()).map_err(|_| MasterKeyError::NoRandomness)?;
        let text = Zeroizing::new(general_purpose::STANDARD.encode(bytes.as_slice()));
        write_new(path, &text).map_err(|error| MasterKeyError::Create(path.to_owned(), error))?;
        Ok(Self(bytes))
    }
}

impl MasterKeySource {
    /// The key, made if it may be.
    ///
    /// # Errors
    /// [`MasterKeyError`] when there is none.
    pub fn load(&self) -> Result<MasterKey, MasterKeyError> {
        match self {
            Self::Given(key) => Ok(key.clone()),
            Self::File { path, create } => match MasterKey::read(path) {
                Err(MasterKeyError::Missing(_)) if *create => MasterKey::create(path),
                outcome => outcome,
            },
        }
    }
}

/// Writes a secret to a new file that only its owner may read.
///
/// # Errors
/// When it cannot be made, also when it exists already.
pub fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    // A key that is lost with the power takes everything sealed under it along.
    file.sync_all()?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    Some(digits?.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_base64_and_from_hexadecimal() {
        for text in [
            "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=",
            "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA\n",
            "0102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F20",
        ] {
            assert_eq!(MasterKey::parse(text).unwrap().expose()[..4], [1, 2, 3, 4], "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_key_is_refused() {
        for text in ["", "short", "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0e", &"g".repeat(64), &"é".repeat(32)] {
            assert!(MasterKey::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_key_is_made_once_and_read_back_after_that() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acquit.key");
        let source = MasterKeySource::File { path: path.clone(), create: true };
        let made = source.load().unwrap();
        assert_eq!(source.load().unwrap().expose(), made.expose());
        assert!(MasterKey::create(&path).is_err(), "a key is never written over");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_key_that_all_nodes_share_is_never_made_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acquit.key");
        let source = MasterKeySource::File { path: path.clone(), create: false };
        assert!(matches!(source.load(), Err(MasterKeyError::Missing(_))));
        assert!(!path.exists());
    }
}
