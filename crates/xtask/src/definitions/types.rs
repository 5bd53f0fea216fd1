//! Types, their elements and their invariants.

use std::fmt::Write as _;

use serde_json::Value;

use super::{flat, items};

/// What the definitions of R4 itself say; the package carries a few of later versions.
const VERSION: &str = "4.0.1";
/// Invariants whose expressions in R4 4.0.1 do not say what their words say: key, the expression,
/// and one that does. Later versions of FHIR mended them likewise.
const MENDED: &[(&str, &str, &str)] = &[
    (
        // The code of the value set has no hyphen.
        "app-4",
        "Appointment.cancelationReason.exists() implies (Appointment.status='no-show' or \
         Appointment.status='cancelled')",
        "Appointment.cancelationReason.exists() implies (Appointment.status='noshow' or \
         Appointment.status='cancelled')",
    ),
    (
        // An answer is a boolean of FHIR and never a Boolean of FHIRPath.
        "que-7",
        "operator = 'exists' implies (answer is Boolean)",
        "operator = 'exists' implies (answer is boolean)",
    ),
];
const CORE: &str = "http://hl7.org/fhir/StructureDefinition/";

/// Writes one block of lines for each type:
///
/// - `T name kind base`, kind `p`rimitive, `c`omplex, `r`esource or `b`ackbone, capital when it is
///   abstract;
/// - `E name min max flags types binding` for each element of its own;
/// - `I key severity expression human` for each invariant of the line before.
pub(super) fn table(structures: &[Value]) -> String {
    let mut out = String::new();
    for structure in structures {
        let ours = structure["fhirVersion"].as_str() == Some(VERSION)
            && structure["kind"] != "logical"
            && structure["derivation"] != "constraint";
        if structure["resourceType"] == "StructureDefinition" && ours {
            one(structure, &mut out);
        }
    }
    out
}

fn one(structure: &Value, out: &mut String) {
    let name = structure["type"].as_str().unwrap_or_default();
    let letter = match structure["kind"].as_str() {
        Some("primitive-type") => "p",
        Some("resource") => "r",
        _ => "c",
    };
    let letter =
        if structure["abstract"] == true { letter.to_uppercase() } else { letter.to_owned() };
    let base = structure["baseDefinition"].as_str().unwrap_or_default();
    let base = base.rsplit('/').next().unwrap_or_default();
    let elements: Vec<&Value> = items(&structure["differential"]["element"]).collect();
    block(&elements, name, &letter, base, out);
}

/// Writes a type and then the types of the elements inside it.
fn block(elements: &[&Value], path: &str, letter: &str, base: &str, out: &mut String) {
    let _ = writeln!(out, "T\t{path}\t{letter}\t{base}");
    if letter != "b" {
        let root = elements.iter().find(|e| e["path"] == path);
        if let Some(element) = root {
            invariants(element, out);
        }
    }
    let inside: Vec<&&Value> = elements.iter().filter(|e| parent(e) == Some(path)).collect();
    let mut nested = Vec::new();
    for element in inside {
        let full = element["path"].as_str().unwrap_or_default();
        let has_children = elements.iter().any(|e| parent(e) == Some(full));
        if has_children {
            let code = element["type"][0]["code"].as_str().unwrap_or("BackboneElement");
            nested.push((full, code));
        }
        line(element, has_children, out);
        invariants(element, out);
    }
    for (full, code) in nested {
        block(elements, full, "b", code, out);
    }
}

fn parent(element: &Value) -> Option<&str> {
    element["path"].as_str()?.rsplit_once('.').map(|(parent, _)| parent)
}

fn line(element: &Value, has_children: bool, out: &mut String) {
    let full = element["path"].as_str().unwrap_or_default();
    let name = full.rsplit('.').next().unwrap_or_default();
    let mut flags = String::new();
    for (key, letter) in [("isSummary", 'S'), ("isModifier", 'M')] {
        if element[key] == true {
            flags.push(letter);
        }
    }
    let types = if has_children {
        full.to_owned()
    } else if let Some(reference) = element["contentReference"].as_str() {
        reference.trim_start_matches('#').to_owned()
    } else {
        let types: Vec<String> = items(&element["type"]).map(|t| type_of(t, full)).collect();
        types.join(",")
    };
    let min = element["min"].as_u64().unwrap_or(0);
    let max = element["max"].as_str().unwrap_or("*");
    let _ = writeln!(out, "E\t{name}\t{min}\t{max}\t{flags}\t{types}\t{}", binding(element));
}

fn type_of(kind: &Value, path: &str) -> String {
    let code = kind["code"].as_str().unwrap_or_default();
    let code = match (code.strip_prefix("http://hl7.org/fhirpath/System."), path) {
        (None, _) => code,
        (Some(_), "Resource.id") => "id",
        (Some(_), "Extension.url") => "uri",
        (Some(_), "Element.id") => "string",
        // The value of a primitive: what its name says.
        (Some(system), _) => return format!("System.{system}"),
    };
    let targets: Vec<&str> = items(&kind["targetProfile"])
        .filter_map(Value::as_str)
        .map(|url| url.strip_prefix(CORE).unwrap_or(url))
        .filter(|target| *target != "Resource")
        .collect();
    if targets.is_empty() { code.to_owned() } else { format!("{code}({})", targets.join("|")) }
}

fn binding(element: &Value) -> String {
    let binding = &element["binding"];
    let Some(url) = binding["valueSet"].as_str() else {
        return String::new();
    };
    let strength = binding["strength"].as_str().unwrap_or_default();
    let url = url.split('|').next().unwrap_or_default();
    let letter = match strength {
        "required" => 'r',
        "extensible" => 'e',
        "preferred" => 'p',
        _ => 'x',
    };
    let maximum = items(&binding["extension"]).find_map(|extension| {
        let named = extension["url"].as_str()?.ends_with("elementdefinition-maxValueSet");
        extension["valueCanonical"].as_str().filter(|_| named)
    });
    match maximum {
        Some(maximum) => {
            let maximum = maximum.split('|').next().unwrap_or_default();
            format!("{letter}:{url} r:{maximum}")
        }
        None => format!("{letter}:{url}"),
    }
}

fn invariants(element: &Value, out: &mut String) {
    for constraint in items(&element["constraint"]) {
        let expression = flat(&constraint["expression"]);
        if expression.is_empty() {
            continue;
        }
        let best_practice = items(&constraint["extension"]).any(|extension| {
            extension["url"].as_str().is_some_and(|url| url.ends_with("-bestpractice"))
        });
        let severity = if constraint["severity"] == "error" && !best_practice { "e" } else { "w" };
        let key = flat(&constraint["key"]);
        let mended =
            MENDED.iter().find(|(mended, wrong, _)| *mended == key && *wrong == expression);
        let expression = mended.map_or(expression.as_str(), |(_, _, right)| right);
        let human = flat(&constraint["human"]);
        let _ = writeln!(out, "I\t{key}\t{severity}\t{expression}\t{human}");
    }
}
