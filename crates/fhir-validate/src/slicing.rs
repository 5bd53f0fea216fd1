//! Which slice of a profile an element belongs to (R4 §5.1.0.8).

use fhir::json::Node;
use fhir_definitions::{Strength, r4};
use fhirpath::Element;
use serde_json::Value;

use crate::bindings::membership;
use crate::issue::{IssueCode, Severity};
use crate::matching::{equals, fits};
use crate::profile::{Discriminator, Profile, Rules};
use crate::references;
use crate::terminology::Membership;
use crate::walk::{Child, Rule, Walk};

/// How deep the rules of a slice are looked through for what tells it.
const MAX_DEPTH: usize = 8;

/// A step of the path of a discriminator.
enum Step {
    Child(String),
    Extension(String),
    OfType(String),
    Resolve,
}

/// The steps of the simple FHIRPath that discriminators may have (R4 §5.1.0.10).
fn steps(path: &str) -> Vec<Step> {
    let mut found = Vec::new();
    let mut rest = path.trim();
    while !rest.is_empty() {
        let end = end_of_step(rest);
        let step = rest[..end].trim();
        rest = rest[end..].trim_start_matches('.');
        if let Some(inner) = step.strip_prefix('(').and_then(|s| s.strip_suffix(')')) {
            // `(value as Quantity)`
            let (before, ty) = inner.split_once(" as ").unwrap_or((inner, ""));
            found.extend(steps(before));
            if !ty.is_empty() {
                found.push(Step::OfType(ty.trim().to_owned()));
            }
        } else if let Some(url) = argument(step, "extension") {
            found.push(Step::Extension(url.trim_matches(['\'', '"']).to_owned()));
        } else if let Some(ty) = argument(step, "ofType").or_else(|| argument(step, "as")) {
            found.push(Step::OfType(ty.to_owned()));
        } else if step == "resolve()" {
            found.push(Step::Resolve);
        } else if step != "$this" {
            found.push(Step::Child(step.trim_end_matches("[x]").to_owned()));
        }
    }
    found
}

fn argument<'s>(step: &'s str, function: &str) -> Option<&'s str> {
    step.strip_prefix(function)?.strip_prefix('(')?.strip_suffix(')')
}

fn end_of_step(path: &str) -> usize {
    let (mut depth, mut quoted) = (0_usize, false);
    for (at, c) in path.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            '.' if depth == 0 && !quoted => return at,
            _ => {}
        }
    }
    path.len()
}

/// What a profile says at the end of a path.
enum Said<'v> {
    Rules(&'v Rules),
    /// A part of a fixed value.
    Fixed(&'v Value),
    /// A part of a pattern.
    Pattern(&'v Value),
}

impl<'v, 't> Walk<'v, 't> {
    /// The slices that each element belongs to, having counted them.
    pub(crate) fn slices(
        &mut self,
        name: &str,
        rule: Rule<'v>,
        children: &[Child<'t>],
        path: &str,
    ) -> Vec<Vec<Rule<'v>>> {
        let mut found = vec![Vec::new(); children.len()];
        if rule.rules.slices.is_empty() {
            return found;
        }
        let by_url = [Discriminator { kind: "value".to_owned(), path: "url".to_owned() }];
        let discriminators = match &rule.rules.slicing {
            Some(slicing) if !slicing.discriminators.is_empty() => &slicing.discriminators[..],
            // Extensions are told by their URLs even where nobody says so (R4 §5.1.0.9).
            _ if matches!(name, "extension" | "modifierExtension") => &by_url,
            _ => return found,
        };
        let mut unclear = false;
        for (slice_name, slice) in &rule.rules.slices {
            let mut count = 0;
            let mut told = true;
            for (at, child) in children.iter().enumerate() {
                let known = discriminators
                    .iter()
                    .map(|one| self.tells(one, slice, rule.profile, child.element));
                let known: Option<Vec<bool>> = known.collect();
                match known {
                    Some(all) if all.iter().all(|fits| *fits) => {
                        count += 1;
                        found[at].push(Rule { rules: slice, profile: rule.profile });
                    }
                    Some(_) => {}
                    None => told = false,
                }
            }
            unclear |= !told;
            if told {
                self.counted_slice(name, slice_name, slice, (count, rule.profile), path);
            }
        }
        let closed = rule.rules.slicing.as_ref().is_some_and(|slicing| slicing.closed);
        if closed && !unclear {
            for (child, _) in children.iter().zip(&found).filter(|(_, slices)| slices.is_empty()) {
                let text = format!("the profile has no slice of {name} for this");
                let (severity, code) = (Severity::Error, IssueCode::Structure);
                self.tell(severity, code, &child.path, text, Some(rule.profile));
            }
        }
        found
    }

    fn counted_slice(
        &mut self,
        name: &str,
        slice_name: &str,
        slice: &Rules,
        (count, profile): (usize, &Profile),
        path: &str,
    ) {
        let here = format!("{path}.{name}");
        if let Some(min) = slice.min.filter(|min| count < *min as usize) {
            let text = format!(
                "{name}:{slice_name} has to come at least {min} times and comes {count} times"
            );
            self.tell(Severity::Error, IssueCode::Required, &here, text, Some(profile));
        }
        if let Some(max) = slice.max
            && count > max as usize
        {
            let text = format!("{name}:{slice_name} may come {max} times and comes {count} times");
            self.tell(Severity::Error, IssueCode::Structure, &here, text, Some(profile));
        }
    }

    /// Whether an element is of a slice by one discriminator; `None` where that cannot be told.
    fn tells(
        &mut self,
        one: &Discriminator,
        slice: &'v Rules,
        profile: &'v Profile,
        element: Element<'t>,
    ) -> Option<bool> {
        let steps = steps(&one.path);
        let said = self.said(slice, &steps, 0);
        let here = self.navigate(element, &steps);
        match one.kind.as_str() {
            "exists" => {
                let Some(Said::Rules(rules)) = said else {
                    return None;
                };
                match (rules.min, rules.max) {
                    (_, Some(0)) => Some(here.is_empty()),
                    (Some(1..), _) => Some(!here.is_empty()),
                    _ => None,
                }
            }
            "type" => {
                let Some(Said::Rules(rules)) = said else {
                    return None;
                };
                self.is_typed(rules, &here)
            }
            "profile" => {
                let Some(Said::Rules(rules)) = said else {
                    return None;
                };
                self.is_profiled(rules, &here)
            }
            _ => match said? {
                Said::Fixed(value) => {
                    Some(here.iter().any(|e| e.value.is_some_and(|n| equals(n, value))))
                }
                Said::Pattern(value) => {
                    Some(here.iter().any(|e| e.value.is_some_and(|n| fits(n, value))))
                }
                Said::Rules(rules) => {
                    let decisive = is_decisive(rules, 0);
                    let _ = profile;
                    decisive.then(|| here.iter().any(|element| self.suits(rules, *element, 0)))
                }
            },
        }
    }

    fn is_typed(&self, rules: &Rules, here: &[Element<'t>]) -> Option<bool> {
        let mut wanted: Vec<&str> = rules.types.iter().map(|kind| kind.code.as_str()).collect();
        // Resources are typed by the profiles that they may have, too.
        if wanted.iter().all(|code| matches!(*code, "Resource" | "Reference")) {
            let all = rules.types.iter().flat_map(|kind| kind.profiles.iter().chain(&kind.targets));
            let of_profiles: Vec<&str> = all.filter_map(|url| self.type_of(url)).collect();
            if !of_profiles.is_empty() {
                wanted = of_profiles;
            }
        }
        if wanted.is_empty() {
            return None;
        }
        let is = |element: &Element<'t>| {
            wanted.iter().any(|code| {
                element.ty.zip(r4().find(code)).is_some_and(|(ty, wanted)| r4().is_a(ty, wanted))
            })
        };
        Some(here.iter().any(is))
    }

    fn type_of(&self, url: &str) -> Option<&str> {
        let core = url.strip_prefix("http://hl7.org/fhir/StructureDefinition/");
        match core.and_then(|name| r4().find(name)) {
            Some(ty) => Some(r4().get(ty).name),
            None => self.validator.profile(url).map(|profile| profile.ty.as_str()),
        }
    }

    fn is_profiled(&mut self, rules: &'v Rules, here: &[Element<'t>]) -> Option<bool> {
        let all = rules.types.iter().flat_map(|kind| kind.profiles.iter().chain(&kind.targets));
        let urls: Vec<&'v String> = all.collect();
        if urls.is_empty() {
            return None;
        }
        let mut any = false;
        for url in urls {
            if let Some(profile) = self.validator.profile(url) {
                let of_type = r4().find(&profile.ty);
                any = any
                    || here.iter().any(|element| {
                        let typed = element.ty.zip(of_type).is_some_and(|(a, b)| r4().is_a(a, b));
                        typed && self.conforms(*element, Rule { rules: &profile.root, profile })
                    });
            } else {
                let core = self.type_of(url).and_then(|name| r4().find(name))?;
                any = any || here.iter().any(|e| e.ty.is_some_and(|ty| r4().is_a(ty, core)));
            }
        }
        Some(any)
    }

    /// What the rules of a slice say at the end of a path.
    fn said(&self, rules: &'v Rules, steps: &[Step], depth: usize) -> Option<Said<'v>> {
        let Some((step, rest)) = steps.split_first() else {
            return Some(Said::Rules(rules));
        };
        if depth > MAX_DEPTH {
            return None;
        }
        let name = match step {
            Step::Child(name) => name,
            Step::OfType(_) | Step::Resolve => return self.said(rules, rest, depth + 1),
            Step::Extension(url) => {
                let slices = &rules.child("extension")?.slices;
                let found = slices.iter().find(|(_, slice)| self.url_of(slice) == Some(url));
                return self.said(&found?.1, rest, depth + 1);
            }
        };
        if let Some(found) = rules.child(name).and_then(|child| self.said(child, rest, depth + 1))
            && says_something(&found)
        {
            return Some(found);
        }
        let names: Option<Vec<&str>> = steps
            .iter()
            .map(|step| match step {
                Step::Child(name) => Some(name.as_str()),
                _ => None,
            })
            .collect();
        if let Some(names) = names {
            if let Some(value) = rules.fixed.as_ref().and_then(|value| part(value, &names)) {
                return Some(Said::Fixed(value));
            }
            if let Some(value) = rules.pattern.as_ref().and_then(|value| part(value, &names)) {
                return Some(Said::Pattern(value));
            }
        }
        let profiles = rules.types.iter().flat_map(|kind| &kind.profiles);
        profiles
            .filter_map(|url| self.validator.profile(url))
            .find_map(|profile| self.said(&profile.root, steps, depth + 1))
    }

    fn url_of(&self, slice: &'v Rules) -> Option<&'v String> {
        match self.said(slice, &[Step::Child("url".to_owned())], 0)? {
            Said::Rules(rules) => match &rules.fixed {
                Some(Value::String(url)) => Some(url),
                _ => None,
            },
            Said::Fixed(Value::String(url)) => Some(url),
            _ => None,
        }
    }

    /// The elements at the end of a path.
    fn navigate(&self, element: Element<'t>, steps: &[Step]) -> Vec<Element<'t>> {
        let mut here = vec![element];
        for step in steps {
            let mut next = Vec::new();
            for element in here {
                match step {
                    Step::Child(name) => {
                        element.child(name, &mut next);
                    }
                    Step::Extension(url) => {
                        let mut all = Vec::new();
                        element.child("extension", &mut all);
                        next.extend(
                            all.into_iter()
                                .filter(|e| e.value.and_then(|node| node.text("url")) == Some(url)),
                        );
                    }
                    Step::OfType(name) => {
                        next.extend(Some(element).filter(|e| e.type_name() == Some(name)));
                    }
                    Step::Resolve => next.extend(self.resolve(element)),
                }
            }
            here = next;
        }
        here
    }

    fn resolve(&self, element: Element<'t>) -> Option<Element<'t>> {
        let reference = element.value?.text("reference")?;
        if let Some(id) = reference.strip_prefix('#') {
            let mut inside = self.root.value?.get("contained").into_iter().flat_map(Node::each);
            return inside.find(|node| node.text("id") == Some(id)).map(Element::resource);
        }
        references::find(self.outermost, reference)
    }

    /// Whether an element has what decisive rules ask for.
    fn suits(&self, rules: &'v Rules, element: Element<'t>, depth: usize) -> bool {
        let Some(node) = element.value else { return false };
        if rules.fixed.as_ref().is_some_and(|fixed| !equals(node, fixed))
            || rules.pattern.as_ref().is_some_and(|pattern| !fits(node, pattern))
        {
            return false;
        }
        if let Some((Strength::Required, set)) = &rules.binding {
            let ty = element.type_name().unwrap_or_default();
            let found = membership(&self.validator.terminology, element, ty, set);
            if !matches!(found, Some(Membership::In | Membership::Unknown)) {
                return false;
            }
        }
        depth >= MAX_DEPTH
            || rules.children.iter().all(|(name, child)| {
                let mut inside = Vec::new();
                element.child(name, &mut inside);
                let one = !is_decisive(child, 0)
                    || inside.iter().any(|element| self.suits(child, *element, depth + 1));
                one && child.slices.iter().all(|(_, slice)| {
                    let asked = slice.min.unwrap_or(0) > 0 && is_decisive(slice, 0);
                    !asked || inside.iter().any(|element| self.suits(slice, *element, depth + 1))
                })
            })
    }
}

/// Whether what is said could tell one element from another, by whatever discriminator.
fn says_something(said: &Said<'_>) -> bool {
    match said {
        Said::Rules(rules) => {
            let counted = rules.min.is_some() || rules.max.is_some();
            counted || !rules.types.is_empty() || is_decisive(rules, 0)
        }
        _ => true,
    }
}

/// Whether rules say anything that tells one element from another.
fn is_decisive(rules: &Rules, depth: usize) -> bool {
    let required = |rules: &Rules| {
        rules.binding.as_ref().is_some_and(|(strength, _)| *strength == Strength::Required)
    };
    rules.fixed.is_some()
        || rules.pattern.is_some()
        || required(rules)
        || (depth < MAX_DEPTH
            && rules.children.iter().any(|(_, child)| {
                is_decisive(child, depth + 1)
                    || child.slices.iter().any(|(_, slice)| {
                        slice.min.unwrap_or(0) > 0 && is_decisive(slice, depth + 1)
                    })
            }))
}

/// A part of a value by names; of an array, the first item that has it.
fn part<'v>(value: &'v Value, names: &[&str]) -> Option<&'v Value> {
    if let Value::Array(items) = value {
        return items.iter().find_map(|item| part(item, names));
    }
    match names.split_first() {
        None => Some(value),
        Some((name, rest)) => part(value.get(name)?, rest),
    }
}
