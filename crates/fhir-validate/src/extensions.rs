//! Extensions: whether they are known, and where they may stand (R4 §2.5).

use fhir_definitions::{Type, r4};
use fhirpath::Element;

use crate::issue::{IssueCode, Severity};
use crate::profile::Profile;
use crate::walk::{Child, Rule, Walk};

/// Extensions with such URLs are R4's own, so one that is not known does not exist.
const CORE: &str = "http://hl7.org/fhir/StructureDefinition/";

/// R4 itself puts these where it says that they may not stand.
const MISPLACED: &[&str] = &[
    "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type",
    "http://hl7.org/fhir/StructureDefinition/structuredefinition-normative-version",
    "http://hl7.org/fhir/StructureDefinition/regex",
    "http://hl7.org/fhir/StructureDefinition/translation",
    "http://hl7.org/fhir/StructureDefinition/valueset-concept-comments",
];

impl<'v, 't> Walk<'v, 't> {
    pub(crate) fn extension(
        &mut self,
        child: &Child<'t>,
        name: &str,
        parent: &'static Type,
        container: Element<'t>,
        rules: &mut Vec<Rule<'v>>,
    ) {
        let Some(node) = child.element.value else { return };
        let has = |key: &str| {
            node.children().any(|member| member.name().trim_start_matches('_').starts_with(key))
        };
        if has("value") == has("extension") {
            let text = "ext-1: an extension has a value or extensions, and not both";
            self.error(IssueCode::Invariant, &child.path, text);
        }
        let Some(url) = node.text("url") else { return };
        if !url.contains(':') {
            if parent.name != "Extension" {
                let text = "the URL of an extension is an absolute address";
                self.error(IssueCode::Extension, &child.path, text);
            }
            return;
        }
        let Some(profile) = self.validator.profile(url) else {
            let modifier = name == "modifierExtension";
            let severity = if modifier || url.starts_with(CORE) {
                Severity::Error
            } else {
                Severity::Information
            };
            let url: String = url.chars().take(200).collect();
            let text = format!("the extension {url} is not known");
            return self.tell(severity, IssueCode::Extension, &child.path, text, None);
        };
        if profile.ty != "Extension" {
            let text = format!("{url} is no extension");
            return self.error(IssueCode::Extension, &child.path, text);
        }
        let judged = !MISPLACED.contains(&url);
        if judged && !self.may_stand(profile, parent, container, &child.path) {
            let text = format!("the extension {url} may not stand here");
            self.tell(Severity::Error, IssueCode::Extension, &child.path, text, None);
        }
        if !rules.iter().any(|rule| std::ptr::eq(rule.rules, &raw const profile.root)) {
            rules.push(Rule { rules: &profile.root, profile });
        }
    }

    /// Whether one of an extension's contexts is the element around it.
    fn may_stand(
        &self,
        profile: &Profile,
        parent: &'static Type,
        container: Element<'t>,
        path: &str,
    ) -> bool {
        let own = self.definition_path(path);
        let outer = own.rsplit_once('.').map_or("", |(outer, _)| outer);
        profile.context.is_empty()
            || profile.context.iter().any(|(kind, expression)| match kind.as_str() {
                "extension" => {
                    let url = container.value.and_then(|node| node.text("url"));
                    parent.name == "Extension" && url == Some(expression)
                }
                "element" => element_is(expression, parent, outer),
                // What FHIRPath says of a place is not judged.
                _ => true,
            })
    }

    /// A path without places in lists, from the resource around it: `Patient.name.given`.
    fn definition_path(&self, path: &str) -> String {
        let inside = path.get(self.resource_path.len()..).unwrap_or_default();
        let mut plain = self.resource.type_name().unwrap_or_default().to_owned();
        let mut skip = false;
        for c in inside.chars() {
            match c {
                '[' => skip = true,
                ']' => skip = false,
                c if !skip => plain.push(c),
                _ => {}
            }
        }
        plain
    }
}

/// Whether an element is what a context names: a type, or a path.
fn element_is(expression: &str, parent: &'static Type, path: &str) -> bool {
    let expression = expression.split('#').next().unwrap_or(expression);
    let plain = expression.replace("[x]", "");
    if plain == "Element" || plain == path || plain == parent.name {
        return true;
    }
    if let Some(wanted) = r4().find(&plain) {
        return r4().is_a(parent.id, wanted);
    }
    // `Dosage.timing` and the like name an element of a type wherever the type is used.
    let Some((ty, rest)) = plain.split_once('.') else {
        return false;
    };
    let complex =
        r4().find(ty).is_some_and(|ty| r4().get(ty).kind == fhir_definitions::TypeKind::Complex);
    complex && path.ends_with(&format!(".{rest}"))
}
