//! The order of an answer.

use std::cmp::Ordering;

use fhir::StoredResource;
use fhir::json::Tree;
use rust_decimal::Decimal;

use crate::condition::counts;
use crate::filter::canonical;
use crate::fold::fold;
use crate::param::On;
use crate::request::{SearchRequest, Sort};
use crate::value::{Target, UCUM, Value};
use crate::walk::values;

/// By what a resource is sorted for one parameter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortKey {
    /// A time in microseconds since 1970.
    Time(i64),
    /// A number; of quantities in base units, where there are some.
    Number(Decimal),
    /// A text, folded.
    Text(String),
}

impl SearchRequest {
    /// The keys of a resource, one for each parameter of the order.
    pub fn sort_keys(&self, stored: &StoredResource) -> Vec<Option<SortKey>> {
        let tree = Tree::parse(stored.json()).ok();
        let one = |sort: &Sort| match sort.by.on {
            On::Id => Some(SortKey::Text(stored.id.to_string())),
            On::LastUpdated => Some(SortKey::Time(stored.last_updated.as_microsecond())),
            _ => sort.key(stored, tree.as_ref()?),
        };
        self.sort.iter().map(one).collect()
    }

    /// Compares two resources by their keys. What has no value comes last in either direction.
    pub fn compare(&self, a: &[Option<SortKey>], b: &[Option<SortKey>]) -> Ordering {
        let each = self.sort.iter().zip(a.iter().zip(b)).map(|(sort, (a, b))| match (a, b) {
            (Some(a), Some(b)) if sort.descending => b.cmp(a),
            (Some(a), Some(b)) => a.cmp(b),
            (a, b) => a.is_none().cmp(&b.is_none()),
        });
        each.fold(Ordering::Equal, Ordering::then)
    }
}

impl Sort {
    /// Of several values the one that comes first.
    fn key(&self, stored: &StoredResource, tree: &Tree<'_>) -> Option<SortKey> {
        let mut first: Option<SortKey> = None;
        values(stored.resource_type, tree.root(), &mut |path, value| {
            if !self.by.paths.contains(&path) || !counts(self.by, &value) {
                return;
            }
            let Some(key) = key(&value) else { return };
            let before = |known: &SortKey| (key < *known) != self.descending;
            if first.as_ref().is_none_or(|known| key != *known && before(known)) {
                first = Some(key);
            }
        });
        first
    }
}

fn key(value: &Value<'_>) -> Option<SortKey> {
    Some(match value {
        Value::Token { code, .. } => SortKey::Text((*code).to_owned()),
        Value::Words(_) | Value::Logical { .. } => return None,
        Value::Reference(Target::Local(kind, id)) => SortKey::Text(format!("{kind}/{id}")),
        Value::Reference(Target::Other(text)) | Value::Uri(text) => {
            SortKey::Text((*text).to_owned())
        }
        Value::Date(range) => SortKey::Time(range.lower.as_microsecond()),
        Value::Text(text) => SortKey::Text(fold(text)),
        Value::Number(value) => SortKey::Number(*value),
        Value::Quantity { value, system, code, .. } => {
            let base = code.filter(|_| *system == Some(UCUM));
            let base = base.and_then(|code| canonical(*value, code));
            SortKey::Number(base.map_or(*value, |(value, _)| value))
        }
    })
}
