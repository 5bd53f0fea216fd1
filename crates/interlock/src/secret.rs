//! Secrets come from the environment or from files, never from the configuration itself.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The fewest characters of a token: 32 hexadecimal digits are 128 bits.
const MIN_TOKEN_CHARS: usize = 32;

/// Where a token is found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TokenSource {
    /// In this environment variable.
    Env(String),
    /// In this file, which nobody else should be able to read.
    File(PathBuf),
}

/// Where a password or a token of somebody else is found. How long it is, is theirs to say.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SecretSource {
    /// In this environment variable.
    Env(String),
    /// In this file, which nobody else should be able to read.
    File(PathBuf),
}

impl SecretSource {
    /// Reads the secret; a relative path starts at `folder`. The error says what to do.
    pub fn read(&self, folder: &Path) -> Result<String, String> {
        let secret = match self {
            SecretSource::Env(name) => from_environment(name)?,
            SecretSource::File(path) => from_file(folder, path)?,
        };
        let secret = secret.trim();
        if secret.is_empty() {
            return Err("it is empty: write the secret there".to_owned());
        }
        Ok(secret.to_owned())
    }
}

fn from_environment(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("the environment has no variable {name}: set it"))
}

fn from_file(folder: &Path, path: &Path) -> Result<String, String> {
    std::fs::read_to_string(folder.join(path))
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

impl TokenSource {
    /// Reads the token; a relative path starts at `folder`. The error says what to do.
    pub fn read(&self, folder: &Path) -> Result<String, String> {
        let token = match self {
            TokenSource::Env(name) => from_environment(name)?,
            TokenSource::File(path) => from_file(folder, path)?,
        };
        let token = token.trim().to_owned();
        if token.len() < MIN_TOKEN_CHARS {
            return Err(format!(
                "a token has {MIN_TOKEN_CHARS} characters or more: make a new one"
            ));
        }
        Ok(token)
    }
}

/// A new token: 64 hexadecimal digits from the system's randomness.
pub(crate) fn new_token() -> String {
    let mut bytes = [0; 32];
    fill(&mut bytes);
    let mut token = String::with_capacity(64);
    for byte in bytes {
        // Writing to a string never fails.
        let _ = write!(token, "{byte:02x}");
    }
    token
}

/// A key of the console: only its hash is kept.
pub(crate) fn console_key(
    name: &str,
    key: &str,
    one_time: bool,
    rights: console::Rights,
) -> console::Key {
    use sha2::{Digest, Sha256};
    let sha256 = Sha256::digest(key.as_bytes()).into();
    console::Key { name: name.to_owned(), sha256, one_time, rights }
}

/// Fills bytes with randomness that nobody can guess.
///
/// # Panics
/// Where the system gives no randomness there are no secrets, and the node must not go on.
pub(crate) fn fill(bytes: &mut [u8]) {
    use rand::TryRng;
    rand::rngs::SysRng.try_fill_bytes(bytes).expect("the system gives randomness");
}
