//! In which form a resource is shown: `_summary`, `_elements`, `_pretty` (R4 §3.1.0.1.12,
//! §3.2.1.7.9).

use fhir::json::{Json, Raw};
use serde_json::value::RawValue;

use super::Failure;
use crate::problem::{Problem, code};

/// The most elements that `_elements` may name.
const MAX_ELEMENTS: usize = 64;
/// Members that every form has.
const ALWAYS: [&str; 3] = ["resourceType", "id", "meta"];
/// The system and the code of the label that says that something was left out.
const SUBSETTED: &str = concat!(
    r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","#,
    r#""code":"SUBSETTED"}"#,
);

/// The form that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Shape {
    part: Part,
    pretty: bool,
    /// What `_format` asks for.
    pub(crate) format: Option<String>,
}

/// How much of a resource is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Part {
    #[default]
    Whole,
    /// `_summary=text`: the narrative, and what the type requires.
    Text,
    /// `_summary=data`: all but the narrative.
    Data,
    /// `_summary=true`: what R4 marks as summary.
    Summary,
    /// `_summary=count`: nothing but how many there are.
    Count,
    /// `_elements`.
    Elements(Vec<String>),
}

impl Shape {
    /// Reads the parameters of the form; the others are left alone.
    pub(crate) fn read(pairs: &[(String, String)]) -> Result<Self, Failure> {
        let mut shape = Shape::default();
        for (name, value) in pairs {
            match name.as_str() {
                "_format" => shape.format = Some(value.clone()),
                "_pretty" => shape.pretty = value == "true",
                "_summary" => shape.part = summary(value)?,
                "_elements" => shape.part = elements(value)?,
                _ => {}
            }
        }
        Ok(shape)
    }

    /// Whether only the number of matches is asked for.
    pub(crate) fn is_count(&self) -> bool {
        self.part == Part::Count
    }

    /// The body in this form.
    pub(crate) fn of(&self, json: String) -> String {
        let shown = match &self.part {
            Part::Whole | Part::Count => json,
            part => of_resource(&json, part).unwrap_or(json),
        };
        if self.pretty { pretty(&shown) } else { shown }
    }

    /// One resource within a bundle in this form.
    pub(crate) fn within(&self, json: Json) -> Json {
        match &self.part {
            Part::Whole | Part::Count => json,
            part => {
                let shown = of_resource(json.get(), part);
                shown.and_then(|shown| Json::parse(shown).ok()).unwrap_or(json)
            }
        }
    }

    /// The format alone, for what has the rest of its form already.
    #[must_use]
    pub(crate) fn format_alone(&self) -> Self {
        Shape { format: self.format.clone(), ..Shape::default() }
    }

    /// A bundle whose entries have their form already.
    pub(crate) fn bundle(&self, json: String) -> String {
        if self.pretty { pretty(&json) } else { json }
    }
}

fn summary(value: &str) -> Result<Part, Failure> {
    match value {
        "true" => Ok(Part::Summary),
        "text" => Ok(Part::Text),
        "data" => Ok(Part::Data),
        "count" => Ok(Part::Count),
        "false" => Ok(Part::Whole),
        _ => {
            let detail = "_summary is true, text, data, count or false.";
            Err(Problem::bad(code::BAD_QUERY, detail).into())
        }
    }
}

fn elements(value: &str) -> Result<Part, Failure> {
    let names: Vec<String> = value.split(',').map(str::trim).map(str::to_owned).collect();
    let is_name = |name: &String| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    };
    if names.len() > MAX_ELEMENTS || !names.iter().all(is_name) {
        let detail = "_elements has 1 to 64 names of elements with commas between them.";
        return Err(Problem::bad(code::BAD_QUERY, detail).into());
    }
    // The name of a type may stand before that of an element.
    let short = |name: String| match name.split_once('.') {
        Some((first, rest)) if first.starts_with(|c: char| c.is_ascii_uppercase()) => {
            rest.split('.').next().unwrap_or_default().to_owned()
        }
        Some((first, _)) => first.to_owned(),
        None => name,
    };
    Ok(Part::Elements(names.into_iter().map(short).collect()))
}

/// The part of a resource, labelled as one. A bundle is shown by its entries.
fn of_resource(json: &str, part: &Part) -> Option<String> {
    let mut raw = Raw::parse(json).ok()?;
    let kind = raw.get_str("resourceType")?;
    if matches!(kind.as_str(), "Bundle" | "OperationOutcome" | "CapabilityStatement") {
        return None;
    }
    let required = fhir::elements::required(&kind);
    let shown = |name: &str| {
        // What stands beside a primitive value goes with it; a choice is shown whatever its type.
        let name = name.strip_prefix('_').unwrap_or(name);
        let among = |names: &[&str]| names.iter().any(|known| is_named(name, known));
        ALWAYS.contains(&name)
            || name == "implicitRules"
            || match part {
                Part::Text => name == "text" || among(required),
                Part::Data => name != "text",
                Part::Summary => among(fhir::elements::summary(&kind)) || among(required),
                Part::Elements(names) => {
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    among(&names) || among(required)
                }
                Part::Whole | Part::Count => true,
            }
    };
    let gone: Vec<String> = raw
        .members()
        .map(|(name, _)| name)
        .filter(|name| !shown(name))
        .map(str::to_owned)
        .collect();
    for name in gone {
        raw.remove(&name);
    }
    label(&mut raw);
    Some(raw.write())
}

/// Whether a member is the element: by its name, or by that of a choice and a type after it.
fn is_named(member: &str, element: &str) -> bool {
    match element.strip_suffix("[x]") {
        None => member == element,
        Some(choice) => member
            .strip_prefix(choice)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase())),
    }
}

/// Says that something was left out, so that nobody writes it back as the whole.
fn label(raw: &mut Raw) {
    let Ok(mut meta) = raw.meta() else { return };
    let tags: Vec<Box<RawValue>> =
        meta.get("tag").and_then(|tags| serde_json::from_str(tags.get()).ok()).unwrap_or_default();
    let tags: Vec<&str> = tags.iter().map(|tag| tag.get()).chain([SUBSETTED]).collect();
    if let Ok(tags) = Json::parse(format!("[{}]", tags.join(","))) {
        meta.set("tag", tags);
        raw.set("meta", meta.to_json());
    }
}

/// JSON for people: each member on a line of its own.
fn pretty(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut chars = json.chars().peekable();
    while let Some(c) = chars.next() {
        if in_string {
            out.push(c);
            (in_string, escaped) = (escaped || c != '"', !escaped && c == '\\');
            continue;
        }
        match c {
            '"' => {
                in_string = true;
                out.push(c);
            }
            '{' | '[' => {
                out.push(c);
                depth += 1;
                if !matches!(chars.peek(), Some('}' | ']')) {
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if !out.ends_with(['{', '[']) {
                    line(&mut out, depth);
                }
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str("  ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBSERVATION: &str = concat!(
        r#"{"resourceType":"Observation","id":"o","meta":{"versionId":"1","tag":[{"code":"x"}]},"#,
        r#""text":{"status":"empty"},"status":"final","_status":{"id":"s"},"code":{"text":"c"},"#,
        r#""valueQuantity":{"value":1.50},"note":[{"text":"n"}]}"#,
    );

    fn shape(query: &str) -> Result<Shape, Failure> {
        let pairs: Vec<(String, String)> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        Shape::read(&pairs)
    }

    #[track_caller]
    fn check(query: &str, expected: &[&str]) {
        let shown = shape(query).unwrap().of(OBSERVATION.to_owned());
        let raw = Raw::parse(&shown).unwrap();
        let names: Vec<&str> = raw.members().map(|(name, _)| name).collect();
        assert_eq!(names, expected, "{query}");
        let labelled = shown.contains("SUBSETTED");
        assert_eq!(labelled, expected.len() < 9, "{query}");
    }

    #[test]
    fn a_part_holds_what_was_asked_for_and_what_is_required() {
        let head = ["resourceType", "id", "meta"];
        let with = |more: &[&'static str]| [&head[..], more].concat();
        let all = ["text", "status", "_status", "code", "valueQuantity", "note"];
        check("_summary=false", &with(&all));
        check("_summary=text", &with(&["text", "status", "_status", "code"]));
        check("_summary=data", &with(&all[1..]));
        check("_summary=true", &with(&["status", "_status", "code", "valueQuantity"]));
        check("_elements=note", &with(&["status", "_status", "code", "note"]));
        check("_elements=Observation.note,id", &with(&["status", "_status", "code", "note"]));
        for wrong in ["_summary=some", "_elements=", "_elements=a,,b", "_elements=a b"] {
            assert!(shape(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn pretty_json_says_the_same() {
        let json = r#"{"a":[1.50,{"b":"x: \"{,\\"},[],{}],"c":{}}"#;
        let expected = concat!(
            "{\n  \"a\": [\n    1.50,\n    {\n      \"b\": \"x: \\\"{,\\\\\"\n    },\n",
            "    [],\n    {}\n  ],\n  \"c\": {}\n}",
        );
        assert_eq!(pretty(json), expected);
        assert_eq!(fhir::json::canonical(&pretty(json)).ok(), fhir::json::canonical(json).ok());
    }
}
