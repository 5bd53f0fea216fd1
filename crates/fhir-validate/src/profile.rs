//! Profiles as trees of rules: what a StructureDefinition adds to its base, on top of the base.

use std::collections::HashMap;
use std::sync::Arc;

use fhir_definitions::{Strength, Type, r4};
use fhirpath::Expression;
use rust_decimal::Decimal;
use serde_json::Value;

use crate::terminology::{items, unversioned};

/// The longest chain of base definitions.
const MAX_BASES: usize = 20;

/// A compiled profile.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) url: String,
    /// The type that it constrains.
    pub(crate) ty: String,
    pub(crate) root: Rules,
    /// For an extension: where it may stand, as kind and expression.
    pub(crate) context: Vec<(String, String)>,
    /// The base could not be found, so its rules are missing.
    pub(crate) incomplete: bool,
}

/// What holds of one element.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    pub(crate) min: Option<u32>,
    /// The greatest number; the greatest of all is no limit.
    pub(crate) max: Option<u32>,
    /// Types that are left; none where all of the base are.
    pub(crate) types: Vec<TypeRule>,
    pub(crate) fixed: Option<Value>,
    pub(crate) pattern: Option<Value>,
    pub(crate) least: Option<Value>,
    pub(crate) greatest: Option<Value>,
    pub(crate) max_length: Option<usize>,
    /// Extensions alone do not do (R5's `mustHaveValue`).
    pub(crate) has_value: bool,
    pub(crate) binding: Option<(Strength, String)>,
    pub(crate) invariants: Vec<Invariant>,
    pub(crate) slicing: Option<Slicing>,
    pub(crate) slices: Vec<(String, Rules)>,
    pub(crate) children: Vec<(String, Rules)>,
}

#[derive(Debug, Clone)]
pub(crate) struct TypeRule {
    pub(crate) code: String,
    pub(crate) profiles: Vec<String>,
    pub(crate) targets: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Invariant {
    pub(crate) key: String,
    pub(crate) error: bool,
    pub(crate) human: String,
    pub(crate) expression: Arc<Expression>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Slicing {
    pub(crate) discriminators: Vec<Discriminator>,
    pub(crate) closed: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Discriminator {
    pub(crate) kind: String,
    pub(crate) path: String,
}

impl Rules {
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|(found, _)| found == name).map(|(_, rules)| rules)
    }

    fn child_mut(&mut self, name: &str) -> &mut Self {
        let at = self.children.iter().position(|(found, _)| found == name);
        let at = at.unwrap_or_else(|| {
            self.children.push((name.to_owned(), Self::default()));
            self.children.len() - 1
        });
        &mut self.children[at].1
    }

    fn slice_mut(&mut self, name: &str) -> &mut Self {
        let at = self.slices.iter().position(|(found, _)| found == name);
        let at = at.unwrap_or_else(|| {
            // A slice of a slice begins with what tells that one.
            let outer = name
                .rsplit_once('/')
                .and_then(|(outer, _)| self.slices.iter().find(|(found, _)| found == outer));
            let mut rules = outer.map(|(_, rules)| rules.clone()).unwrap_or_default();
            (rules.min, rules.max) = (None, None);
            self.slices.push((name.to_owned(), rules));
            self.slices.len() - 1
        });
        &mut self.slices[at].1
    }
}

/// Compiles all profiles among the structures.
pub(crate) fn compile(structures: &HashMap<String, Value>) -> HashMap<String, Arc<Profile>> {
    let mut done = HashMap::new();
    let mut urls: Vec<&String> = structures.keys().collect();
    urls.sort();
    for url in urls {
        one(url, structures, &mut done, 0);
    }
    done
}

fn one(
    url: &str,
    structures: &HashMap<String, Value>,
    done: &mut HashMap<String, Arc<Profile>>,
    depth: usize,
) -> Option<Arc<Profile>> {
    if let Some(found) = done.get(url) {
        return Some(Arc::clone(found));
    }
    let structure = structures.get(url).filter(|_| depth < MAX_BASES)?;
    if structure["derivation"] != "constraint" {
        return None;
    }
    let ty = structure["type"].as_str().unwrap_or_default().to_owned();
    let base = unversioned(structure["baseDefinition"].as_str().unwrap_or_default());
    let core = base.strip_prefix("http://hl7.org/fhir/StructureDefinition/");
    let is_type = core.is_some_and(|name| r4().find(name).is_some());
    let inherited = if is_type { None } else { one(base, structures, done, depth + 1) };
    let incomplete = !is_type && inherited.as_ref().is_none_or(|base| base.incomplete);
    let mut root = inherited.as_ref().map(|base| base.root.clone()).unwrap_or_default();
    let differential = &structure["differential"]["element"];
    let snapshot = &structure["snapshot"]["element"];
    let from_snapshot = differential.as_array().is_none_or(Vec::is_empty) || incomplete;
    let elements = if from_snapshot && snapshot.is_array() { snapshot } else { differential };
    let mut cursor = Cursor::default();
    for element in items(elements) {
        let path = cursor.follow(element);
        if let Some(rules) = place(&mut root, &ty, &path) {
            apply(rules, element);
        }
    }
    let incomplete = incomplete && !snapshot.is_array();
    let context = items(&structure["context"]).map(|context| {
        let text = |key: &str| context[key].as_str().unwrap_or_default().to_owned();
        (text("type"), text("expression"))
    });
    let context = context.collect();
    let profile = Arc::new(Profile { url: url.to_owned(), ty, root, context, incomplete });
    done.insert(url.to_owned(), Arc::clone(&profile));
    Some(profile)
}

/// A step of a path: the name of an element and perhaps of a slice.
type Step = (String, Option<String>);

/// Where an element of a StructureDefinition lies, by its id or by its path and what came before.
#[derive(Default)]
struct Cursor {
    last: Vec<Step>,
}

impl Cursor {
    fn follow(&mut self, element: &Value) -> Vec<Step> {
        let path = element["path"].as_str().unwrap_or_default();
        let id = element["id"].as_str().filter(|id| {
            let plain: Vec<&str> =
                id.split('.').map(|step| step.split(':').next().unwrap_or(step)).collect();
            plain.join(".") == path
        });
        let steps = match id {
            Some(id) => id
                .split('.')
                .map(|step| match step.split_once(':') {
                    Some((name, slice)) => (name.to_owned(), Some(slice.to_owned())),
                    None => (step.to_owned(), None),
                })
                .collect(),
            None => self.by_path(path, element["sliceName"].as_str()),
        };
        self.last.clone_from(&steps);
        steps
    }

    fn by_path(&self, path: &str, slice: Option<&str>) -> Vec<Step> {
        let names: Vec<&str> = path.split('.').collect();
        let mut steps: Vec<Step> = Vec::with_capacity(names.len());
        let mut along = true;
        for (at, name) in names.iter().enumerate() {
            let before = self.last.get(at).filter(|(last, _)| along && last == name);
            along = before.is_some();
            let last = at + 1 == names.len();
            let slice = if last { slice } else { before.and_then(|(_, slice)| slice.as_deref()) };
            steps.push(((*name).to_owned(), slice.map(str::to_owned)));
        }
        steps
    }
}

/// The rules of the element at a path, which are made where they are not there yet.
fn place<'r>(root: &'r mut Rules, ty: &str, path: &[Step]) -> Option<&'r mut Rules> {
    let mut at = root;
    let mut ty: Option<&'static Type> = r4().find(ty).map(|ty| r4().get(ty));
    for (name, slice) in path.get(1..)? {
        let plain = name.strip_suffix("[x]").unwrap_or(name);
        let mut choice = None;
        let mut next = None;
        if let Some(known) = ty {
            if let Some(element) = known.element(plain) {
                next = element.types.first().map(|kind| r4().get(kind.ty));
                if element.choice {
                    // A slice of a choice is most often named by the type.
                    let named = slice.as_deref().and_then(|slice| known.member(slice));
                    next = named.map(|member| r4().get(member.ty)).or_else(|| only_type(at, plain));
                }
            } else if let Some(member) = known.member(plain) {
                choice = Some((known.elements[member.element].name, r4().get(member.ty)));
                next = choice.map(|(_, ty)| ty);
            }
        }
        at = at.child_mut(choice.map_or(plain, |(name, _)| name));
        if let Some((_, kind)) = choice {
            // `valueQuantity` is short for the slice of `value[x]` that is a Quantity.
            at = typed_slice(at, plain, kind.name);
        } else if let Some(slice) = slice {
            let by_type = ty.filter(|_| name.ends_with("[x]")).and_then(|ty| ty.member(slice));
            at = match by_type {
                Some(member) => typed_slice(at, slice, r4().get(member.ty).name),
                None => at.slice_mut(slice),
            };
        }
        ty = next.or_else(|| r4_type_of(at));
    }
    Some(at)
}

/// A slice that is told by its type.
fn typed_slice<'r>(at: &'r mut Rules, name: &str, ty: &str) -> &'r mut Rules {
    let slicing = at.slicing.get_or_insert_default();
    if slicing.discriminators.is_empty() {
        let (kind, path) = ("type".to_owned(), "$this".to_owned());
        slicing.discriminators.push(Discriminator { kind, path });
    }
    let rules = at.slice_mut(name);
    if rules.types.is_empty() {
        let (profiles, targets) = (Vec::new(), Vec::new());
        rules.types.push(TypeRule { code: ty.to_owned(), profiles, targets });
    }
    rules
}

fn only_type(at: &Rules, name: &str) -> Option<&'static Type> {
    r4_type_of(at.child(name)?)
}

fn r4_type_of(rules: &Rules) -> Option<&'static Type> {
    let [only] = &rules.types[..] else {
        return None;
    };
    r4().find(&only.code).map(|ty| r4().get(ty))
}

/// Takes over what an element definition says.
fn apply(rules: &mut Rules, element: &Value) {
    if let Some(min) = element["min"].as_u64() {
        rules.min = u32::try_from(min).ok();
    }
    if let Some(max) = element["max"].as_str() {
        rules.max = Some(max.parse().unwrap_or(u32::MAX));
    }
    let types: Vec<TypeRule> = items(&element["type"]).map(type_rule).collect();
    if !types.is_empty() {
        rules.types = types;
    }
    for (key, value) in element.as_object().into_iter().flatten() {
        let of = |prefix: &str| {
            let rest = key.strip_prefix(prefix)?;
            rest.starts_with(|c: char| c.is_ascii_uppercase()).then(|| value.clone())
        };
        rules.fixed = of("fixed").or(rules.fixed.take());
        rules.pattern = of("pattern").or(rules.pattern.take());
        rules.least = of("minValue").or(rules.least.take());
        rules.greatest = of("maxValue").or(rules.greatest.take());
    }
    if let Some(length) = element["maxLength"].as_u64() {
        rules.max_length = usize::try_from(length).ok();
    }
    if let Some(url) = element["binding"]["valueSet"].as_str() {
        let strength = match element["binding"]["strength"].as_str() {
            Some("required") => Strength::Required,
            Some("extensible") => Strength::Extensible,
            Some("preferred") => Strength::Preferred,
            _ => Strength::Example,
        };
        rules.binding = Some((strength, unversioned(url).to_owned()));
    }
    if element["slicing"].is_object() {
        rules.slicing = Some(slicing(&element["slicing"]));
    }
    rules.has_value |= items(&element["extension"]).any(|extension| {
        extension["url"]
            .as_str()
            .is_some_and(|url| url.ends_with("ElementDefinition.mustHaveValue"))
            && extension["valueBoolean"] == true
    });
    for constraint in items(&element["constraint"]) {
        add_invariant(rules, constraint);
    }
}

fn type_rule(kind: &Value) -> TypeRule {
    let urls = |key: &str| {
        items(&kind[key]).filter_map(Value::as_str).map(|u| unversioned(u).to_owned()).collect()
    };
    let code = kind["code"].as_str().unwrap_or_default();
    // Ids and URLs have a type of FHIRPath's own (R4 §5.3.1.2).
    let code = match code.strip_prefix("http://hl7.org/fhirpath/System.") {
        Some("String") => "string",
        _ => code,
    };
    TypeRule { code: code.to_owned(), profiles: urls("profile"), targets: urls("targetProfile") }
}

fn slicing(value: &Value) -> Slicing {
    let discriminators = items(&value["discriminator"]).map(|one| {
        let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        Discriminator { kind: text("type"), path: text("path") }
    });
    Slicing { discriminators: discriminators.collect(), closed: value["rules"] == "closed" }
}

/// Adds an invariant; those of the types themselves, which snapshots repeat, are passed over.
fn add_invariant(rules: &mut Rules, constraint: &Value) {
    let text = |key: &str| constraint[key].as_str().unwrap_or_default();
    let known = ["ele-", "ext-", "dom-"].iter().any(|prefix| text("key").starts_with(prefix));
    let met = rules.invariants.iter().any(|invariant| invariant.key == text("key"));
    if known || met || text("expression").is_empty() {
        return;
    }
    let best_practice = items(&constraint["extension"])
        .any(|e| e["url"].as_str().is_some_and(|url| url.ends_with("-bestpractice")));
    if let Ok(expression) = Expression::parse(text("expression")) {
        rules.invariants.push(Invariant {
            key: text("key").to_owned(),
            error: text("severity") == "error" && !best_practice,
            human: text("human").to_owned(),
            expression: Arc::new(expression),
        });
    }
}

/// A number that a limit of a profile names.
pub(crate) fn number(value: &Value) -> Option<Decimal> {
    value.as_number()?.as_str().parse().ok()
}
