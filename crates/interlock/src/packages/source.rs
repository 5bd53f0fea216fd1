//! Reading a package: a folder with definitions in JSON or XML, or a `.tgz` as FHIR publishes it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use fhir_validate::each_file;
use serde_json::Value;
use thiserror::Error;

/// The most files of a folder that are looked at.
const MAX_FILES: usize = 50_000;
/// The longest file or archive that is read, in bytes.
const MAX_FILE_BYTES: u64 = 256 << 20;
/// How deep folders may lie in each other.
const MAX_DEPTH: usize = 16;
/// The longest name of a package, in characters.
const MAX_NAME_CHARS: usize = 128;
/// The types of which definitions are.
const TYPES: [&str; 3] = ["StructureDefinition", "ValueSet", "CodeSystem"];

/// Why a package cannot be read.
#[derive(Debug, Error)]
pub enum PackageError {
    /// A file or a folder cannot be read.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// It is no archive, or one that is too large.
    #[error("{0}: {1}")]
    Archive(PathBuf, fhir_validate::PackageError),
    /// A file, or the folder, is larger than is read.
    #[error("{0} is larger than is read")]
    TooLarge(PathBuf),
    /// There is no definition in it.
    #[error("there is no StructureDefinition, ValueSet or CodeSystem in {0}")]
    Empty(PathBuf),
}

/// A package that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Its name: that of its `package.json`, else that of the folder or the file.
    pub name: String,
    /// Its version, where `package.json` has one.
    pub version: Option<String>,
    /// The definitions, each as JSON in one line, in the order of their URLs.
    pub definitions: Vec<String>,
    /// How many there are of each type, a line each.
    pub holds: Vec<String>,
    /// Files that look like resources and cannot be read, with the reason.
    pub problems: Vec<String>,
}

/// What was found so far.
#[derive(Default)]
struct Found {
    manifest: Option<Value>,
    /// By type and URL: the same URL twice is one definition, that of the last file.
    definitions: BTreeMap<(&'static str, String), String>,
    problems: Vec<String>,
    files: usize,
}

/// Reads a folder or an archive.
pub fn read_package(path: &Path) -> Result<Read, PackageError> {
    let mut found = Found::default();
    if path.is_dir() {
        folder(path, 0, &mut found)?;
    } else {
        let bytes = read(path)?;
        each_file(&bytes, |name, content| found.take(Path::new(name), content))
            .map_err(|error| PackageError::Archive(path.to_owned(), error))?;
    }
    if found.definitions.is_empty() {
        return Err(PackageError::Empty(path.to_owned()));
    }
    Ok(found.done(path))
}

fn folder(path: &Path, depth: usize, found: &mut Found) -> Result<(), PackageError> {
    let wrong = |error| PackageError::Io(path.to_owned(), error);
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(path).map_err(wrong)? {
        paths.push(entry.map_err(wrong)?.path());
    }
    // The same folder gives the same package, however the disk lists it.
    paths.sort();
    for path in paths {
        if path.is_dir() && depth < MAX_DEPTH {
            folder(&path, depth + 1, found)?;
        } else if is_resource(&path) {
            found.files += 1;
            if found.files > MAX_FILES {
                return Err(PackageError::TooLarge(path));
            }
            found.take(&path, &read(&path)?);
        }
    }
    Ok(())
}

/// Whether the file may hold a resource, by its name.
fn is_resource(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    ["json", "xml"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

fn read(path: &Path) -> Result<Vec<u8>, PackageError> {
    let wrong = |error| PackageError::Io(path.to_owned(), error);
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(wrong)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(wrong)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_FILE_BYTES) {
        return Err(PackageError::TooLarge(path.to_owned()));
    }
    Ok(bytes)
}

impl Found {
    fn take(&mut self, path: &Path, bytes: &[u8]) {
        if !is_resource(path) {
            return;
        }
        let is_manifest = path.file_name().is_some_and(|name| name == "package.json");
        match resource(bytes) {
            Ok(value) if is_manifest => self.manifest = Some(value),
            Ok(value) => self.definition(value, 0),
            Err(why) => self.problems.push(format!("{}: {why}", path.display())),
        }
    }

    fn definition(&mut self, mut value: Value, depth: usize) {
        let kind = value["resourceType"].as_str().unwrap_or_default();
        if kind == "Bundle" && depth == 0 {
            let entries = value["entry"].as_array_mut().map(std::mem::take).unwrap_or_default();
            for mut entry in entries {
                self.definition(entry["resource"].take(), depth + 1);
            }
            return;
        }
        let known = TYPES.into_iter().find(|known| *known == kind);
        let (Some(kind), Some(url)) = (known, value["url"].as_str()) else { return };
        self.definitions.insert((kind, url.to_owned()), value.to_string());
    }

    fn done(self, path: &Path) -> Read {
        let text = |member: &str| {
            let value = self.manifest.as_ref()?[member].as_str()?;
            let plain = value.chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS);
            Some(plain.collect::<String>()).filter(|text| !text.is_empty())
        };
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let holds = TYPES.iter().filter_map(|kind| {
            let count = self.definitions.keys().filter(|(found, _)| found == kind).count();
            (count > 0).then(|| format!("{count} {kind}"))
        });
        Read {
            name: text("name").unwrap_or(stem),
            version: text("version"),
            holds: holds.collect(),
            problems: self.problems,
            definitions: self.definitions.into_values().collect(),
        }
    }
}

fn resource(bytes: &[u8]) -> Result<Value, String> {
    let start = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if start == Some(&b'<') || start == Some(&0xEF) && bytes.first() == Some(&b'<') {
        let json = fhir_xml::to_json(bytes).map_err(|error| error.to_string())?;
        return serde_json::from_str(&json).map_err(|error| error.to_string());
    }
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_folder_is_read_with_all_that_lies_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str, text: &str| write(folder.path(), name, text);
        at("package.json", r#"{"name":"ward","version":"1.2"}"#);
        at("a/one.json", r#"{"resourceType":"ValueSet","url":"urn:v"}"#);
        at(
            "a/two.xml",
            r#"<CodeSystem xmlns="http://hl7.org/fhir"><url value="urn:c"/></CodeSystem>"#,
        );
        at(
            "b.json",
            concat!(
                r#"{"resourceType":"Bundle","entry":[{"resource":"#,
                r#"{"resourceType":"ValueSet","url":"urn:w"}}]}"#,
            ),
        );
        at("example.json", r#"{"resourceType":"Patient"}"#);
        at("broken.json", "{");
        at("notes.txt", "{");
        let read = read_package(folder.path()).unwrap();
        assert_eq!((read.name.as_str(), read.version.as_deref()), ("ward", Some("1.2")));
        assert_eq!(read.holds, ["2 ValueSet", "1 CodeSystem"]);
        assert_eq!(read.definitions.len(), 3);
        assert!(read.problems.len() == 1 && read.problems[0].contains("broken.json"), "{read:?}");
    }

    #[test]
    fn what_holds_no_definition_is_no_package() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read_package(folder.path()), Err(PackageError::Empty(_))));
        write(folder.path(), "x.tgz", "no archive");
        let read = read_package(&folder.path().join("x.tgz"));
        assert!(matches!(read, Err(PackageError::Archive(..))));
        assert!(matches!(read_package(&folder.path().join("none")), Err(PackageError::Io(..))));
    }
}
