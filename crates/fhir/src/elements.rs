//! The elements of each type that R4 requires, and those that it marks as a summary.

use std::collections::HashMap;
use std::sync::LazyLock;

/// For each type its name, then for each of its elements that is required (`r`) or in the summary
/// (`s`) a line with a blank before it. Made from the definitions of the resources of R4 4.0.1.
const TABLE: &str = include_str!("elements.txt");

#[derive(Debug, Default)]
struct OfType {
    required: Vec<&'static str>,
    summary: Vec<&'static str>,
}

static TYPES: LazyLock<HashMap<&'static str, OfType>> = LazyLock::new(|| {
    let mut types: HashMap<&'static str, OfType> = HashMap::new();
    let mut kind = "";
    for line in TABLE.lines() {
        let Some(element) = line.strip_prefix(' ') else {
            kind = line;
            continue;
        };
        let (name, marks) = element.split_once(' ').unwrap_or((element, ""));
        let of_type = types.entry(kind).or_default();
        if marks.contains('r') {
            of_type.required.push(name);
        }
        if marks.contains('s') {
            of_type.summary.push(name);
        }
    }
    types
});

/// The elements that every resource of the type has; `[x]` stands after the name of a choice.
pub fn required(kind: &str) -> &'static [&'static str] {
    TYPES.get(kind).map(|of_type| &of_type.required[..]).unwrap_or_default()
}

/// The elements of the summary of a type.
pub fn summary(kind: &str) -> &'static [&'static str] {
    TYPES.get(kind).map(|of_type| &of_type.summary[..]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ResourceType;

    #[test]
    fn every_type_has_its_elements() {
        assert_eq!(required("Observation"), ["status", "code"]);
        assert!(summary("Observation").contains(&"value[x]"));
        assert!(!summary("Observation").contains(&"note"));
        assert!(required("Goat").is_empty());
        for line in TABLE.lines().filter(|line| !line.starts_with(' ')) {
            assert!(line.parse::<ResourceType>().is_ok(), "{line}");
        }
        let without = |kind: &&ResourceType| summary(kind.as_str()).is_empty();
        let none: Vec<_> = ResourceType::ALL.iter().filter(without).collect();
        assert!(none.is_empty(), "{none:?}");
    }
}
