//! Codes and their value sets (R4 §4.1.5), and what profiles say of values.

use fhir::json::{Kind, Node};
use fhir_definitions::{Element as Definition, Strength, Type};
use fhirpath::{Element, Item, Quantity, Unit};

use crate::issue::{IssueCode, Severity};
use crate::matching::{equals, fits};
use crate::profile::{Profile, number};
use crate::terminology::{Membership, Terminology};
use crate::walk::{Child, Rule, Walk};

/// A binding of R4 or of a profile.
struct Bound<'p> {
    strength: Strength,
    set: &'p str,
    maximum: Option<&'p str>,
    profile: Option<&'p Profile>,
}

impl<'v, 't> Walk<'v, 't> {
    /// Checks the bindings of an element, and that its codes are codes.
    pub(crate) fn bound(
        &mut self,
        child: &Child<'t>,
        ty: &'static Type,
        definition: &'static Definition,
        rules: &[Rule<'v>],
    ) {
        if ty.name == "Coding" {
            self.coding(child);
        }
        if let Some(binding) = &definition.binding {
            let (strength, set) = (binding.strength, binding.value_set);
            let bound = Bound { strength, set, maximum: binding.maximum, profile: None };
            self.one(child, ty, &bound);
        }
        for rule in rules {
            if let Some((strength, set)) = &rule.rules.binding {
                let profile = Some(rule.profile);
                let bound = Bound { strength: *strength, set, maximum: None, profile };
                self.one(child, ty, &bound);
            }
        }
    }

    fn coding(&mut self, child: &Child<'t>) {
        let Some(node) = child.element.value else { return };
        let (Some(system), Some(code)) = (node.text("system"), node.text("code")) else {
            return;
        };
        if !system.contains(':') {
            let text = "the system of a code is an absolute address";
            return self.error(IssueCode::CodeInvalid, &child.path, text);
        }
        if self.validator.terminology.is_unknown_code(system, code) {
            let code: String = code.chars().take(64).collect();
            let text = format!("{system} has no code {code}");
            self.error(IssueCode::CodeInvalid, &format!("{}.code", child.path), text);
        }
    }

    fn one(&mut self, child: &Child<'t>, ty: &Type, bound: &Bound<'_>) {
        let terms = &self.validator.terminology;
        let membership = |set: &str| membership(terms, child.element, ty.name, set);
        if let Some(maximum) = bound.maximum
            && membership(maximum) == Some(Membership::Out)
        {
            let text = format!("the code is not in {maximum}, beyond which it may not go");
            self.tell(Severity::Error, IssueCode::CodeInvalid, &child.path, text, bound.profile);
        }
        let severity = match bound.strength {
            Strength::Required => Severity::Error,
            Strength::Extensible => Severity::Warning,
            _ => return,
        };
        let without = matches!(ty.name, "CodeableConcept" | "Coding");
        let text = match membership(bound.set) {
            Some(Membership::Out) => format!("the code is not in {}", bound.set),
            None if bound.strength == Strength::Required && without => {
                format!("there is no code, and one of {} is required", bound.set)
            }
            _ => return,
        };
        self.tell(severity, IssueCode::CodeInvalid, &child.path, text, bound.profile);
    }

    /// Checks what profiles say of the value itself: fixed, pattern, limits and length.
    pub(crate) fn fixed(&mut self, child: &Child<'t>, rules: &[Rule<'v>]) {
        for rule in rules {
            if rule.rules.has_value && !child.element.has_value() {
                let text = "the profile asks for a value here".to_owned();
                let (severity, code) = (Severity::Error, IssueCode::Required);
                self.tell(severity, code, &child.path, text, Some(rule.profile));
            }
            let Some(node) = child.element.value else {
                continue;
            };
            let mut wrong = |text: String| {
                let (severity, code) = (Severity::Error, IssueCode::Value);
                self.tell(severity, code, &child.path, text, Some(rule.profile));
            };
            if let Some(fixed) = &rule.rules.fixed
                && !equals(node, fixed)
            {
                wrong(format!("the value has to be {}", shortened(fixed)));
            }
            if let Some(pattern) = &rule.rules.pattern
                && !fits(node, pattern)
            {
                wrong(format!("the value does not have in it {}", shortened(pattern)));
            }
            if let (Some(most), Some(text)) = (rule.rules.max_length, node.as_str())
                && text.chars().count() > most
            {
                wrong(format!("the value is longer than {most} characters"));
            }
            for (limit, least) in [(&rule.rules.least, true), (&rule.rules.greatest, false)] {
                if limit.as_ref().is_some_and(|limit| beyond(node, limit, least)) {
                    let which = if least { "less" } else { "more" };
                    wrong(format!("the value is {which} than the profile allows"));
                }
            }
        }
    }
}

fn shortened(value: &serde_json::Value) -> String {
    value.to_string().chars().take(200).collect()
}

/// Whether a value is less than the least or more than the greatest that is allowed.
fn beyond(node: Node<'_>, limit: &serde_json::Value, least: bool) -> bool {
    let order = match (node.kind(), limit) {
        (Kind::Number(digits), limit) => digits
            .parse()
            .ok()
            .zip(number(limit))
            .map(|(a, b): (rust_decimal::Decimal, _)| a.cmp(&b)),
        (Kind::String(text), serde_json::Value::String(limit)) => {
            let parse = fhirpath::Temporal::parse_date_time;
            match (parse(text), parse(limit)) {
                (Some(a), Some(b)) => a.compare(b),
                _ => None,
            }
        }
        (Kind::Object, limit) => {
            let Some(Kind::Number(digits)) = node.get("value").map(Node::kind) else {
                return false;
            };
            let one = quantity(digits.parse().ok(), node.text("code").or(node.text("unit")));
            let unit = limit["code"].as_str().or(limit["unit"].as_str());
            match (one, quantity(number(&limit["value"]), unit)) {
                (Some(one), Some(other)) => one.compare(&other),
                _ => None,
            }
        }
        _ => None,
    };
    order.is_some_and(|order| if least { order.is_lt() } else { order.is_gt() })
}

fn quantity(value: Option<rust_decimal::Decimal>, unit: Option<&str>) -> Option<Quantity> {
    let unit = Unit::Ucum(unit.unwrap_or("1").into());
    value.map(|value| Quantity { value, unit })
}

/// Whether a code, Coding, CodeableConcept or Quantity is in a value set; `None` where it has no
/// code.
pub(crate) fn membership(
    terms: &Terminology,
    element: Element<'_>,
    ty: &str,
    set: &str,
) -> Option<Membership> {
    let node = element.value?;
    match ty {
        "CodeableConcept" => {
            let codings = node.get("coding").into_iter().flat_map(Node::each);
            let found: Vec<Membership> =
                codings.filter_map(|coding| of_coding(terms, coding, set)).collect();
            if found.contains(&Membership::In) {
                Some(Membership::In)
            } else if found.contains(&Membership::Unknown) {
                Some(Membership::Unknown)
            } else {
                found.first().copied()
            }
        }
        "Coding" | "Quantity" | "Age" | "Duration" | "Distance" | "Count" | "Money" => {
            of_coding(terms, node, set)
        }
        _ => node.as_str().map(|code| terms.contains(set, None, code)),
    }
}

fn of_coding(terms: &Terminology, node: Node<'_>, set: &str) -> Option<Membership> {
    let code = node.text("code")?;
    // Without a system a code means nothing (R4 §2.24.0.6).
    let Some(system) = node.text("system") else {
        return Some(if terms.has_set(set) { Membership::Out } else { Membership::Unknown });
    };
    Some(terms.contains(set, Some(system), code))
}

/// What `memberOf` answers.
pub(crate) fn member_of(terms: &Terminology, item: &Item<'_>, set: &str) -> Option<bool> {
    let found = match item {
        Item::Element(element) => {
            membership(terms, *element, element.type_name().unwrap_or_default(), set)
        }
        other => other.text().map(|code| terms.contains(set, None, &code)),
    };
    match found {
        Some(Membership::In) => Some(true),
        Some(Membership::Out) => Some(false),
        _ => None,
    }
}
