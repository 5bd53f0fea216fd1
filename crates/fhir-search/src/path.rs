//! The paths of R4's search parameters: what of FHIRPath they use, resolved to members of JSON.

use fhir::ResourceType;
use fhir_definitions::{Strength, TypeId, r4};

/// One step of a walk through JSON.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// The member of that name; of an array all items.
    Member(Box<str>),
    /// The first item alone.
    First,
    /// Only where the member of that name is this text.
    Where(Box<str>, Box<str>),
}

/// A path with the type at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) steps: Vec<Step>,
    pub(crate) ty: TypeId,
    /// The type that references have to lead to (`where(resolve() is Patient)`).
    pub(crate) refers: Option<ResourceType>,
    /// The value set to which a `code` at its end is bound without exception.
    pub(crate) bound: Option<&'static str>,
}

/// An alternative of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Alternative {
    /// These paths; none where the type has no such elements.
    Paths(Vec<Path>),
    /// `X.exists() and X != false`, where `X` is a choice between a Boolean and a time.
    Flag(Vec<Path>),
}

/// The alternatives of an expression that are about elements of `root`. Another resource type at
/// the start of one leaves it out. `None` where an alternative has a form that R4's parameters do
/// not have.
pub(crate) fn compile(expression: &str, root: TypeId) -> Option<Vec<Alternative>> {
    let mut all = Vec::new();
    for text in expression.split('|').map(str::trim).filter(|text| !text.is_empty()) {
        if let Some(of) = text.split_once(".exists() and ") {
            let flag = alternative(of.0, root)?;
            if of.1 != format!("{} != false", of.0) {
                return None;
            }
            all.extend(flag.map(Alternative::Flag));
            continue;
        }
        all.extend(alternative(text, root)?.map(Alternative::Paths));
    }
    Some(all)
}

/// What stands between the points of an alternative.
#[derive(Debug, PartialEq, Eq)]
enum Part<'e> {
    Name(&'e str),
    As(&'e str),
    Where(&'e str, &'e str),
    Refers(&'e str),
    First,
}

#[expect(clippy::option_option, reason = "not understood, of another type, understood")]
fn alternative(text: &str, root: TypeId) -> Option<Option<Vec<Path>>> {
    let parts = parts(text)?;
    let mut parts = parts.into_iter().peekable();
    if let Some(Part::Name(first)) = parts.peek() {
        let named = r4().find(first).filter(|_| first.starts_with(|c: char| c.is_uppercase()));
        if let Some(named) = named {
            if !r4().is_a(root, named) {
                return Some(None);
            }
            parts.next();
        }
    }
    let mut paths = vec![Path { steps: Vec::new(), ty: root, refers: None, bound: None }];
    for part in parts {
        paths = paths.into_iter().flat_map(|path| extend(path, &part)).collect();
    }
    Some(Some(paths))
}

fn extend(mut path: Path, part: &Part<'_>) -> Vec<Path> {
    match part {
        Part::Name(name) => {
            let ty = r4().get(path.ty);
            let Some(element) = ty.element(name) else { return Vec::new() };
            let one = |kind: TypeId| {
                let mut path = path.clone();
                path.steps.push(Step::Member(r4().member_name(element, kind)));
                let binding = element.binding.as_ref();
                let binding = binding.filter(|it| it.strength == Strength::Required);
                let bound = binding.filter(|_| r4().get(kind).name == "code");
                Path { ty: kind, bound: bound.map(|it| it.value_set), ..path }
            };
            let mut kinds: Vec<TypeId> = element.types.iter().map(|kind| kind.ty).collect();
            kinds.dedup();
            if !element.choice {
                kinds.truncate(1);
            }
            kinds.into_iter().map(one).collect()
        }
        Part::As(name) => {
            let fits = r4().get(path.ty).name.eq_ignore_ascii_case(name);
            if fits { vec![path] } else { Vec::new() }
        }
        Part::Where(name, value) => {
            path.steps.push(Step::Where((*name).into(), (*value).into()));
            vec![path]
        }
        Part::Refers(name) => {
            path.refers = name.parse().ok();
            vec![path]
        }
        Part::First => {
            path.steps.push(Step::First);
            vec![path]
        }
    }
}

/// Cuts `(A.b as T).c`, `A.b.as(T)`, `A.b.where(c='d').e`, `A.b[0].c` into their parts.
fn parts(text: &str) -> Option<Vec<Part<'_>>> {
    let mut all = Vec::new();
    let mut rest = text;
    if let Some(inner) = text.strip_prefix('(') {
        let (inner, after) = inner.split_once(')')?;
        let (path, ty) = inner.split_once(" as ")?;
        all = parts(path)?;
        all.push(Part::As(ty.trim()));
        rest = after.trim_start_matches('.');
    }
    while !rest.is_empty() {
        let end = rest.find(['.', '(']).unwrap_or(rest.len());
        let name = &rest[..end];
        if rest[end..].starts_with('(') {
            let close = end + closing(&rest[end..])?;
            all.push(call(name, &rest[end + 1..close])?);
            rest = rest[close + 1..].trim_start_matches('.');
            continue;
        }
        let plain = name.strip_suffix("[0]");
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let bare = plain.unwrap_or(name);
        if bare.is_empty() || !is_name(bare) {
            return None;
        }
        all.push(Part::Name(bare));
        all.extend(plain.map(|_| Part::First));
        rest = rest[end..].trim_start_matches('.');
    }
    Some(all)
}

fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.bytes().position(|byte| {
        depth += i32::from(byte == b'(') - i32::from(byte == b')');
        depth == 0
    })
}

fn call<'e>(name: &str, argument: &'e str) -> Option<Part<'e>> {
    match name {
        "as" | "ofType" => Some(Part::As(argument.trim())),
        "where" => {
            if let Some(ty) = argument.strip_prefix("resolve() is ") {
                return Some(Part::Refers(ty.trim()));
            }
            let (name, value) = argument.split_once('=')?;
            let value = value.trim().strip_prefix('\'')?.strip_suffix('\'')?;
            Some(Part::Where(name.trim(), value))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use fhir_definitions::search_parameters;

    use super::*;

    #[track_caller]
    fn check(root: &str, expression: &str, expected: &[&str]) {
        let found = compile(expression, r4().find(root).unwrap()).unwrap();
        let path = |path: &Path| {
            let steps = path.steps.iter().map(|step| match step {
                Step::Member(name) => format!(".{name}"),
                Step::First => "[0]".to_owned(),
                Step::Where(name, value) => format!("[{name}={value}]"),
            });
            let refers = path.refers.map(|of| format!("->{of}")).unwrap_or_default();
            format!("{}{refers}: {}", steps.collect::<String>(), r4().get(path.ty).name)
        };
        let all: Vec<String> = found
            .iter()
            .flat_map(|alternative| match alternative {
                Alternative::Paths(all) | Alternative::Flag(all) => all,
            })
            .map(path)
            .collect();
        assert_eq!(all, expected, "{expression}");
    }

    #[test]
    fn paths_become_members_with_types() {
        check("Patient", "Patient.name.family | Person.name", &[".name.family: string"]);
        check("Observation", "(Observation.value as Quantity)", &[".valueQuantity: Quantity"]);
        check("Condition", "Condition.onset.as(Age)", &[".onsetAge: Age"]);
        check(
            "Observation",
            "(Observation.value as CodeableConcept).text",
            &[".valueCodeableConcept.text: string"],
        );
        check(
            "Patient",
            "Patient.telecom.where(system='phone')",
            &[".telecom[system=phone]: ContactPoint"],
        );
        check("Bundle", "Bundle.entry[0].resource", &[".entry[0].resource: Resource"]);
        check("Task", "Task.for.where(resolve() is Patient)", &[".for->Patient: Reference"]);
        check("Goal", "(Goal.start as date)|Goal.x", &[".startDate: date"]);
        check(
            "Patient",
            "Patient.deceased.exists() and Patient.deceased != false",
            &[".deceasedBoolean: boolean", ".deceasedDateTime: dateTime"],
        );
        check(
            "Observation",
            "value.as(DateTime) | value.as(Period)",
            &[".valueDateTime: dateTime", ".valuePeriod: Period"],
        );
        check("Patient", "Resource.meta.tag", &[".meta.tag: Coding"]);
    }

    #[test]
    fn every_expression_of_r4_is_understood() {
        for parameter in search_parameters() {
            for base in &parameter.bases {
                let root = r4().find(base).unwrap();
                let found = compile(parameter.expression, root);
                assert!(found.is_some(), "{}", parameter.id);
                // Those without an expression are special.
                let none = found.unwrap().is_empty();
                assert_eq!(none, parameter.expression.is_empty(), "{} {base}", parameter.id);
            }
        }
    }
}
