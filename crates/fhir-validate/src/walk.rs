//! The walk over a resource, from the outside in.

use fhir::json::Node;
use fhir_definitions::{Element as Definition, Type, TypeId, TypeKind, r4};
use fhirpath::{Element, elements};

use crate::issue::{Issue, IssueCode, Severity};
use crate::primitives;
use crate::profile::{Profile, Rules};
use crate::terminology::unversioned;
use crate::validator::{MAX_ISSUES, Validator};

/// The most elements that one validation looks at, with those that it looks at again for slices.
const MAX_STEPS: usize = 3_000_000;
/// How deep validations may lie in each other (a slice that is told by a profile, and so on).
pub(crate) const MAX_NESTED: usize = 8;

/// Rules of a profile for an element.
#[derive(Clone, Copy)]
pub(crate) struct Rule<'v> {
    pub(crate) rules: &'v Rules,
    pub(crate) profile: &'v Profile,
}

/// An element that lies in another, with its place.
pub(crate) struct Child<'t> {
    pub(crate) element: Element<'t>,
    pub(crate) ty: TypeId,
    pub(crate) path: String,
}

/// The elements of one name.
struct Group<'t> {
    definition: &'static Definition,
    children: Vec<Child<'t>>,
}

/// One validation.
pub(crate) struct Walk<'v, 't> {
    pub(crate) validator: &'v Validator,
    /// The outermost resource.
    pub(crate) outermost: Element<'t>,
    /// The resource around the focus that is not contained.
    pub(crate) root: Element<'t>,
    /// The resource around the focus.
    pub(crate) resource: Element<'t>,
    /// Where that is.
    pub(crate) resource_path: String,
    /// The address of the entry of a Bundle around the focus.
    pub(crate) full_url: Option<&'t str>,
    issues: Vec<Issue>,
    pub(crate) steps: usize,
    pub(crate) nested: usize,
}

const LOINC: &str = "http://loinc.org";

/// The codes of LOINC that R4 asks of vital signs, with their profiles.
const VITAL_SIGNS: &[(&str, &str)] = &[
    ("85353-1", "vitalspanel"),
    ("9279-1", "resprate"),
    ("8867-4", "heartrate"),
    ("2708-6", "oxygensat"),
    ("8310-5", "bodytemp"),
    ("8302-2", "bodyheight"),
    ("9843-4", "headcircum"),
    ("29463-7", "bodyweight"),
    ("39156-5", "bmi"),
    ("85354-9", "bp"),
];

impl<'v, 't> Walk<'v, 't> {
    pub(crate) fn new(validator: &'v Validator, root: Element<'t>) -> Self {
        Self {
            validator,
            outermost: root,
            root,
            resource: root,
            resource_path: String::new(),
            full_url: None,
            issues: Vec::new(),
            steps: 0,
            nested: 0,
        }
    }

    pub(crate) fn finish(self) -> Vec<Issue> {
        self.issues
    }

    pub(crate) fn tell(
        &mut self,
        severity: Severity,
        code: IssueCode,
        path: &str,
        text: String,
        profile: Option<&Profile>,
    ) {
        if self.issues.len() > MAX_ISSUES * 4 {
            return;
        }
        let profile = profile.map(|profile| profile.url.clone());
        let expression = path.to_owned();
        self.issues.push(Issue { severity, code, expression, text, profile });
    }

    pub(crate) fn error(&mut self, code: IssueCode, path: &str, text: impl Into<String>) {
        self.tell(Severity::Error, code, path, text.into(), None);
    }

    /// Whether an element conforms to rules, without telling what is wrong.
    pub(crate) fn conforms(&mut self, element: Element<'t>, rule: Rule<'v>) -> bool {
        if self.nested >= MAX_NESTED {
            return true;
        }
        let mut inner = Walk::new(self.validator, self.root);
        inner.outermost = self.outermost;
        inner.resource = self.resource;
        inner.nested = self.nested + 1;
        inner.steps = self.steps;
        if element.is_resource() {
            inner.resource = element;
        }
        if let Some(ty) = element.definition() {
            inner.object(element, ty, &[rule], "");
            inner.hold(element, ty, &[rule], "");
        }
        self.steps = inner.steps;
        inner.issues.iter().all(|issue| issue.severity < Severity::Error)
    }

    /// Validates a resource with the profiles that are asked for and those that it names.
    pub(crate) fn resource(&mut self, element: Element<'t>, path: &str, asked: &[&str]) {
        let Some(ty) = element.definition().filter(|ty| ty.kind == TypeKind::Resource) else {
            return self.error(IssueCode::Structure, path, "this is no resource of FHIR R4");
        };
        let mut rules: Vec<Rule<'v>> = Vec::new();
        let named = element.value.and_then(|node| node.get("meta")?.get("profile"));
        let named: Vec<&str> =
            named.into_iter().flat_map(Node::each).filter_map(Node::as_str).collect();
        for (at, url) in asked.iter().copied().chain(named).enumerate() {
            let severity = if at < asked.len() { Severity::Error } else { Severity::Warning };
            self.add_profile(url, ty, severity, path, &mut rules);
        }
        self.vital_sign(element, path);
        self.resource_with(element, path, &rules);
    }

    /// R4 asks an Observation with a code of its vital signs to conform to their profiles
    /// (R4 §10.1.3.1). UK Core's own examples do not all, so that is only warned of.
    fn vital_sign(&mut self, element: Element<'t>, path: &str) {
        if element.type_name() != Some("Observation") {
            return;
        }
        let codings = element.value.and_then(|node| node.get("code")?.get("coding"));
        for coding in codings.into_iter().flat_map(Node::each) {
            let code = coding.text("code").unwrap_or_default();
            let known = VITAL_SIGNS.iter().find(|(known, _)| *known == code);
            let Some((_, name)) = known.filter(|_| coding.text("system") == Some(LOINC)) else {
                continue;
            };
            let url = format!("http://hl7.org/fhir/StructureDefinition/{name}");
            let Some(profile) = self.validator.profile(&url) else {
                continue;
            };
            if !self.conforms(element, Rule { rules: &profile.root, profile }) {
                let text = format!("R4 asks what has this code to conform to {url}");
                self.tell(Severity::Warning, IssueCode::Structure, path, text, Some(profile));
            }
        }
    }

    fn add_profile(
        &mut self,
        url: &str,
        ty: &Type,
        severity: Severity,
        path: &str,
        rules: &mut Vec<Rule<'v>>,
    ) {
        let core = unversioned(url).strip_prefix("http://hl7.org/fhir/StructureDefinition/");
        if let Some(wanted) = core.and_then(|name| r4().find(name)) {
            if !r4().is_a(ty.id, wanted) {
                let text = format!("the resource is no {url}");
                self.error(IssueCode::Structure, path, text);
            }
            return;
        }
        let Some(profile) = self.validator.profile(url) else {
            let text = format!("the profile {url} is not known, so it was not checked");
            return self.tell(severity, IssueCode::NotFound, path, text, None);
        };
        if !r4().find(&profile.ty).is_some_and(|wanted| r4().is_a(ty.id, wanted)) {
            let text = format!("the profile {url} is for {} and not for {}", profile.ty, ty.name);
            return self.error(IssueCode::Structure, path, text);
        }
        if profile.incomplete {
            let text = format!("the base of {url} is not known, so not all of it was checked");
            self.tell(Severity::Warning, IssueCode::NotFound, path, text, None);
        }
        if !rules.iter().any(|rule| rule.profile.url == profile.url) {
            rules.push(Rule { rules: &profile.root, profile });
        }
    }

    /// Validates a resource by rules.
    fn resource_with(&mut self, element: Element<'t>, path: &str, rules: &[Rule<'v>]) {
        let Some(ty) = element.definition() else { return };
        let outer = (self.resource, std::mem::replace(&mut self.resource_path, path.to_owned()));
        self.resource = element;
        self.object(element, ty, rules, path);
        self.hold(element, ty, rules, path);
        if ty.name == "Bundle" {
            self.bundle(element, path);
        }
        (self.resource, self.resource_path) = outer;
    }

    /// Validates what is in an object: members, cardinalities, then each element.
    pub(crate) fn object(
        &mut self,
        element: Element<'t>,
        ty: &'static Type,
        rules: &[Rule<'v>],
        path: &str,
    ) {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            if self.steps == MAX_STEPS + 1 {
                self.error(IssueCode::TooCostly, path, "the validation takes too much");
            }
            return;
        }
        let groups = match element.object() {
            Some(object) => self.groups(object, ty, path),
            None => Vec::new(),
        };
        self.cardinalities(ty, &groups, path);
        let mut inner: Vec<Vec<Vec<Rule<'v>>>> =
            groups.iter().map(|group| vec![Vec::new(); group.children.len()]).collect();
        for rule in rules {
            for (name, child) in &rule.rules.children {
                let rule = Rule { rules: child, profile: rule.profile };
                let at = groups.iter().position(|group| group.definition.name == name);
                let children = at.map_or(&[][..], |at| &groups[at].children[..]);
                self.counted(name, rule, children.len(), path);
                let sliced = self.slices(name, rule, children, path);
                if let Some(at) = at {
                    for (index, slices) in sliced.into_iter().enumerate() {
                        inner[at][index].push(rule);
                        inner[at][index].extend(slices);
                    }
                }
            }
        }
        for (group, rules) in groups.iter().zip(&inner) {
            for (child, rules) in group.children.iter().zip(rules) {
                self.child(child, group.definition, ty, element, rules);
            }
        }
    }

    /// Sorts the members of an object by element, and tells of those that may not be there.
    fn groups(&mut self, object: Node<'t>, ty: &'static Type, path: &str) -> Vec<Group<'t>> {
        let mut groups: Vec<Group<'t>> = Vec::new();
        if object.children().next().is_none() {
            self.error(IssueCode::Structure, path, "an object has nothing in it");
        }
        for member in object.children() {
            let key = member.name();
            let plain = key.strip_prefix('_').unwrap_or(key);
            if plain.len() < key.len() && object.get(plain).is_some() {
                continue;
            }
            if key == "resourceType" && ty.kind == TypeKind::Resource {
                continue;
            }
            let Some(found) = ty.member(plain) else {
                let name: String = key.chars().take(64).collect();
                let text = format!("there is no element {name} in {}", ty.name);
                self.error(IssueCode::Structure, &format!("{path}.{name}"), text);
                continue;
            };
            let definition = &ty.elements[found.element];
            let here = format!("{path}.{}", definition.name);
            if !self.shaped(object, plain, definition, found.ty, &here) {
                continue;
            }
            let list = definition.is_list();
            let found_elements = elements(object, plain, Some(found.ty));
            let children = found_elements.into_iter().enumerate().map(|(index, element)| Child {
                element,
                ty: found.ty,
                path: if list { format!("{here}[{index}]") } else { here.clone() },
            });
            match groups.iter_mut().find(|group| std::ptr::eq(group.definition, definition)) {
                Some(group) => group.children.extend(children),
                None => groups.push(Group { definition, children: children.collect() }),
            }
        }
        groups
    }

    /// Whether a member and the one with the underscore have the form that JSON asks for.
    fn shaped(
        &mut self,
        object: Node<'t>,
        name: &str,
        definition: &Definition,
        ty: TypeId,
        path: &str,
    ) -> bool {
        let primitive = r4().get(ty).kind == TypeKind::Primitive;
        let beside = object.get(&format!("_{name}"));
        if beside.is_some() && !primitive {
            self.error(IssueCode::Structure, path, "only primitives have a member with `_`");
            return false;
        }
        for node in [object.get(name), beside].into_iter().flatten() {
            if node.is_array() != definition.is_list() {
                let text = if definition.is_list() {
                    "an array was expected"
                } else {
                    "an array has no place here"
                };
                self.error(IssueCode::Structure, path, text);
                return false;
            }
            if node.is_array() && node.children().next().is_none() {
                self.error(IssueCode::Structure, path, "an array is empty");
            }
            let nulls = node.is_null() || node.children().any(Node::is_null) && node.is_array();
            if nulls && (!primitive || node.is_null() || beside.is_none()) {
                self.error(IssueCode::Structure, path, "a null has no place here");
            }
        }
        true
    }

    fn cardinalities(&mut self, ty: &'static Type, groups: &[Group<'t>], path: &str) {
        for definition in &ty.elements {
            let group = groups.iter().find(|group| std::ptr::eq(group.definition, definition));
            let count = group.map_or(0, |group| group.children.len());
            let here = || format!("{path}.{}", definition.name);
            if count < definition.min as usize {
                let text = format!("{} is missing", definition.name);
                self.error(IssueCode::Required, &here(), text);
            }
            if definition.max.is_some_and(|max| count > max as usize) {
                let text = format!("{} may come only once", definition.name);
                self.error(IssueCode::Structure, &here(), text);
            }
        }
    }

    fn counted(&mut self, name: &str, rule: Rule<'v>, count: usize, path: &str) {
        let here = || format!("{path}.{name}");
        if let Some(min) = rule.rules.min.filter(|min| count < *min as usize) {
            let text = format!("{name} has to come at least {min} times and comes {count} times");
            let (severity, code) = (Severity::Error, IssueCode::Required);
            self.tell(severity, code, &here(), text, Some(rule.profile));
        }
        if let Some(max) = rule.rules.max
            && count > max as usize
        {
            let text = format!("{name} may come {max} times and comes {count} times");
            let (severity, code) = (Severity::Error, IssueCode::Structure);
            self.tell(severity, code, &here(), text, Some(rule.profile));
        }
    }

    /// Validates one element.
    fn child(
        &mut self,
        child: &Child<'t>,
        definition: &'static Definition,
        parent: &'static Type,
        container: Element<'t>,
        rules: &[Rule<'v>],
    ) {
        let path = child.path.as_str();
        let mut rules = rules.to_vec();
        self.types(child, &mut rules);
        let Some(ty) = child.element.definition() else {
            return self.error(IssueCode::Structure, path, "this is no resource of FHIR R4");
        };
        if ty.kind == TypeKind::Resource {
            let entry = container.value.and_then(|node| node.text("fullUrl"));
            return self.inner_resource(child, definition, entry, &rules);
        }
        let primitive = ty.kind == TypeKind::Primitive;
        if primitive && let Some(node) = child.element.value {
            if let Some(text) = primitives::check(node, ty.name) {
                let code = if node.is_object() { IssueCode::Structure } else { IssueCode::Value };
                return self.error(code, path, text);
            }
        } else if !primitive && !child.element.value.is_some_and(Node::is_object) {
            return self.error(IssueCode::Structure, path, "an object was expected");
        }
        if primitive
            && child.element.value.is_none()
            && child.element.object().is_none_or(|beside| beside.get("extension").is_none())
        {
            self.error(IssueCode::Structure, path, "the element has no value and no extension");
        }
        if ty.name == "Extension" {
            self.extension(child, definition.name, parent, container, &mut rules);
        }
        self.bound(child, ty, definition, &rules);
        self.fixed(child, &rules);
        if matches!(ty.name, "Reference" | "canonical") {
            self.reference(child, definition, &rules);
        }
        if primitive && child.element.object().is_none() {
            // Nothing lies in a plain value; what is asked to be in it is only counted.
            self.hold_element(child.element, &definition.invariants, path);
            return self.hold_rules(child.element, &rules, path);
        }
        self.object(child.element, ty, &rules, path);
        self.hold(child.element, ty, &rules, path);
        self.hold_element(child.element, &definition.invariants, path);
    }

    fn inner_resource(
        &mut self,
        child: &Child<'t>,
        definition: &'static Definition,
        entry: Option<&'t str>,
        rules: &[Rule<'v>],
    ) {
        let ty = child.element.definition().expect("the caller saw the type");
        let fitting: Vec<Rule<'v>> = rules
            .iter()
            .filter(|rule| {
                r4().find(&rule.profile.ty).is_some_and(|of| r4().is_a(ty.id, of))
                    || !rule.rules.children.is_empty()
            })
            .copied()
            .collect();
        let outer = (self.root, self.full_url);
        if definition.name != "contained" {
            (self.root, self.full_url) = (child.element, entry);
        }
        let mut all = fitting;
        let named = child.element.value.and_then(|node| node.get("meta")?.get("profile"));
        for url in named.into_iter().flat_map(Node::each).filter_map(Node::as_str) {
            self.add_profile(url, ty, Severity::Warning, &child.path, &mut all);
        }
        self.vital_sign(child.element, &child.path);
        self.resource_with(child.element, &child.path, &all);
        (self.root, self.full_url) = outer;
    }

    /// Looks at the types that profiles leave, and adds the profiles of these types.
    fn types(&mut self, child: &Child<'t>, rules: &mut Vec<Rule<'v>>) {
        let Some(ty) = child.element.ty else { return };
        let name = r4().get(ty).name;
        let mut more = Vec::new();
        for rule in rules.iter() {
            if rule.rules.types.is_empty() {
                continue;
            }
            let fits = |code: &str| r4().find(code).is_some_and(|wanted| r4().is_a(ty, wanted));
            let Some(kind) = rule.rules.types.iter().find(|kind| fits(&kind.code)) else {
                let text = format!("the profile does not allow the type {name} here");
                let (severity, code) = (Severity::Error, IssueCode::Structure);
                self.tell(severity, code, &child.path, text, Some(rule.profile));
                continue;
            };
            let all = rule.rules.types.iter().filter(|other| other.code == kind.code);
            let urls: Vec<&String> = all.flat_map(|kind| &kind.profiles).collect();
            self.type_profiles(child, rule.profile, &urls, &mut more);
        }
        for rule in more {
            if !rules.iter().any(|known| std::ptr::eq(known.rules, rule.rules)) {
                rules.push(rule);
            }
        }
    }

    /// With one profile it has to hold; of several, one.
    fn type_profiles(
        &mut self,
        child: &Child<'t>,
        asks: &'v Profile,
        urls: &[&String],
        more: &mut Vec<Rule<'v>>,
    ) {
        let known: Vec<Rule<'v>> = urls
            .iter()
            .filter_map(|url| self.validator.profile(url))
            .map(|profile| Rule { rules: &profile.root, profile })
            .collect();
        match &known[..] {
            [] => {}
            [only] if urls.len() == 1 => more.push(*only),
            _ if known.len() < urls.len() => {}
            _ => {
                let fitting = known.iter().any(|rule| self.conforms(child.element, *rule));
                if !fitting {
                    let text = "the element conforms to none of the profiles that it may have";
                    let (severity, code) = (Severity::Error, IssueCode::Structure);
                    self.tell(severity, code, &child.path, text.to_owned(), Some(asks));
                }
            }
        }
    }
}
