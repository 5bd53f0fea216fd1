//! `cargo xtask definitions`: the facts of FHIR R4 as the small tables of `fhir-definitions`.
//!
//! Reads HL7's definitions (CC0) from a folder with the npm package `hl7.fhir.r4.examples` 4.0.1,
//! in which everything is that the standard publishes. It is large and seldom needed, so it is no
//! dependency of the project.

mod profiles;
mod search;
mod terms;
mod types;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;

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

/// Runs the task: the argument is the folder.
pub fn command(arguments: &[String]) -> ExitCode {
    let [source] = arguments else {
        eprintln!("name the folder with hl7.fhir.r4.examples 4.0.1 (npm has it)");
        return ExitCode::from(2);
    };
    match make(Path::new(source), &crate::workspace_root()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn make(source: &Path, root: &Path) -> Result<(), DefinitionsError> {
    let read = |names: &[&str]| -> Result<Vec<Value>, DefinitionsError> {
        let mut all = Vec::new();
        for name in names {
            all.extend(resources(&source.join(format!("Bundle-{name}.json")))?);
        }
        Ok(all)
    };
    let structures = read(&["types", "resources"])?;
    let terms = read(&["valuesets", "v3-valuesets", "v2-valuesets"])?;
    let constraints = read(&["profiles-others", "extensions"])?;
    let parameters = read(&["searchParams"])?;
    let mut compartments = Vec::new();
    for name in ["patient", "encounter", "practitioner", "relatedPerson", "device"] {
        compartments.push(json(&source.join(format!("CompartmentDefinition-{name}.json")))?);
    }
    for (name, text) in [
        ("types.txt", types::table(&structures)),
        ("codes.txt", terms::systems(&terms)),
        ("valuesets.txt", terms::value_sets(&terms)),
        ("search.txt", search::table(&parameters, &compartments)),
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
