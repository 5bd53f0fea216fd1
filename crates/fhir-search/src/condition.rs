//! The conditions of a search.

use fhir::json::Node;
use fhir::search::{DateFilter, TokenFilter};
use fhir::{Id, ResourceType};

use crate::filter::Filter;
use crate::param::Param;
use crate::value::{Target, Value};
use crate::walk::{Trie, values};

/// What stands after the name of a parameter (R4 §3.1.1.5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modifier {
    /// Nothing.
    None,
    /// To the letter.
    Exact,
    /// Anywhere in the text.
    Contains,
    /// No value is one of these.
    Not,
    /// The words of a code.
    Text,
    /// In a value set.
    In,
    /// In no way in a value set.
    NotIn,
    /// An identifier of a type.
    OfType,
    /// Below a URI.
    Below,
    /// Above a URI.
    Above,
    /// The identifier of a reference.
    Identifier,
    /// Whether there is no value.
    Missing(bool),
}

impl Modifier {
    /// Whether it turns the condition around: what has no such value is found.
    pub fn negates(self) -> bool {
        matches!(self, Self::Not | Self::NotIn | Self::Missing(true))
    }
}

/// A condition on the values of a parameter.
#[derive(Debug, Clone)]
pub struct ValueCondition {
    /// The parameter.
    pub param: &'static Param,
    /// How.
    pub modifier: Modifier,
    /// One of these; with a modifier that negates, none of them.
    pub any_of: Vec<Filter>,
    /// The value sets of `:in` and `:not-in`, whose codes are still to be put into `any_of`.
    pub value_sets: Vec<String>,
}

/// A condition that has to hold.
#[derive(Debug, Clone)]
pub enum Condition {
    /// On the values of a parameter.
    Values(ValueCondition),
    /// One of these ids.
    Ids(Vec<Id>),
    /// The time of the last change meets one of these.
    Updated(Vec<DateFilter>),
    /// A reference leads to a resource of which the condition for its type holds.
    Chain {
        /// The reference.
        param: &'static Param,
        /// The condition by type.
        to: Vec<(ResourceType, Condition)>,
    },
    /// A resource refers to this one, and of it the condition holds.
    Has {
        /// Its type.
        of: ResourceType,
        /// Its reference.
        by: &'static Param,
        /// What holds of it.
        condition: Box<Condition>,
    },
    /// It is in one of these lists.
    Lists(Vec<Id>),
    /// All of these words, folded, stand in the narrative, or anywhere.
    Words {
        /// In the narrative alone.
        narrative: bool,
        /// One of these groups.
        any_of: Vec<Vec<String>>,
    },
}

impl ValueCondition {
    /// Whether a resource meets it.
    pub fn matches(&self, kind: ResourceType, root: Node<'_>) -> bool {
        if let Modifier::Missing(missing) = self.modifier {
            return self.has_value(kind, root) != missing;
        }
        let found = if self.param.composites.is_empty() {
            self.any_value(kind, root)
        } else {
            self.any_of.iter().any(|filter| match filter {
                Filter::Composite(parts) => self.stand_together(parts, root),
                _ => false,
            })
        };
        found != self.modifier.negates()
    }

    /// The codes of `status`, where it is a condition on the element of that name and on nothing
    /// else: what a store keeps in a column.
    pub fn statuses(&self, kind: ResourceType) -> Option<Vec<&str>> {
        let of_type = crate::param::of_type(kind);
        let is_status = of_type.status.is_some_and(|path| self.param.paths == [path]);
        if !is_status || self.modifier != Modifier::None {
            return None;
        }
        self.any_of.iter().map(code_of).collect()
    }

    fn any_value(&self, kind: ResourceType, root: Node<'_>) -> bool {
        let mut found = false;
        values(kind, root, &mut |number, value| {
            found = found
                || self.param.paths.contains(&number)
                    && self.counts(&value)
                    && self.any_of.iter().any(|filter| filter.matches(&value));
        });
        found
    }

    fn has_value(&self, kind: ResourceType, root: Node<'_>) -> bool {
        if !self.param.composites.is_empty() {
            let mut places = Vec::new();
            let composites = self.param.composites.iter();
            composites.for_each(|one| Trie::elements(&one.root, root, &mut places));
            return !places.is_empty();
        }
        let mut found = false;
        values(kind, root, &mut |number, value| {
            found = found || self.param.paths.contains(&number) && self.counts(&value);
        });
        found
    }

    /// Whether a reference leads to the type that alone counts.
    fn counts(&self, value: &Value<'_>) -> bool {
        counts(self.param, value)
    }

    fn stand_together(&self, parts: &[Filter], root: Node<'_>) -> bool {
        self.param.composites.iter().any(|composite| {
            let mut places = Vec::new();
            Trie::elements(&composite.root, root, &mut places);
            places.into_iter().any(|place| {
                composite.parts.iter().zip(parts).all(|(component, filter)| {
                    let mut met = false;
                    let from = if component.outside { root } else { place };
                    component.trie.walk(from, &mut |_, value| met |= filter.matches(&value));
                    met
                })
            })
        })
    }
}

/// The code of a filter that names one.
fn code_of(filter: &Filter) -> Option<&str> {
    match filter {
        Filter::Token(TokenFilter::Value(code) | TokenFilter::SystemAndValue(_, code)) => {
            Some(code)
        }
        _ => None,
    }
}

/// Whether a value counts for a parameter: where its references have to lead to one type, others
/// do not.
pub(crate) fn counts(param: &Param, value: &Value<'_>) -> bool {
    let Some(only) = param.only else { return true };
    match value {
        Value::Reference(Target::Local(kind, _)) => *kind == only,
        // The type of what lies elsewhere stands before its id.
        Value::Reference(Target::Other(address)) => {
            address.rsplit('/').nth(1) == Some(only.as_str())
        }
        _ => true,
    }
}

/// The references of a resource by a parameter.
pub(crate) fn references<'t>(
    param: &Param,
    kind: ResourceType,
    root: Node<'t>,
    emit: &mut dyn FnMut(Target<'t>),
) {
    values(kind, root, &mut |number, value| {
        if param.paths.contains(&number)
            && counts(param, &value)
            && let Value::Reference(target) = value
        {
            emit(target);
        }
    });
}
