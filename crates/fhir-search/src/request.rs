//! What a search asks for.

mod chain;
mod control;

use fhir::resources::IssueType;
use fhir::search::DateFilter;
use fhir::{Id, ResourceType};
use fhir_definitions::SearchKind;

use crate::condition::{Condition, Modifier, ValueCondition};
use crate::filter::{self, Filter, ReferenceFilter};
use crate::fold::fold;
use crate::param::{On, Param, find_param, params_of};

pub use chain::MAX_CHAIN;
pub use control::{Include, MAX_INCLUDES, MAX_SORTS, Sort, Total};

/// Resources on a page where the search does not say.
pub const DEFAULT_COUNT: u32 = 50;
/// The most resources on a page; a search that asks for more gets this many.
pub const MAX_COUNT: u32 = 500;
/// The most parameters of a search.
pub const MAX_PARAMS: usize = 64;
/// The most values with commas between them.
pub const MAX_VALUES: usize = 200;
/// The most bytes of all values of one parameter.
pub const MAX_VALUE_BYTES: usize = 8192;
/// The most bytes of a paging cursor.
pub const MAX_CURSOR_BYTES: usize = 256;
/// The most bytes of a parameter's name that an error or a list of unknown names repeats.
const MAX_NAME_BYTES: usize = 64;
/// The most words of a text that is looked for.
const MAX_WORDS: usize = 32;

/// Parameters that are about the form of the answer and are left to the endpoint.
const ABOUT_THE_FORM: [&str; 4] = ["_format", "_pretty", "_summary", "_elements"];

/// What a search asks for: every condition must be met.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// Of which type.
    pub resource_type: ResourceType,
    /// What has to hold.
    pub conditions: Vec<Condition>,
    /// Resources on a page, at most [`MAX_COUNT`]; 0 asks only how many there are.
    pub count: u32,
    /// In which order; the newest first where there is none.
    pub sort: Vec<Sort>,
    /// Whether the number of all that are found is asked for.
    pub total: Total,
    /// What comes with the resources that are found.
    pub includes: Vec<Include>,
    /// Where the page begins, in the store's own words.
    pub cursor: Option<String>,
    /// Names that are not parameters of the type, for `Prefer: handling=strict` (R4 §3.1.1.3).
    pub unknown: Vec<String>,
}

impl SearchRequest {
    /// The same conditions, of which only whether one or several meet them is asked: in no order,
    /// with nothing else, and uncounted.
    #[must_use]
    pub fn for_condition(&self) -> Self {
        let (sort, includes, unknown) = (Vec::new(), Vec::new(), Vec::new());
        SearchRequest {
            resource_type: self.resource_type,
            conditions: self.conditions.clone(),
            count: 2,
            sort,
            total: Total::None,
            includes,
            cursor: None,
            unknown,
        }
    }
}

/// Why a search cannot be made. What is displayed names the parameter and never quotes a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// The type is not searched.
    #[error("{0} cannot be searched")]
    Type(ResourceType),
    /// A value is empty or has the wrong form. An empty value is refused rather than ignored: an
    /// empty `patient` must never mean all patients.
    #[error("the value of {param} is not {expected}")]
    Value {
        /// The parameter.
        param: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The parameter does not have this modifier. R4 §3.1.1.5.4: always refused.
    #[error("{param} does not have that modifier")]
    Modifier {
        /// The parameter.
        param: String,
    },
    /// A condition on another resource that cannot be reached so. Refused rather than ignored:
    /// what is left would find much more than was meant.
    #[error("{param} cannot be chained")]
    Chained {
        /// The parameter.
        param: String,
    },
    /// It may come only once.
    #[error("{param} comes more than once")]
    Repeated {
        /// The parameter.
        param: String,
    },
    /// More than a limit allows.
    #[error("{param} is longer than {limit} {unit}")]
    TooLong {
        /// The parameter, or `the search`.
        param: String,
        /// How many are allowed.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
}

impl SearchError {
    /// The parameter, when the error is about one.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::Type(_) => None,
            Self::Value { param, .. }
            | Self::Modifier { param }
            | Self::Chained { param }
            | Self::Repeated { param }
            | Self::TooLong { param, .. } => Some(param),
        }
    }

    /// What kind of issue it is.
    pub fn issue_type(&self) -> IssueType {
        match self {
            Self::Type(_) | Self::Modifier { .. } | Self::Chained { .. } => IssueType::NotSupported,
            Self::Value { .. } | Self::Repeated { .. } => IssueType::Value,
            Self::TooLong { .. } => IssueType::TooLong,
        }
    }
}

impl SearchRequest {
    /// Everything of a type.
    pub fn all(resource_type: ResourceType) -> Self {
        Self {
            resource_type,
            conditions: Vec::new(),
            count: DEFAULT_COUNT,
            sort: Vec::new(),
            total: Total::Known,
            includes: Vec::new(),
            cursor: None,
            unknown: Vec::new(),
        }
    }

    /// Reads the decoded names and values of a query. A parameter that comes twice is two
    /// conditions, commas mean one of several.
    pub fn parse(
        resource_type: ResourceType,
        pairs: &[(String, String)],
    ) -> Result<Self, SearchError> {
        if params_of(resource_type).is_empty() {
            return Err(SearchError::Type(resource_type));
        }
        if pairs.len() > MAX_PARAMS {
            let param = "the search".to_owned();
            return Err(SearchError::TooLong { param, limit: MAX_PARAMS, unit: "parameters" });
        }
        let mut request = Self::all(resource_type);
        let mut seen = Vec::new();
        for (name, value) in pairs {
            if value.len() > MAX_VALUE_BYTES {
                let param = cut(name);
                return Err(SearchError::TooLong { param, limit: MAX_VALUE_BYTES, unit: "bytes" });
            }
            if ABOUT_THE_FORM.contains(&name.as_str())
                || control::pair(&mut request, &mut seen, name, value)?
            {
                continue;
            }
            match chain::condition(resource_type, name, value, 0)? {
                Some(condition) => request.conditions.push(condition),
                None => request.unknown.push(cut(name)),
            }
        }
        Ok(request)
    }

    /// Whether it names ids, identifiers or patients, so that few resources can meet it.
    pub fn is_narrow(&self) -> bool {
        self.conditions.iter().any(|condition| match condition {
            Condition::Ids(_) => true,
            Condition::Values(on) => {
                let names_identifier = on.param.code == "identifier"
                    && on.modifier == Modifier::None
                    && on
                        .any_of
                        .iter()
                        .all(|filter| matches!(filter, Filter::Token(token) if token.has_value()));
                names_identifier || !named_patients(on).is_empty()
            }
            _ => false,
        })
    }

    /// Whether it looks at nothing but the resources of its type.
    pub fn is_plain(&self) -> bool {
        let of_type = |condition: &Condition| {
            matches!(condition, Condition::Values(_) | Condition::Ids(_) | Condition::Updated(_))
        };
        self.conditions.iter().all(of_type)
    }

    /// The patients of this server that its conditions name.
    pub fn patients(&self) -> Vec<Id> {
        let of = |condition: &Condition| match condition {
            Condition::Values(on) => named_patients(on),
            Condition::Ids(ids) if self.resource_type == ResourceType::Patient => ids.clone(),
            _ => Vec::new(),
        };
        self.conditions.iter().flat_map(of).collect()
    }
}

/// The patients, where it is about one of several and about nothing else.
fn named_patients(on: &ValueCondition) -> Vec<Id> {
    let patient = |filter: &Filter| match filter {
        Filter::Reference(ReferenceFilter::Local(kinds, id))
            if kinds.contains(&ResourceType::Patient) =>
        {
            Some(id.clone())
        }
        _ => None,
    };
    if on.modifier != Modifier::None {
        return Vec::new();
    }
    on.any_of.iter().map(patient).collect::<Option<_>>().unwrap_or_default()
}

fn cut(name: &str) -> String {
    name[..name.floor_char_boundary(MAX_NAME_BYTES)].to_owned()
}

fn wrong(param: &str, expected: &'static str) -> SearchError {
    SearchError::Value { param: cut(param), expected }
}

/// Reads values with commas between them.
fn each<T>(
    name: &str,
    value: &str,
    read: impl Fn(&str) -> Result<T, &'static str>,
) -> Result<Vec<T>, SearchError> {
    let parts = filter::values(value);
    if parts.len() > MAX_VALUES {
        return Err(SearchError::TooLong { param: cut(name), limit: MAX_VALUES, unit: "values" });
    }
    let read = |part| read(part).map_err(|expected| wrong(name, expected));
    parts.into_iter().map(read).collect()
}

/// A condition on the type itself, by a name with at most a modifier; `None` where the type has
/// no such parameter.
fn plain(kind: ResourceType, name: &str, value: &str) -> Result<Option<Condition>, SearchError> {
    let (code, modifier) = match name.split_once(':') {
        Some((code, modifier)) => (code, Some(modifier)),
        None => (name, None),
    };
    let Some(param) = find_param(kind, code) else { return Ok(None) };
    let condition = match (param.on, modifier) {
        (On::Id, None) => {
            Condition::Ids(each(name, value, |text| text.parse().map_err(|_| "a logical id"))?)
        }
        (On::LastUpdated, None) => Condition::Updated(each(name, value, |text| {
            DateFilter::parse(text).ok_or("a date such as \"ge2026-03-09\"")
        })?),
        (On::List, None) => Condition::Lists(each(name, value, |text| {
            text.strip_prefix("List/").unwrap_or(text).parse().map_err(|_| "the id of a List")
        })?),
        (On::Narrative | On::Content, None) => Condition::Words {
            narrative: param.on == On::Narrative,
            any_of: each(name, value, words)?,
        },
        (On::Elements, modifier) => {
            return on_values(param, name, modifier, value).map(Some);
        }
        _ => return Err(SearchError::Modifier { param: cut(name) }),
    };
    Ok(Some(condition))
}

fn words(text: &str) -> Result<Vec<String>, &'static str> {
    let folded = fold(&fhir::search::unescape(text));
    let words: Vec<String> = folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(str::to_owned)
        .collect();
    if words.is_empty() || words.len() > MAX_WORDS {
        return Err("words to look for, 32 at the most");
    }
    Ok(words)
}

fn on_values(
    param: &'static Param,
    name: &str,
    modifier: Option<&str>,
    value: &str,
) -> Result<Condition, SearchError> {
    let unknown = || SearchError::Modifier { param: cut(name) };
    let mut targets = None;
    let modifier = match (param.kind, modifier) {
        (_, None) => Modifier::None,
        (kind, Some("missing")) if kind != SearchKind::Composite => match value {
            "true" => Modifier::Missing(true),
            "false" => Modifier::Missing(false),
            _ => return Err(wrong(name, "\"true\" or \"false\"")),
        },
        (SearchKind::String, Some("exact")) => Modifier::Exact,
        (SearchKind::String, Some("contains")) => Modifier::Contains,
        (SearchKind::Token, Some("not")) => Modifier::Not,
        (SearchKind::Token, Some("text")) => Modifier::Text,
        (SearchKind::Token, Some("in")) => Modifier::In,
        (SearchKind::Token, Some("not-in")) => Modifier::NotIn,
        (SearchKind::Token, Some("of-type")) => Modifier::OfType,
        (SearchKind::Uri, Some("below")) => Modifier::Below,
        (SearchKind::Uri, Some("above")) => Modifier::Above,
        (SearchKind::Reference, Some("identifier")) => Modifier::Identifier,
        (SearchKind::Reference, Some(kind)) => {
            let kind = kind.parse().map_err(|_| unknown())?;
            if !param.targets.contains(&kind) {
                return Err(unknown());
            }
            targets = Some(kind);
            Modifier::None
        }
        _ => return Err(unknown()),
    };
    let mut condition =
        ValueCondition { param, modifier, any_of: Vec::new(), value_sets: Vec::new() };
    match modifier {
        Modifier::Missing(_) => {}
        Modifier::In | Modifier::NotIn => {
            condition.value_sets = each(name, value, |text| {
                let url = fhir::search::unescape(text);
                if url.is_empty() { Err("the URL of a ValueSet") } else { Ok(url) }
            })?;
        }
        _ => {
            condition.any_of = each(name, value, |text| filter::parse(param, modifier, text))?;
        }
    }
    if let Some(kind) = targets {
        only(&mut condition.any_of, kind, name)?;
    }
    Ok(Condition::Values(condition))
}

/// Narrows references to a type, as `subject:Patient=` does.
fn only(any_of: &mut [Filter], kind: ResourceType, name: &str) -> Result<(), SearchError> {
    for filter in any_of {
        let Filter::Reference(ReferenceFilter::Local(kinds, _)) = filter else {
            return Err(wrong(name, "the id of a resource"));
        };
        if !kinds.contains(&kind) {
            return Err(wrong(name, "a resource of that type"));
        }
        *kinds = vec![kind];
    }
    Ok(())
}

#[cfg(test)]
#[path = "request/tests.rs"]
mod tests;
