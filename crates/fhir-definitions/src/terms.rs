//! The code systems and value sets of HL7 that R4 publishes.

const SYSTEMS: &str = include_str!("../data/codes.txt");
const SETS: &str = include_str!("../data/valuesets.txt");

/// How much of a code system is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Every code: another one does not exist.
    Complete,
    /// Some codes.
    Partial,
}

/// A code system.
#[derive(Debug, Clone, Copy)]
pub struct CodeSystem {
    /// Its URL.
    pub url: &'static str,
    /// How much of it is there.
    pub content: Content,
    line: &'static str,
}

impl CodeSystem {
    /// Its codes in their order, each with how many codes lie above it; those above come before.
    pub fn codes(&self) -> impl Iterator<Item = (&'static str, usize)> + use<> {
        self.line.split('\t').filter(|text| !text.is_empty()).map(|text| {
            // Operators such as `>=` are codes themselves, so a bare sign is not a depth.
            let code = text.trim_start_matches('>');
            let is_code = code.is_empty() || code.starts_with('=');
            if is_code { (text, 0) } else { (code, text.len() - code.len()) }
        })
    }
}

/// All code systems, in the order of their URLs.
pub fn code_systems() -> impl Iterator<Item = CodeSystem> {
    let mut lines = SYSTEMS.lines();
    std::iter::from_fn(move || {
        let head = lines.next()?.strip_prefix("C\t")?;
        let (url, content) = head.split_once('\t')?;
        let content = if content == "complete" { Content::Complete } else { Content::Partial };
        Some(CodeSystem { url, content, line: lines.next().unwrap_or_default() })
    })
}

/// A part of what a value set is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Codes of a system; all of them where none is named.
    Codes(&'static str, Vec<&'static str>),
    /// Codes of a system by what holds of them: property, operator and value, three by three.
    Filter(&'static str, Vec<&'static str>),
    /// What is in all of these value sets.
    Sets(Vec<&'static str>),
}

/// A value set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueSet {
    /// Its URL.
    pub url: &'static str,
    /// What is in it.
    pub include: Vec<Part>,
    /// What is not in it, though it would be.
    pub exclude: Vec<Part>,
}

/// All value sets, in the order of their URLs.
pub fn value_sets() -> impl Iterator<Item = ValueSet> {
    let mut lines = SETS.lines().peekable();
    std::iter::from_fn(move || {
        let url = lines.next()?.strip_prefix("V\t")?;
        let mut set = ValueSet { url, include: Vec::new(), exclude: Vec::new() };
        while let Some(line) = lines.next_if(|line| !line.starts_with("V\t")) {
            let (line, parts) = match line.strip_prefix('-') {
                Some(line) => (line, &mut set.exclude),
                None => (line, &mut set.include),
            };
            parts.extend(part(line));
        }
        Some(set)
    })
}

fn part(line: &'static str) -> Option<Part> {
    let mut fields = line.split('\t');
    match fields.next()? {
        "+" => Some(Part::Codes(fields.next()?, fields.collect())),
        "?" => Some(Part::Filter(fields.next()?, fields.collect())),
        "@" => Some(Part::Sets(fields.collect())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_sets_are_there() {
        let system = |url| code_systems().find(|s| s.url == url).unwrap();
        let gender: Vec<_> = system("http://hl7.org/fhir/administrative-gender").codes().collect();
        assert_eq!(gender, [("male", 0), ("female", 0), ("other", 0), ("unknown", 0)]);
        let comparator = system("http://hl7.org/fhir/quantity-comparator").codes();
        assert_eq!(comparator.map(|(code, _)| code).collect::<Vec<_>>(), ["<", "<=", ">=", ">"]);
        let types: Vec<_> = system("http://hl7.org/fhir/data-types").codes().collect();
        assert!(types.contains(&("Age", 0)), "{types:?}");
        let acts = system("http://terminology.hl7.org/CodeSystem/v3-ActCode").codes();
        assert!(acts.into_iter().any(|(_, depth)| depth > 1));
        let set = value_sets().find(|s| s.url.ends_with("/administrative-gender")).unwrap();
        let all = Part::Codes("http://hl7.org/fhir/administrative-gender", vec![]);
        assert_eq!(set.include, [all]);
        assert!(code_systems().count() > 900 && value_sets().count() > 1000);
    }
}
