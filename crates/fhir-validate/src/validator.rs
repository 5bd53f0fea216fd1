//! The entry: a validator with its profiles, and a run of it.

use std::collections::HashMap;
use std::sync::Arc;

use fhir::json::{Limits, Tree};
use fhirpath::Element;

use crate::issue::{Issue, IssueCode, Severity};
use crate::packages::Packages;
use crate::profile::{Profile, compile};
use crate::terminology::{Terminology, unversioned};
use crate::walk::Walk;

/// The most issues of one validation; what comes after is not told.
pub const MAX_ISSUES: usize = 500;
/// The deepest nesting and the most bytes of a resource.
const LIMITS: Limits = Limits { depth: 120, bytes: 64 << 20 };

/// Validates resources against R4 and the profiles of its packages. Made once, used many times and
/// from many threads.
#[derive(Debug)]
pub struct Validator {
    pub(crate) profiles: HashMap<String, Arc<Profile>>,
    pub(crate) terminology: Terminology,
}

impl Validator {
    /// A validator by the definitions of packages.
    pub fn new(packages: Packages) -> Self {
        let profiles = compile(&packages.structures);
        Self { profiles, terminology: packages.terminology }
    }

    /// Whether a profile is known.
    pub fn knows(&self, profile: &str) -> bool {
        self.profile(profile).is_some()
    }

    pub(crate) fn profile(&self, url: &str) -> Option<&Profile> {
        self.profiles.get(unversioned(url)).map(|profile| &**profile)
    }

    /// Validates a resource in JSON against R4, against the profiles that it names itself, and
    /// against these. A profile that is not known is an error when it is asked for here, and a
    /// warning when the resource names it.
    pub fn validate(&self, json: &str, profiles: &[&str]) -> Vec<Issue> {
        if let Err(error) = fhir::json::check(json.as_bytes(), LIMITS) {
            return vec![alone(IssueCode::Structure, &error.path, error.to_string())];
        }
        let tree = match Tree::parse(json) {
            Ok(tree) => tree,
            Err(error) => return vec![alone(IssueCode::Structure, "", error.to_string())],
        };
        let root = Element::resource(tree.root());
        let Some(ty) = root.definition() else {
            let text = "the resource has no resourceType of FHIR R4".to_owned();
            return vec![alone(IssueCode::Structure, "", text)];
        };
        let mut walk = Walk::new(self, root);
        walk.resource(root, ty.name, profiles);
        let mut issues = walk.finish();
        issues.sort_by_key(|issue| std::cmp::Reverse(issue.severity));
        issues.truncate(MAX_ISSUES);
        issues
    }
}

fn alone(code: IssueCode, path: &str, text: String) -> Issue {
    Issue { severity: Severity::Error, code, expression: path.to_owned(), text, profile: None }
}
