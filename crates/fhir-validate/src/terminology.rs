//! Code systems and value sets, and whether a code is in one.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use fhir_definitions as r4;
use serde_json::Value;

/// How deep value sets may take from each other.
const MAX_DEPTH: usize = 12;
/// The most codes of one system that are read.
const MAX_CODES: usize = 2_000_000;

/// Codes that lie elsewhere than in packages: in a dictionary of medicines, for one.
pub trait Codes: Debug + Send + Sync {
    /// Whether the system has the code; none where that cannot be said.
    fn has(&self, system: &str, code: &str) -> Option<bool>;
}

/// What can be said of a code and a value set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// It is in it.
    In,
    /// It is not.
    Out,
    /// That takes something that is not here.
    Unknown,
}

impl Membership {
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::In, _) | (_, Self::In) => Self::In,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            _ => Self::Out,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Out, _) | (_, Self::Out) => Self::Out,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            _ => Self::In,
        }
    }

    fn from(known: bool) -> Self {
        if known { Self::In } else { Self::Out }
    }
}

/// A code system: each code with the code above it.
#[derive(Debug, Default)]
struct System {
    complete: bool,
    any_case: bool,
    parents: HashMap<Box<str>, Option<Box<str>>>,
}

impl System {
    fn has(&self, code: &str) -> bool {
        self.parents.contains_key(code)
            || (self.any_case && self.parents.keys().any(|known| known.eq_ignore_ascii_case(code)))
    }

    fn is_below(&self, code: &str, above: &str) -> bool {
        let mut at = code;
        for _ in 0..100 {
            match self.parents.get(at) {
                Some(Some(parent)) if **parent == *above => return true,
                Some(Some(parent)) => at = parent,
                _ => return false,
            }
        }
        false
    }
}

/// A part of what a value set is made of.
#[derive(Debug, Default)]
struct Part {
    system: Option<Box<str>>,
    /// The codes that are named; none where all are meant.
    codes: Vec<Box<str>>,
    filters: Vec<[Box<str>; 3]>,
    sets: Vec<Box<str>>,
}

#[derive(Debug, Default)]
struct Set {
    include: Vec<Part>,
    exclude: Vec<Part>,
}

/// All code systems and value sets that are loaded.
#[derive(Debug, Default)]
pub struct Terminology {
    systems: HashMap<Box<str>, System>,
    sets: HashMap<Box<str>, Set>,
    /// Asked about systems that are not loaded.
    pub(crate) elsewhere: Option<Arc<dyn Codes>>,
}

/// Without the version that may follow a `|`.
pub(crate) fn unversioned(url: &str) -> &str {
    url.split('|').next().unwrap_or(url)
}

impl Terminology {
    /// The code systems and value sets of R4.
    pub fn r4() -> Self {
        let mut all = Self::default();
        for system in r4::code_systems() {
            let mut parents: HashMap<Box<str>, Option<Box<str>>> = HashMap::new();
            let mut above: Vec<&str> = Vec::new();
            for (code, depth) in system.codes() {
                above.truncate(depth);
                parents.insert(code.into(), above.last().map(|parent| (*parent).into()));
                above.push(code);
            }
            let complete = system.content == r4::Content::Complete;
            all.systems.insert(system.url.into(), System { complete, any_case: false, parents });
        }
        for set in r4::value_sets() {
            let read = |parts: Vec<r4::Part>| parts.into_iter().map(of_r4).collect();
            let set_of = Set { include: read(set.include), exclude: read(set.exclude) };
            all.sets.insert(set.url.into(), set_of);
        }
        all
    }

    /// Takes a CodeSystem; one that is a supplement adds no codes.
    pub(crate) fn add_system(&mut self, resource: &Value) {
        let Some(url) = resource["url"].as_str() else {
            return;
        };
        let content = resource["content"].as_str().unwrap_or_default();
        if !matches!(content, "complete" | "fragment" | "example") {
            return;
        }
        let any_case = resource["caseSensitive"] == false;
        let mut system = System { complete: content == "complete", any_case, ..System::default() };
        collect(&resource["concept"], None, &mut system.parents, 0);
        self.systems.insert(url.into(), system);
    }

    /// Takes a ValueSet.
    pub(crate) fn add_set(&mut self, resource: &Value) {
        let Some(url) = resource["url"].as_str() else {
            return;
        };
        let compose = &resource["compose"];
        let read = |key: &str| items(&compose[key]).map(part).collect::<Vec<Part>>();
        let mut set = Set { include: read("include"), exclude: read("exclude") };
        if compose.is_null() {
            // Only an expansion is there, so it is all there is.
            set.include = expansion(&resource["expansion"]["contains"]);
        }
        self.sets.insert(url.into(), set);
    }

    /// Whether a value set is loaded.
    pub fn has_set(&self, url: &str) -> bool {
        self.sets.contains_key(unversioned(url))
    }

    /// Whether a system is loaded with all its codes, and has no such code.
    pub(crate) fn is_unknown_code(&self, system: &str, code: &str) -> bool {
        match self.systems.get(unversioned(system)) {
            Some(system) => system.complete && !system.has(code),
            None => self.known_elsewhere(system, code) == Some(false),
        }
    }

    fn known_elsewhere(&self, system: &str, code: &str) -> Option<bool> {
        self.elsewhere.as_ref()?.has(unversioned(system), code)
    }

    /// Whether a code is in a value set. Without a system, any system of the value set counts.
    pub fn contains(&self, set: &str, system: Option<&str>, code: &str) -> Membership {
        self.member(unversioned(set), system, code, 0)
    }

    fn member(&self, set: &str, system: Option<&str>, code: &str, depth: usize) -> Membership {
        let Some(found) = self.sets.get(set) else {
            return Membership::Unknown;
        };
        if depth > MAX_DEPTH {
            return Membership::Unknown;
        }
        let any = |parts: &[Part]| {
            parts.iter().fold(Membership::Out, |so_far, part| {
                so_far.or(self.part(part, system, code, depth))
            })
        };
        let included = any(&found.include);
        match any(&found.exclude) {
            Membership::In => Membership::Out,
            Membership::Unknown => included.and(Membership::Unknown),
            Membership::Out => included,
        }
    }

    fn part(&self, part: &Part, system: Option<&str>, code: &str, depth: usize) -> Membership {
        let mut known = part.sets.iter().fold(Membership::In, |so_far, set| {
            so_far.and(self.member(unversioned(set), system, code, depth + 1))
        });
        let Some(own) = part.system.as_deref() else {
            return known;
        };
        if system.is_some_and(|system| unversioned(system) != unversioned(own)) {
            return Membership::Out;
        }
        if !part.codes.is_empty() {
            let any_case = self.systems.get(own).is_some_and(|system| system.any_case);
            let named = part
                .codes
                .iter()
                .any(|found| **found == *code || (any_case && found.eq_ignore_ascii_case(code)));
            return known.and(Membership::from(named));
        }
        for [property, operator, value] in &part.filters {
            known = known.and(self.filter(own, [property, operator, value], code));
        }
        if part.filters.is_empty() {
            known = known.and(self.whole(own, system.is_some(), code));
        }
        known
    }

    /// Whether a system has a code.
    fn whole(&self, system: &str, is_named: bool, code: &str) -> Membership {
        match system {
            "urn:ietf:bcp:13" => return Membership::from(is_mime_type(code)),
            "urn:ietf:bcp:47" => return Membership::from(is_language(code)),
            "urn:iso:std:iso:4217" => {
                let form = code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase());
                return Membership::from(form);
            }
            _ => {}
        }
        match self.systems.get(system) {
            Some(found) if found.has(code) => Membership::In,
            Some(found) if found.complete => Membership::Out,
            None if let Some(known) = self.known_elsewhere(system, code) => Membership::from(known),
            // The value set takes whatever that system has.
            _ if is_named => Membership::In,
            _ => Membership::Unknown,
        }
    }

    fn filter(&self, system: &str, filter: [&str; 3], code: &str) -> Membership {
        let Some(found) = self.systems.get(system).filter(|found| found.complete) else {
            return Membership::Unknown;
        };
        if !found.has(code) {
            return Membership::Out;
        }
        let [property, operator, value] = filter;
        if !matches!(property, "concept" | "code" | "parent") {
            return Membership::Unknown;
        }
        match operator {
            "is-a" => Membership::from(code == value || found.is_below(code, value)),
            "descendent-of" => Membership::from(found.is_below(code, value)),
            "is-not-a" => Membership::from(code != value && !found.is_below(code, value)),
            "in" => Membership::from(value.split(',').any(|one| one.trim() == code)),
            _ => Membership::Unknown,
        }
    }
}

fn of_r4(found: r4::Part) -> Part {
    match found {
        r4::Part::Codes(system, codes) => {
            let codes = codes.into_iter().map(Into::into).collect();
            Part { system: Some(system.into()), codes, ..Part::default() }
        }
        r4::Part::Filter(system, filters) => {
            let filters = filters.chunks(3).map(|three| {
                let at = |index: usize| three.get(index).copied().unwrap_or_default().into();
                [at(0), at(1), at(2)]
            });
            Part { system: Some(system.into()), filters: filters.collect(), ..Part::default() }
        }
        r4::Part::Sets(sets) => {
            Part { sets: sets.into_iter().map(Into::into).collect(), ..Part::default() }
        }
    }
}

pub(crate) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn texts(value: &Value) -> Vec<Box<str>> {
    items(value).filter_map(Value::as_str).map(Into::into).collect()
}

fn part(include: &Value) -> Part {
    let codes = items(&include["concept"]).filter_map(|concept| concept["code"].as_str());
    let filters = items(&include["filter"]).map(|filter| {
        let text = |key: &str| filter[key].as_str().unwrap_or_default().into();
        [text("property"), text("op"), text("value")]
    });
    Part {
        system: include["system"].as_str().map(Into::into),
        codes: codes.map(Into::into).collect(),
        filters: filters.collect(),
        sets: texts(&include["valueSet"]),
    }
}

fn expansion(contains: &Value) -> Vec<Part> {
    let mut parts = Vec::new();
    for one in items(contains) {
        if let (Some(system), Some(code)) = (one["system"].as_str(), one["code"].as_str()) {
            let codes = vec![code.into()];
            parts.push(Part { system: Some(system.into()), codes, ..Part::default() });
        }
        parts.extend(expansion(&one["contains"]));
    }
    parts
}

fn collect(
    concepts: &Value,
    above: Option<&str>,
    found: &mut HashMap<Box<str>, Option<Box<str>>>,
    depth: usize,
) {
    for concept in items(concepts) {
        let Some(code) = concept["code"].as_str() else {
            continue;
        };
        if depth > 100 || found.len() >= MAX_CODES {
            return;
        }
        let properties = items(&concept["property"])
            .find(|property| matches!(property["code"].as_str(), Some("parent" | "subsumedBy")));
        let named = properties.and_then(|property| property["valueCode"].as_str());
        found.insert(code.into(), above.or(named).map(Into::into));
        collect(&concept["concept"], Some(code), found, depth + 1);
    }
}

/// `type/subtype` with perhaps parameters (RFC 2046), as BCP 13 registers them.
fn is_mime_type(code: &str) -> bool {
    let essence = code.split(';').next().unwrap_or_default();
    let token = |text: &str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+*".contains(&b);
        !text.is_empty() && text.bytes().all(allowed)
    };
    // R4's own examples have the short names of its formats.
    matches!(code, "xml" | "json" | "ttl")
        || essence.trim().split_once('/').is_some_and(|(kind, of)| token(kind) && token(of))
}

/// Tags in the form of BCP 47; the registry itself is not here.
fn is_language(code: &str) -> bool {
    let mut parts = code.split('-');
    let first = parts.next().unwrap_or_default();
    let letters = (2..=8).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_alphabetic());
    let rest = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    (letters || matches!(first, "i" | "x")) && parts.all(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(set: &str, system: Option<&str>, code: &str, expected: Membership) {
        let all = Terminology::r4();
        let set = format!("http://hl7.org/fhir/ValueSet/{set}");
        assert_eq!(all.contains(&set, system, code), expected, "{code}");
    }

    #[test]
    fn codes_are_found_in_value_sets() {
        check("administrative-gender", None, "male", Membership::In);
        check("administrative-gender", None, "m", Membership::Out);
        let gender = "http://hl7.org/fhir/administrative-gender";
        check("administrative-gender|4.0.1", Some(gender), "male", Membership::In);
        check("administrative-gender", Some("other"), "male", Membership::Out);
        check("mimetypes", None, "text/plain; charset=UTF-8", Membership::In);
        check("mimetypes", None, "text", Membership::Out);
        check("all-types", None, "Patient", Membership::In);
        check("clinical-findings", Some("http://snomed.info/sct"), "1", Membership::Unknown);
        check("nothing", None, "x", Membership::Unknown);
        let acts = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
        let encounters = Terminology::r4().contains(
            "http://terminology.hl7.org/ValueSet/v3-ActEncounterCode",
            Some(acts),
            "AMB",
        );
        assert_eq!(encounters, Membership::In);
    }
}
