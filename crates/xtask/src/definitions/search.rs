//! Search parameters and compartments.

use std::fmt::Write as _;

use serde_json::Value;

use super::{flat, items};

/// Writes `P code type bases expression targets components` for each parameter, lists joined by
/// commas, a component as `definition=expression`, components joined by ` ; `; then
/// `C compartment resource parameters` for each type in a compartment.
pub(super) fn table(parameters: &[Value], compartments: &[Value]) -> String {
    let mut out = String::new();
    for parameter in parameters.iter().filter(|p| p["resourceType"] == "SearchParameter") {
        let base = list(&parameter["base"]);
        let components: Vec<String> = items(&parameter["component"])
            .map(|part| {
                let definition = part["definition"].as_str().unwrap_or_default();
                let name = definition.rsplit('/').next().unwrap_or_default();
                format!("{name}={}", flat(&part["expression"]))
            })
            .collect();
        let _ = writeln!(
            out,
            "P\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
            parameter["url"].as_str().and_then(|url| url.rsplit('/').next()).unwrap_or_default(),
            parameter["code"].as_str().unwrap_or_default(),
            parameter["type"].as_str().unwrap_or_default(),
            base,
            flat(&parameter["expression"]),
            list(&parameter["target"]),
            components.join(" ; "),
        );
    }
    for compartment in compartments {
        for resource in items(&compartment["resource"]) {
            let parameters = list(&resource["param"]);
            if !parameters.is_empty() {
                let of = compartment["code"].as_str().unwrap_or_default();
                let code = resource["code"].as_str().unwrap_or_default();
                let _ = writeln!(out, "C\t{of}\t{code}\t{parameters}");
            }
        }
    }
    out
}

fn list(value: &Value) -> String {
    items(value).filter_map(Value::as_str).collect::<Vec<_>>().join(",")
}
