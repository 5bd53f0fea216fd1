//! Functions that FHIR adds (FHIR R4 §2.9.1).

use fhir::json::Node;
use fhir_definitions::r4;

use super::compare::is_empty_object;
use super::{Eval, EvalError, Items, Scope, single, wrong};
use crate::ast::Expr;
use crate::element::{Element, pair};
use crate::function::Function;
use crate::value::Item;

type Maybe<'t> = Result<Option<Items<'t>>, EvalError>;

impl<'t> Eval<'_, 't> {
    pub(super) fn fhir_function(
        &self,
        input: &[Item<'t>],
        function: Function,
        arguments: &[Expr],
        scope: &Scope<'_, 't>,
    ) -> Maybe<'t> {
        Ok(Some(match function {
            Function::Extension => {
                let url = self.argument(arguments, 0, scope)?;
                let Some(url) = single(&url, "extension")?.and_then(Item::text) else {
                    return Ok(Some(Vec::new()));
                };
                let elements = input.iter().filter_map(Item::element);
                elements.flat_map(|element| extensions(element, &url)).collect()
            }
            Function::HasValue => {
                let one = input.len() == 1;
                let value = match input.first() {
                    Some(Item::Element(element)) => element.has_value(),
                    Some(_) => true,
                    None => false,
                };
                vec![Item::Boolean(one && value)]
            }
            Function::GetValue => {
                let item = single(input, "getValue")?;
                item.and_then(Item::system).into_iter().collect()
            }
            Function::Resolve => self.resolve(input)?,
            Function::ConformsTo => {
                let profile = self.argument(arguments, 0, scope)?;
                let Some(profile) = single(&profile, "conformsTo")?.and_then(Item::text) else {
                    return Ok(Some(Vec::new()));
                };
                self.conforms(input, &profile)?
            }
            Function::MemberOf => {
                let set = self.argument(arguments, 0, scope)?;
                let Some(set) = single(&set, "memberOf")?.and_then(Item::text) else {
                    return Ok(Some(Vec::new()));
                };
                let item = single(input, "memberOf")?;
                let known = item.and_then(|item| self.context.host.member_of(item, &set));
                known.map(Item::Boolean).into_iter().collect()
            }
            Function::Subsumes | Function::SubsumedBy => {
                let other = self.argument(arguments, 0, scope)?;
                let (item, other) = (single(input, "subsumes")?, single(&other, "subsumes")?);
                let Some((item, other)) = item.zip(other) else {
                    return Ok(Some(Vec::new()));
                };
                let host = self.context.host;
                let known = if function == Function::Subsumes {
                    host.subsumes(item, other)
                } else {
                    host.subsumes(other, item)
                };
                known.map(Item::Boolean).into_iter().collect()
            }
            Function::HtmlChecks => {
                let text = single(input, "htmlChecks")?.and_then(Item::text);
                text.map(|text| Item::Boolean(fhir::xhtml::check(&text).is_ok()))
                    .into_iter()
                    .collect()
            }
            _ => return Ok(None),
        }))
    }

    fn conforms(&self, input: &[Item<'t>], profile: &str) -> Result<Items<'t>, EvalError> {
        let Some(element) = single(input, "conformsTo")?.and_then(Item::element) else {
            return Ok(Vec::new());
        };
        if let Some(known) = self.context.host.conforms_to(element, profile) {
            return Ok(vec![Item::Boolean(known)]);
        }
        // The types of the standard are profiles of themselves.
        let core = profile.strip_prefix("http://hl7.org/fhir/StructureDefinition/");
        match core.and_then(|name| r4().find(name)).zip(element.ty) {
            Some((wanted, found)) => Ok(vec![Item::Boolean(r4().is_a(found, wanted))]),
            None => wrong(&format!("the profile {profile} is not known")),
        }
    }

    fn resolve(&self, input: &[Item<'t>]) -> Result<Items<'t>, EvalError> {
        let mut found = Vec::new();
        for item in input {
            self.spend(16)?;
            let reference = match item.element().and_then(Element::object) {
                Some(object) => object.text("reference").map(Into::into),
                None => item.text(),
            };
            let Some(reference) = reference else {
                continue;
            };
            let inside = contained(self.context.resource, &reference)
                .or_else(|| contained(self.context.root, &reference));
            let resolved = inside.or_else(|| self.context.host.resolve(&reference));
            found.extend(resolved.map(Item::Element));
        }
        Ok(found)
    }
}

/// The extensions with that URL.
fn extensions<'t>(element: Element<'t>, url: &str) -> Vec<Item<'t>> {
    let mut all = Vec::new();
    if let Some(object) = element.object() {
        pair(object, "extension", r4().find("Extension"), &mut all);
    }
    // A primitive keeps them beside its value.
    if let (Some(beside), true) = (element.beside, element.has_value()) {
        all.clear();
        pair(beside, "extension", r4().find("Extension"), &mut all);
    }
    let same = |element: &Element<'t>| {
        element.value.and_then(|node| node.text("url")) == Some(url) && !is_empty_object(*element)
    };
    all.into_iter().filter(same).map(Item::Element).collect()
}

/// A resource inside the resource, by a reference to a fragment.
fn contained<'t>(resource: Element<'t>, reference: &str) -> Option<Element<'t>> {
    let id = reference.strip_prefix('#')?;
    if id.is_empty() {
        return Some(resource);
    }
    let node: Node<'t> = resource.value?;
    let mut inside = node.get("contained").into_iter().flat_map(Node::each);
    inside.find(|node| node.text("id") == Some(id)).map(Element::resource)
}
