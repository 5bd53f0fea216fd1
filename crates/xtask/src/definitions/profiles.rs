//! R4's own profiles and extensions, with nothing in them but what is checked.

use serde_json::{Map, Value};

use super::items;

const VERSION: &str = "4.0.1";
/// What is kept of an element besides fixed and pattern values.
const KEPT: &[&str] =
    &["path", "sliceName", "slicing", "min", "max", "contentReference", "mustSupport"];

/// One StructureDefinition a line.
pub(super) fn lines(structures: &[Value]) -> String {
    let mut out = String::new();
    for structure in structures {
        let ours = structure["resourceType"] == "StructureDefinition"
            && structure["fhirVersion"].as_str() == Some(VERSION)
            && structure["derivation"] == "constraint";
        if ours {
            out.push_str(&one(structure).to_string());
            out.push('\n');
        }
    }
    out
}

fn one(structure: &Value) -> Value {
    let mut kept = Map::new();
    for key in ["resourceType", "url", "kind", "abstract", "type", "baseDefinition", "derivation"] {
        copy(structure, key, &mut kept);
    }
    for key in ["context", "contextInvariant"] {
        copy(structure, key, &mut kept);
    }
    let elements: Vec<Value> = items(&structure["differential"]["element"]).map(element).collect();
    let mut differential = Map::new();
    differential.insert("element".to_owned(), elements.into());
    kept.insert("differential".to_owned(), differential.into());
    kept.into()
}

fn copy(from: &Value, key: &str, to: &mut Map<String, Value>) {
    if !from[key].is_null() {
        to.insert(key.to_owned(), from[key].clone());
    }
}

fn element(element: &Value) -> Value {
    let mut kept = Map::new();
    // An id says where a slice lies; without slices it repeats the path.
    if element["id"] != element["path"] {
        copy(element, "id", &mut kept);
    }
    for key in KEPT {
        copy(element, key, &mut kept);
    }
    let types: Vec<Value> = items(&element["type"])
        .map(|kind| {
            let mut kept = Map::new();
            for key in ["code", "profile", "targetProfile"] {
                copy(kind, key, &mut kept);
            }
            kept.into()
        })
        .collect();
    if !types.is_empty() {
        kept.insert("type".to_owned(), types.into());
    }
    for (key, value) in element.as_object().into_iter().flatten() {
        let limits = ["fixed", "pattern", "minValue", "maxValue", "maxLength"];
        if limits.iter().any(|prefix| key.starts_with(prefix)) {
            kept.insert(key.clone(), value.clone());
        }
    }
    let mut binding = Map::new();
    copy(&element["binding"], "strength", &mut binding);
    copy(&element["binding"], "valueSet", &mut binding);
    if binding.contains_key("valueSet") {
        kept.insert("binding".to_owned(), binding.into());
    }
    let constraints: Vec<Value> = items(&element["constraint"])
        .filter(|constraint| constraint["expression"].is_string())
        .map(|constraint| {
            let mut kept = Map::new();
            for key in ["key", "severity", "human", "expression"] {
                copy(constraint, key, &mut kept);
            }
            kept.into()
        })
        .collect();
    if !constraints.is_empty() {
        kept.insert("constraint".to_owned(), constraints.into());
    }
    kept.into()
}
