//! Code systems and value sets: codes, no words.

use std::fmt::Write as _;

use serde_json::Value;

use super::items;

/// Vocabularies of HL7 itself, which are CC0; others may not be copied.
const OURS: &[&str] = &["http://hl7.org/fhir/", "http://terminology.hl7.org/"];

/// Vocabularies whose codes may not even be listed; a set of them is kept as one that cannot be
/// told from here.
const RESTRICTED: &[&str] = &[
    "http://snomed.info/sct",
    "http://loinc.org",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
    "http://www.ama-assn.org/go/cpt",
];

fn is_ours(url: &str) -> bool {
    OURS.iter().any(|prefix| url.starts_with(prefix))
}

/// Writes `C url content` and on the next line the codes, each with a `>` for each code above it.
/// An abstract code, which no instance may use, ends with a tab and is not told apart.
pub(super) fn systems(resources: &[Value]) -> String {
    let mut out = String::new();
    for system in resources.iter().filter(|r| r["resourceType"] == "CodeSystem") {
        let url = system["url"].as_str().unwrap_or_default();
        let content = system["content"].as_str().unwrap_or_default();
        if !is_ours(url) || !matches!(content, "complete" | "fragment" | "example") {
            continue;
        }
        let _ = writeln!(out, "C\t{url}\t{content}");
        let mut codes = Vec::new();
        collect(&system["concept"], 0, &mut codes);
        let _ = writeln!(out, "{}", codes.join("\t"));
    }
    out
}

fn collect(concepts: &Value, depth: usize, out: &mut Vec<String>) {
    for concept in items(concepts) {
        let code = concept["code"].as_str().unwrap_or_default();
        out.push(format!("{}{code}", ">".repeat(depth)));
        collect(&concept["concept"], depth + 1, out);
    }
}

/// Writes `V url` and then what it is made of: `+ system codes…` (no codes: all of them),
/// `? system property operator value…` for filters, `@ value sets…` for what is taken from others
/// (all of one line at once), and the same with `-` before it for what is left out.
pub(super) fn value_sets(resources: &[Value]) -> String {
    let mut out = String::new();
    for set in resources.iter().filter(|r| r["resourceType"] == "ValueSet") {
        let url = set["url"].as_str().unwrap_or_default();
        let compose = &set["compose"];
        if !is_ours(url) || compose.is_null() {
            continue;
        }
        let _ = writeln!(out, "V\t{url}");
        for (sign, part) in [("", "include"), ("-", "exclude")] {
            for include in items(&compose[part]) {
                one(sign, include, &mut out);
            }
        }
    }
    out
}

fn one(sign: &str, include: &Value, out: &mut String) {
    let system = include["system"].as_str().unwrap_or_default();
    let sets: Vec<&str> = items(&include["valueSet"]).filter_map(Value::as_str).collect();
    if system.is_empty() {
        let _ = writeln!(out, "{sign}@\t{}", sets.join("\t"));
        return;
    }
    let filters: Vec<String> = items(&include["filter"])
        .map(|filter| {
            let text = |key: &str| filter[key].as_str().unwrap_or_default().to_owned();
            format!("{}\t{}\t{}", text("property"), text("op"), text("value"))
        })
        .collect();
    if !filters.is_empty() {
        let _ = writeln!(out, "{sign}?\t{system}\t{}", filters.join("\t"));
        return;
    }
    let concepts = items(&include["concept"]).count();
    if concepts > 0 && RESTRICTED.contains(&system) {
        let _ = writeln!(out, "{sign}?\t{system}\tcode\tin\t");
        return;
    }
    let mut line = format!("{sign}+\t{system}");
    for concept in items(&include["concept"]) {
        let _ = write!(line, "\t{}", concept["code"].as_str().unwrap_or_default());
    }
    let _ = writeln!(out, "{line}");
}
