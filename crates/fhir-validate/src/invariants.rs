//! Invariants: rules in FHIRPath, of R4 and of profiles.

use std::collections::HashMap;
use std::sync::LazyLock;

use fhir_definitions::{Type, r4};
use fhirpath::{Context, Element, EvalError, Expression, Host, Item};

use crate::issue::{IssueCode, Severity};
use crate::profile::Profile;
use crate::references;
use crate::validator::Validator;
use crate::walk::{MAX_NESTED, Rule, Walk};

/// The invariants of R4 by their text; one that cannot be read is none.
static INVARIANTS: LazyLock<HashMap<&'static str, Option<Expression>>> = LazyLock::new(|| {
    let of_type = |ty: &'static Type| {
        let inside = ty.elements.iter().flat_map(|element| &element.invariants);
        ty.invariants.iter().chain(inside)
    };
    let all = r4().types().iter().flat_map(of_type);
    all.map(|invariant| (invariant.expression, Expression::parse(invariant.expression).ok()))
        .collect()
});

/// What the walk itself checks, faster than an expression could.
const BUILT_IN: &[&str] = &["ele-1", "ext-1"];

impl<'v, 't> Walk<'v, 't> {
    /// The invariants of a type and of rules.
    pub(crate) fn hold(
        &mut self,
        element: Element<'t>,
        ty: &'static Type,
        rules: &[Rule<'v>],
        path: &str,
    ) {
        let mut at = Some(ty);
        while let Some(ty) = at {
            self.hold_element(element, &ty.invariants, path);
            at = ty.base.map(|base| r4().get(base));
        }
        self.hold_rules(element, rules, path);
    }

    pub(crate) fn hold_element(
        &mut self,
        element: Element<'t>,
        invariants: &[fhir_definitions::Invariant],
        path: &str,
    ) {
        for invariant in invariants {
            if BUILT_IN.contains(&invariant.key) {
                continue;
            }
            let Some(Some(expression)) = INVARIANTS.get(invariant.expression) else {
                continue;
            };
            let holds = self.evaluate(expression, element);
            self.judge(holds, (invariant.key, invariant.human, invariant.error), path, None);
        }
    }

    pub(crate) fn hold_rules(&mut self, element: Element<'t>, rules: &[Rule<'v>], path: &str) {
        for rule in rules {
            for invariant in &rule.rules.invariants {
                let holds = self.evaluate(&invariant.expression, element);
                let what = (invariant.key.as_str(), invariant.human.as_str(), invariant.error);
                self.judge(holds, what, path, Some(rule.profile));
            }
        }
    }

    fn evaluate(
        &mut self,
        expression: &Expression,
        element: Element<'t>,
    ) -> Result<Option<bool>, EvalError> {
        self.steps += 1;
        let host = World {
            validator: self.validator,
            outermost: self.outermost,
            root: self.root,
            nested: self.nested,
        };
        let mut context = Context::new(&host, self.resource);
        context.root = self.root;
        expression.holds(&context, element)
    }

    fn judge(
        &mut self,
        holds: Result<Option<bool>, EvalError>,
        (key, human, error): (&str, &str, bool),
        path: &str,
        profile: Option<&Profile>,
    ) {
        match holds {
            // Many rules of R4 say nothing where the element that they are about is not there.
            Ok(Some(true) | None) => {}
            Ok(Some(false)) => {
                let severity = if error { Severity::Error } else { Severity::Warning };
                let text = format!("{key}: {human}");
                self.tell(severity, IssueCode::Invariant, path, text, profile);
            }
            Err(why) => {
                let text = format!("{key} could not be evaluated: {why}");
                self.tell(Severity::Information, IssueCode::Invariant, path, text, profile);
            }
        }
    }
}

/// What the expressions of invariants may ask for.
struct World<'v, 't> {
    validator: &'v Validator,
    outermost: Element<'t>,
    root: Element<'t>,
    nested: usize,
}

impl<'t> Host<'t> for World<'_, 't> {
    fn resolve(&self, reference: &str) -> Option<Element<'t>> {
        references::find(self.outermost, reference)
    }

    fn conforms_to(&self, element: Element<'t>, profile: &str) -> Option<bool> {
        let profile = self.validator.profile(profile)?;
        let mut walk = Walk::new(self.validator, self.root);
        walk.outermost = self.outermost;
        walk.nested = self.nested + 1;
        if walk.nested > MAX_NESTED {
            return None;
        }
        Some(walk.conforms(element, Rule { rules: &profile.root, profile }))
    }

    fn member_of(&self, item: &Item<'t>, value_set: &str) -> Option<bool> {
        crate::bindings::member_of(&self.validator.terminology, item, value_set)
    }
}
