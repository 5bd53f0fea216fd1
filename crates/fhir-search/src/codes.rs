//! The codes of HL7's own value sets.

use std::collections::BTreeSet;

use fhir_definitions::{Content, Part, ValueSet, code_systems, value_sets};

/// How deep value sets may be made of value sets.
const MAX_DEPTH: usize = 8;

/// The codes of a value set that R4 publishes, as `(system, code)`; `None` where it is not known
/// or its codes cannot be listed from what is here.
pub fn expand(url: &str) -> Option<BTreeSet<(&'static str, &'static str)>> {
    let plain = url.split('|').next().unwrap_or(url);
    list(plain, 0)
}

fn list(url: &str, depth: usize) -> Option<BTreeSet<(&'static str, &'static str)>> {
    if depth > MAX_DEPTH {
        return None;
    }
    let set: ValueSet = value_sets().find(|set| set.url == url)?;
    let mut all = BTreeSet::new();
    for part in &set.include {
        all.extend(part_of(part, depth)?);
    }
    for part in &set.exclude {
        for gone in part_of(part, depth)? {
            all.remove(&gone);
        }
    }
    Some(all)
}

fn part_of(part: &Part, depth: usize) -> Option<BTreeSet<(&'static str, &'static str)>> {
    match part {
        Part::Codes(system, codes) if !codes.is_empty() => {
            Some(codes.iter().map(|code| (*system, *code)).collect())
        }
        Part::Codes(system, _) => {
            let whole = code_systems()
                .find(|known| known.url == *system && known.content == Content::Complete)?;
            Some(whole.codes().map(|(code, _)| (*system, code)).collect())
        }
        Part::Filter(..) => None,
        Part::Sets(urls) => {
            let mut sets = urls.iter().map(|url| list(url.split('|').next()?, depth + 1));
            let first = sets.next()??;
            sets.try_fold(first, |both, next| Some(both.intersection(&next?).copied().collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_sets_are_listed() {
        let gender = expand("http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1").unwrap();
        let codes: Vec<&str> = gender.iter().map(|(_, code)| *code).collect();
        assert_eq!(codes, ["female", "male", "other", "unknown"]);
        let status = expand("http://hl7.org/fhir/ValueSet/medicationrequest-status").unwrap();
        assert!(status.iter().any(|(_, code)| *code == "on-hold"));
        assert_eq!(expand("http://a.example/none"), None);
    }
}
