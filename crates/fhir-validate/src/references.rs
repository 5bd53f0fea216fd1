//! References: their form, and what they may lead to (R4 §2.3).

use fhir::json::Node;
use fhir_definitions::{Element as Definition, r4};
use fhirpath::Element;

use crate::issue::{IssueCode, Severity};
use crate::primitives::is_id;
use crate::walk::{Child, Rule, Walk};

/// What a reference says of where it leads.
enum Form<'r> {
    /// A resource inside this one.
    Inside(&'r str),
    /// A type and an id, perhaps with an address before them.
    Typed(&'r str),
    /// A search for a resource of a type (R4 §3.1.0.11.4).
    Conditional(&'r str),
    /// An address that says nothing of a type.
    Elsewhere,
    /// None of these.
    Wrong,
}

fn form(reference: &str) -> Form<'_> {
    if let Some(id) = reference.strip_prefix('#') {
        return Form::Inside(id);
    }
    if reference.starts_with("urn:") {
        return Form::Elsewhere;
    }
    let absolute = reference.contains("://");
    if let Some((name, _)) = reference.split_once('?').filter(|_| !absolute) {
        return if r4().resource(name).is_some() { Form::Conditional(name) } else { Form::Wrong };
    }
    let plain = reference.split('|').next().unwrap_or(reference);
    let path = plain.split("/_history/").next().unwrap_or(plain);
    let mut steps = path.rsplit('/');
    let (id, name) = (steps.next().unwrap_or_default(), steps.next().unwrap_or_default());
    let rest = steps.next();
    match r4().resource(name) {
        Some(_) if is_id(id) && !id.is_empty() && (absolute || rest.is_none()) => Form::Typed(name),
        _ if absolute || reference.contains(':') => Form::Elsewhere,
        _ => Form::Wrong,
    }
}

impl<'v, 't> Walk<'v, 't> {
    pub(crate) fn reference(
        &mut self,
        child: &Child<'t>,
        definition: &'static Definition,
        rules: &[Rule<'v>],
    ) {
        let Some(node) = child.element.value.filter(|node| node.is_object()) else {
            return;
        };
        let path = format!("{}.reference", child.path);
        let said = node.text("type");
        let mut target = said.filter(|name| r4().resource(name).is_some());
        let mut resolved = None;
        if let Some(reference) = node.text("reference") {
            match form(reference) {
                Form::Wrong => {
                    return self.error(
                        IssueCode::Value,
                        &path,
                        "a reference is a type and an id, or an address",
                    );
                }
                Form::Inside(id) => {
                    resolved = contained(self.root, id).or_else(|| contained(self.resource, id));
                    if resolved.is_none() {
                        let text = "there is no contained resource with that id";
                        return self.error(IssueCode::NotFound, &path, text);
                    }
                }
                Form::Typed(name) | Form::Conditional(name) => {
                    if target.is_some_and(|said| said != name) {
                        let text = "the reference says one type and leads to another";
                        self.error(IssueCode::Value, &path, text);
                    }
                    target = Some(name);
                }
                Form::Elsewhere => {}
            }
            if matches!(form(reference), Form::Conditional(_)) && !self.in_transaction() {
                let text = "a search is a reference only in transactions";
                self.error(IssueCode::Value, &path, text);
            }
            resolved = resolved.or_else(|| find(self.outermost, reference));
            self.reachable(reference, &path);
            let is_bundle = self.outermost.type_name() == Some("Bundle");
            if resolved.is_none() && is_bundle && reference.starts_with("urn:") {
                let text = "there is no entry of the Bundle with that address";
                self.error(IssueCode::NotFound, &path, text);
            }
        }
        let target = resolved.and_then(Element::type_name).or(target);
        self.targets(child, definition, rules, target, resolved);
    }

    /// In a document a relative reference leads to another entry by the address of its own
    /// (R4 §2.36.4.1), not by a type and an id that happen to be there.
    fn reachable(&mut self, reference: &str, path: &str) {
        let document = self.outermost.type_name() == Some("Bundle")
            && self.outermost.value.and_then(|node| node.text("type")) == Some("document");
        let relative = !reference.contains(':') && !reference.starts_with('#');
        let Some(own) = self.full_url.filter(|_| document && relative) else {
            return;
        };
        let Some(node) = find(self.outermost, reference).and_then(|found| found.value) else {
            return;
        };
        let base = own.rsplitn(3, '/').nth(2).unwrap_or_default();
        let wanted = format!("{base}/{reference}");
        let mut entries = self.outermost.value.and_then(|b| b.get("entry")).into_iter();
        let reached = entries.any(|list| {
            list.each().any(|entry| {
                let full = entry.text("fullUrl").unwrap_or_default();
                entry.get("resource") == Some(node) && (full == wanted || full == reference)
            })
        });
        if !reached {
            let text = "the reference does not lead to the entry by the address of its own";
            self.error(IssueCode::NotFound, path, text);
        }
    }

    /// Whether what the reference leads to is of a type that it may lead to.
    fn targets(
        &mut self,
        child: &Child<'t>,
        definition: &'static Definition,
        rules: &[Rule<'v>],
        target: Option<&str>,
        resolved: Option<Element<'t>>,
    ) {
        let Some(target) = target else { return };
        let allowed = definition.types.iter().filter(|kind| kind.ty == child.ty);
        let allowed: Vec<&str> = allowed.flat_map(|kind| kind.targets.iter().copied()).collect();
        if !allowed.is_empty() && !allowed.contains(&target) {
            let text = format!("the reference leads to {target}; {} may be", allowed.join(", "));
            self.error(IssueCode::Structure, &child.path, text);
        }
        for rule in rules {
            let targets: Vec<&String> =
                rule.rules.types.iter().flat_map(|kind| &kind.targets).collect();
            if targets.is_empty() {
                continue;
            }
            let fits = targets.iter().any(|url| self.may_be(url, target));
            if !fits {
                let text = format!("the profile does not allow a reference to {target}");
                let (severity, code) = (Severity::Error, IssueCode::Structure);
                self.tell(severity, code, &child.path, text, Some(rule.profile));
            } else if let Some(resolved) = resolved.filter(|_| targets.len() == 1) {
                self.target_profile(child, rule, targets[0], resolved);
            }
        }
    }

    fn target_profile(
        &mut self,
        child: &Child<'t>,
        rule: &Rule<'v>,
        url: &str,
        resolved: Element<'t>,
    ) {
        let Some(profile) = self.validator.profile(url) else { return };
        if !self.conforms(resolved, Rule { rules: &profile.root, profile }) {
            let text = format!("what the reference leads to does not conform to {url}");
            let (severity, code) = (Severity::Error, IssueCode::Structure);
            self.tell(severity, code, &child.path, text, Some(rule.profile));
        }
    }

    /// Whether a profile or type allows a type of resource; what is not known allows any.
    fn may_be(&self, url: &str, target: &str) -> bool {
        let core = url.strip_prefix("http://hl7.org/fhir/StructureDefinition/");
        let wanted = match core.and_then(|name| r4().find(name)) {
            Some(wanted) => Some(wanted),
            None => self.validator.profile(url).and_then(|profile| r4().find(&profile.ty)),
        };
        let found = r4().find(target);
        match (wanted, found) {
            (Some(wanted), Some(found)) => r4().is_a(found, wanted),
            _ => true,
        }
    }

    fn in_transaction(&self) -> bool {
        let node = self.outermost.value;
        node.and_then(|node| node.text("type")).is_some_and(|kind| {
            self.outermost.type_name() == Some("Bundle") && matches!(kind, "transaction" | "batch")
        })
    }
}

fn contained<'t>(resource: Element<'t>, id: &str) -> Option<Element<'t>> {
    if id.is_empty() {
        return Some(resource);
    }
    let mut inside = resource.value?.get("contained").into_iter().flat_map(Node::each);
    inside.find(|node| node.text("id") == Some(id)).map(Element::resource)
}

/// The entry of a Bundle to which a reference leads.
pub(crate) fn find<'t>(outermost: Element<'t>, reference: &str) -> Option<Element<'t>> {
    if outermost.type_name() != Some("Bundle") {
        return None;
    }
    let plain = reference.split("/_history/").next().unwrap_or(reference);
    let mut entries = outermost.value?.get("entry").into_iter().flat_map(Node::each);
    let found = entries.find(|entry| {
        let full = entry.text("fullUrl").unwrap_or_default();
        let resource = entry.get("resource");
        let named = resource.is_some_and(|resource| {
            let (kind, id) = (resource.text("resourceType"), resource.text("id"));
            kind.zip(id).is_some_and(|(kind, id)| {
                plain.strip_prefix(kind).and_then(|rest| rest.strip_prefix('/')) == Some(id)
            })
        });
        !plain.is_empty() && (full == plain || named)
    });
    found?.get("resource").map(Element::resource)
}
