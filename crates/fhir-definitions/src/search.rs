//! Search parameters and compartments of R4.

use std::sync::LazyLock;

const TABLE: &str = include_str!("../data/search.txt");

/// How the values of a parameter are compared (R4 §3.1.1.4.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SearchKind {
    /// Several parameters at once.
    Composite,
    /// Dates and times.
    Date,
    /// Numbers.
    Number,
    /// Numbers with units.
    Quantity,
    /// References to resources.
    Reference,
    /// What the server alone can answer.
    Special,
    /// Words.
    String,
    /// Codes and identifiers.
    Token,
    /// URIs.
    Uri,
}

/// A part of a composite parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component {
    /// The id of the parameter that it is, such as `Observation-code`.
    pub parameter: &'static str,
    /// FHIRPath from each element of the composite.
    pub expression: &'static str,
}

/// A search parameter.
#[derive(Debug)]
pub struct SearchParameter {
    /// The last part of its URL, such as `Patient-birthdate`.
    pub id: &'static str,
    /// The name in a query.
    pub code: &'static str,
    /// How values are compared.
    pub kind: SearchKind,
    /// The resource types that it searches; may be `Resource` or `DomainResource`.
    pub bases: Vec<&'static str>,
    /// FHIRPath over all bases, joined by `|`; empty where the server alone can answer.
    pub expression: &'static str,
    /// For references: the types that they lead to.
    pub targets: Vec<&'static str>,
    /// For a composite: its parts.
    pub components: Vec<Component>,
}

static PARAMETERS: LazyLock<Vec<SearchParameter>> =
    LazyLock::new(|| TABLE.lines().filter_map(parameter).collect());

/// All standard search parameters of R4, in the order of their URLs.
pub fn search_parameters() -> &'static [SearchParameter] {
    &PARAMETERS
}

/// The types in a patient's compartment, each with the parameters that lead to the patient.
pub fn patient_compartment() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    compartment("Patient")
}

/// The types in the compartment of a type (Patient, Encounter, Practitioner, RelatedPerson or
/// Device), each with the parameters that lead to it; nothing for other types.
pub fn compartment(of: &str) -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    TABLE.lines().filter_map(move |line| {
        let line = line.strip_prefix("C\t")?.strip_prefix(of)?.strip_prefix('\t')?;
        let (resource, parameters) = line.split_once('\t')?;
        Some((resource, list(parameters)))
    })
}

fn list(text: &'static str) -> Vec<&'static str> {
    text.split(',').filter(|item| !item.is_empty()).collect()
}

fn parameter(line: &'static str) -> Option<SearchParameter> {
    let rest = line.strip_prefix("P\t")?;
    let fields: Vec<&'static str> = rest.split('\t').collect();
    let [id, code, kind, bases, expression, targets, components] = fields[..] else {
        return None;
    };
    let kind = match kind {
        "composite" => SearchKind::Composite,
        "date" => SearchKind::Date,
        "number" => SearchKind::Number,
        "quantity" => SearchKind::Quantity,
        "reference" => SearchKind::Reference,
        "string" => SearchKind::String,
        "token" => SearchKind::Token,
        "uri" => SearchKind::Uri,
        _ => SearchKind::Special,
    };
    let components = components
        .split(" ; ")
        .filter_map(|part| part.split_once('='))
        .map(|(parameter, expression)| Component { parameter, expression })
        .collect();
    let (bases, targets) = (list(bases), list(targets));
    Some(SearchParameter { id, code, kind, bases, expression, targets, components })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_their_facts() {
        assert_eq!(search_parameters().len(), TABLE.lines().filter(|l| l.starts_with('P')).count());
        let find = |id| search_parameters().iter().find(|p| p.id == id).unwrap();
        let subject = find("Observation-subject");
        assert_eq!((subject.code, subject.kind), ("subject", SearchKind::Reference));
        assert_eq!(subject.targets, ["Group", "Device", "Patient", "Location"]);
        let composite = find("Observation-code-value-quantity");
        assert_eq!(composite.components.len(), 2);
        assert_eq!(composite.components[0].parameter, "clinical-code");
        let birth = find("individual-birthdate");
        assert_eq!(birth.bases, ["Patient", "Person", "RelatedPerson"]);
        let patient: Vec<_> = patient_compartment().collect();
        assert!(patient.iter().any(|(ty, names)| *ty == "Encounter" && names == &["patient"]));
        assert!(compartment("Encounter").any(|(ty, _)| ty == "Observation"));
    }
}
