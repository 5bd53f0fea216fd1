//! The files of a configuration as one thing, which has a digest and goes into the journal.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::mistake::Mistake;

/// The name of the first file, whatever it is called in its folder.
pub const ROOT: &str = "interlock.toml";
/// The folders beside it, with the ending of their files.
const FOLDERS: [(&str, &str); 4] =
    [("channels", ".toml"), ("dialects", ".toml"), ("formulary", ".toml"), ("scripts", ".rhai")];
/// The most files of a configuration.
const MAX_FILES: usize = 2048;
/// The most bytes of a configuration.
const MAX_BYTES: u64 = 8 * 1024 * 1024;
/// The most characters in the name of a channel or a dialect.
const MAX_NAME_CHARS: usize = 64;

/// The texts of a configuration by their paths from its folder: `interlock.toml`,
/// `channels/NAME.toml`, `dialects/NAME.toml`, `formulary/NAME.toml`, `scripts/NAME.rhai`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundle(BTreeMap<String, String>);

impl Bundle {
    /// The files at and beside `path`. Files with other endings are none of them: golden examples
    /// lie beside the channels.
    pub fn from_folder(path: &Path) -> Result<Bundle, Vec<Mistake>> {
        let mut reading = Reading::default();
        reading.file(ROOT, path);
        let folder = path.parent().unwrap_or(Path::new("."));
        for (name, ending) in FOLDERS {
            reading.folder(name, ending, &folder.join(name));
        }
        if reading.mistakes.is_empty() { Ok(Bundle(reading.files)) } else { Err(reading.mistakes) }
    }

    /// The same from texts that came from elsewhere.
    pub fn from_texts(files: BTreeMap<String, String>) -> Result<Bundle, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        if !files.contains_key(ROOT) {
            let remedy = "send all files of the configuration, with their paths from its folder";
            mistakes.push(Mistake::whole("the files", &format!("{ROOT} is not there"), remedy));
        }
        for path in files.keys().filter(|path| *path != ROOT) {
            let known = FOLDERS.iter().any(|(folder, ending)| {
                let name = path.strip_prefix(folder).and_then(|path| path.strip_prefix('/'));
                name.and_then(|name| name.strip_suffix(ending)).is_some_and(is_name)
            });
            if !known {
                mistakes.push(strange(path));
            }
        }
        let bytes: usize = files.values().map(String::len).sum();
        if files.len() > MAX_FILES || u64::try_from(bytes).is_ok_and(|bytes| bytes > MAX_BYTES) {
            mistakes.push(too_much());
        }
        if mistakes.is_empty() { Ok(Bundle(files)) } else { Err(mistakes) }
    }

    /// A configuration of one file.
    pub fn of_root(text: &str) -> Bundle {
        Bundle(BTreeMap::from([(ROOT.to_owned(), text.to_owned())]))
    }

    /// The files by their paths.
    pub fn files(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// The text of `interlock.toml`.
    pub fn root(&self) -> &str {
        self.0.get(ROOT).map_or("", String::as_str)
    }

    /// The text of a script, by its file's name in the folder `scripts`.
    pub fn script(&self, name: &str) -> Option<&str> {
        self.0.get(&format!("scripts/{name}")).map(String::as_str)
    }

    /// The files of one folder: the name, the path, the text.
    pub(super) fn of(&self, folder: &str) -> impl Iterator<Item = (&str, &str, &str)> {
        let prefix = format!("{folder}/");
        self.0.iter().filter_map(move |(path, text)| {
            let name = path.strip_prefix(&prefix)?.rsplit_once('.')?.0;
            Some((name, path.as_str(), text.as_str()))
        })
    }

    /// The SHA-256 of [`Bundle::to_json`], in hexadecimal.
    pub fn digest(&self) -> String {
        hexadecimal(&Sha256::digest(self.to_json()))
    }

    /// The files as the journal keeps them: one JSON object, the paths in their order.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).expect("texts are JSON")
    }

    /// What [`Bundle::to_json`] wrote.
    pub fn from_json(json: &[u8]) -> Result<Bundle, serde_json::Error> {
        serde_json::from_slice(json).map(Bundle)
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=MAX_NAME_CHARS).contains(&name.len())
        && name.chars().all(allowed)
        && !name.starts_with('.')
}

fn strange(path: &str) -> Mistake {
    let why = "a file is named by 1 to 64 letters, digits, `-`, `_` and `.`";
    let remedy = "rename it, as channels/to-warda1.toml";
    Mistake::whole("its name", why, remedy).of_file(path)
}

fn too_much() -> Mistake {
    let why = format!("there are more than {MAX_FILES} files or {MAX_BYTES} bytes");
    Mistake::whole("the configuration", &why, "take away what is not needed")
}

/// Files while they are read.
#[derive(Default)]
struct Reading {
    files: BTreeMap<String, String>,
    bytes: u64,
    mistakes: Vec<Mistake>,
}

impl Reading {
    fn file(&mut self, name: &str, path: &Path) {
        let length = std::fs::metadata(path).map_or(0, |data| data.len());
        self.bytes = self.bytes.saturating_add(length);
        if self.bytes > MAX_BYTES || self.files.len() >= MAX_FILES {
            if self.mistakes.last() != Some(&too_much()) {
                self.mistakes.push(too_much());
            }
            return;
        }
        match std::fs::read_to_string(path) {
            Ok(text) => {
                self.files.insert(name.to_owned(), text);
            }
            Err(error) => {
                let why = error.to_string();
                let mistake = Mistake::whole("the file cannot be read", &why, "check the path");
                self.mistakes.push(mistake.of_file(name));
            }
        }
    }

    fn folder(&mut self, name: &str, ending: &str, path: &Path) {
        // A folder that is not there has no files; one that cannot be read must not look empty.
        let entries = match std::fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => {
                let why = error.to_string();
                let mistake = Mistake::whole("the folder cannot be read", &why, "check its rights");
                self.mistakes.push(mistake.of_file(name));
                return;
            }
        };
        let mut found: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        found.sort();
        for file in found {
            let text = file.to_string_lossy();
            let Some(stem) = text.strip_suffix(ending) else { continue };
            let inside = format!("{name}/{text}");
            if is_name(stem) {
                self.file(&inside, &path.join(&file));
            } else if !stem.starts_with('.') {
                self.mistakes.push(strange(&inside));
            }
        }
    }
}
