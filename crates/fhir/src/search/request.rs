//! What a search asks for.

use std::str::FromStr;

use crate::primitives::{Id, ResourceType};
use crate::resources::{
    AppointmentStatus, DiagnosticReportStatus, DocumentReferenceStatus, EncounterStatus, IssueType,
    MedicationAdministrationStatus, MedicationDispenseStatus, MedicationRequestStatus,
    ObservationStatus, ServiceRequestStatus,
};

use super::params::{ParamUse, params_of};
use super::token::{split_commas, unescape};
use super::{DateFilter, TokenFilter};

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

/// Parameters that are about the form of the answer and are left to the endpoint.
const ABOUT_THE_FORM: [&str; 4] = ["_format", "_pretty", "_summary", "_elements"];

/// By what the answer is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SortKey {
    /// When the version was stored.
    LastUpdated,
    /// The lower end of the date of the type; resources without one come last.
    Date,
}

/// How the answer is sorted. Ties are broken by id, so that pages have no gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sort {
    /// By what.
    pub by: SortKey,
    /// The last one first.
    pub descending: bool,
}

/// What a search asks for: every condition must be met. `None` or empty means no condition.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest {
    /// Of which type.
    pub resource_type: ResourceType,
    /// About one of these patients. Empty when repeated parameters leave none.
    pub patients: Option<Vec<Id>>,
    /// With one of these statuses.
    pub statuses: Option<Vec<&'static str>>,
    /// All of these, on the date of the type. A resource without the date is not found.
    pub dates: Vec<DateFilter>,
    /// One of each list.
    pub identifiers: Vec<Vec<TokenFilter>>,
    /// One of each list.
    pub codes: Vec<Vec<TokenFilter>>,
    /// With one of these ids.
    pub ids: Option<Vec<Id>>,
    /// All of these, on the time of the last change.
    pub last_updated: Vec<DateFilter>,
    /// Resources on a page, at most [`MAX_COUNT`]; 0 asks only how many there are.
    pub count: u32,
    /// In which order; newest first where the search does not say.
    pub sort: Sort,
    /// Where the page begins, in the store's own words.
    pub cursor: Option<String>,
    /// Names that are not parameters of the type, for `Prefer: handling=strict` (R4 §3.1.1.3).
    pub unknown: Vec<String>,
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
    /// A condition on another resource. Refused rather than ignored: what is left would find
    /// much more than was meant.
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
            patients: None,
            statuses: None,
            dates: Vec::new(),
            identifiers: Vec::new(),
            codes: Vec::new(),
            ids: None,
            last_updated: Vec::new(),
            count: DEFAULT_COUNT,
            sort: Sort { by: SortKey::LastUpdated, descending: true },
            cursor: None,
            unknown: Vec::new(),
        }
    }

    /// Whether it names ids, identifiers or patients, so that few resources can meet it.
    pub fn is_narrow(&self) -> bool {
        let named = |any: &Vec<TokenFilter>| any.iter().all(TokenFilter::has_value);
        self.ids.is_some() || self.patients.is_some() || self.identifiers.iter().any(named)
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
        let mut reading = Reading { request: Self::all(resource_type), seen: Vec::new() };
        for (name, value) in pairs {
            reading.pair(name, value)?;
        }
        Ok(reading.request)
    }
}

struct Reading {
    request: SearchRequest,
    /// Parameters that may come only once and have come.
    seen: Vec<&'static str>,
}

fn cut(name: &str) -> String {
    name[..name.floor_char_boundary(MAX_NAME_BYTES)].to_owned()
}

impl Reading {
    fn pair(&mut self, name: &str, value: &str) -> Result<(), SearchError> {
        if value.len() > MAX_VALUE_BYTES {
            let param = cut(name);
            return Err(SearchError::TooLong { param, limit: MAX_VALUE_BYTES, unit: "bytes" });
        }
        match name {
            "_count" => return self.count(value),
            "_sort" => return self.sort(value),
            "_cursor" => return self.cursor(value),
            name if ABOUT_THE_FORM.contains(&name) => return Ok(()),
            _ => {}
        }
        let base = name.split([':', '.']).next().unwrap_or_default();
        let of_type = params_of(self.request.resource_type);
        let Some(param) = of_type.iter().find(|param| param.name == base) else {
            self.request.unknown.push(cut(name));
            return Ok(());
        };
        let rest = &name[base.len()..];
        if rest.contains('.') {
            return Err(SearchError::Chained { param: cut(name) });
        }
        let modifier_fits =
            rest.is_empty() || (param.of == ParamUse::Patient && rest == ":Patient");
        if !modifier_fits {
            return Err(SearchError::Modifier { param: cut(name) });
        }
        self.condition(param.name, param.of, value)
    }

    fn condition(
        &mut self,
        name: &'static str,
        of: ParamUse,
        value: &str,
    ) -> Result<(), SearchError> {
        let request = &mut self.request;
        match of {
            ParamUse::Patient => both(
                &mut request.patients,
                each(name, value, "a patient of this server, \"Patient/id\" or \"id\"", patient)?,
            ),
            ParamUse::Id => both(
                &mut request.ids,
                each(name, value, "a logical id", |text| Id::from_str(text).ok())?,
            ),
            ParamUse::Status => {
                let kind = request.resource_type;
                let found = each(name, value, "a status of the type", |text| status(kind, text))?;
                both(&mut request.statuses, found);
            }
            ParamUse::Date => request.dates.push(date(name, value)?),
            ParamUse::LastUpdated => request.last_updated.push(date(name, value)?),
            ParamUse::Identifier => {
                request.identifiers.push(each(name, value, TOKEN, TokenFilter::parse)?);
            }
            ParamUse::Code => request.codes.push(each(name, value, TOKEN, TokenFilter::parse)?),
        }
        Ok(())
    }

    fn once(&mut self, name: &'static str) -> Result<(), SearchError> {
        if self.seen.contains(&name) {
            return Err(SearchError::Repeated { param: name.to_owned() });
        }
        self.seen.push(name);
        Ok(())
    }

    fn count(&mut self, value: &str) -> Result<(), SearchError> {
        self.once("_count")?;
        // More digits than fit still mean "as many as possible".
        let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
        if !digits {
            return Err(wrong("_count", "a whole number from 0 up"));
        }
        self.request.count = value.parse::<u32>().unwrap_or(MAX_COUNT).min(MAX_COUNT);
        Ok(())
    }

    fn sort(&mut self, value: &str) -> Result<(), SearchError> {
        self.once("_sort")?;
        let (descending, key) = match value.strip_prefix('-') {
            Some(key) => (true, key),
            None => (false, value),
        };
        let of_type = params_of(self.request.resource_type);
        let by = match of_type.iter().find(|param| param.name == key).map(|param| param.of) {
            Some(ParamUse::LastUpdated) => SortKey::LastUpdated,
            Some(ParamUse::Date) => SortKey::Date,
            _ => return Err(wrong("_sort", "\"_lastUpdated\" or the date of the type")),
        };
        self.request.sort = Sort { by, descending };
        Ok(())
    }

    fn cursor(&mut self, value: &str) -> Result<(), SearchError> {
        self.once("_cursor")?;
        if value.is_empty() || value.len() > MAX_CURSOR_BYTES {
            return Err(wrong("_cursor", "a cursor of this server"));
        }
        self.request.cursor = Some(value.to_owned());
        Ok(())
    }
}

const TOKEN: &str = "\"value\", \"system|value\", \"|value\" or \"system|\"";

fn wrong(param: &str, expected: &'static str) -> SearchError {
    SearchError::Value { param: param.to_owned(), expected }
}

/// Reads values with commas between them.
fn each<T>(
    name: &str,
    value: &str,
    expected: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, SearchError> {
    let parts = split_commas(value);
    if parts.len() > MAX_VALUES {
        let param = name.to_owned();
        return Err(SearchError::TooLong { param, limit: MAX_VALUES, unit: "values" });
    }
    parts.into_iter().map(|part| read(part).ok_or_else(|| wrong(name, expected))).collect()
}

/// Keeps what is in both lists: a parameter that comes twice must be met twice.
fn both<T: PartialEq>(known: &mut Option<Vec<T>>, found: Vec<T>) {
    match known {
        None => *known = Some(found),
        Some(known) => known.retain(|value| found.contains(value)),
    }
}

/// One date. R4 allows commas here too, but a store answers one stretch of time best.
fn date(name: &str, value: &str) -> Result<DateFilter, SearchError> {
    DateFilter::parse(value)
        .ok_or_else(|| wrong(name, "one date such as \"2026-03-09\" or \"ge2026-03-09T14:05:00Z\""))
}

fn patient(text: &str) -> Option<Id> {
    text.strip_prefix("Patient/").unwrap_or(text).parse().ok()
}

/// Checks a status. A typing mistake must not look like "there is none", so a code that the type
/// does not have is an error. The system of `system|code` is fixed by R4 and not compared.
fn status(kind: ResourceType, text: &str) -> Option<&'static str> {
    let text = unescape(text.rsplit('|').next().unwrap_or_default());
    match kind {
        ResourceType::Encounter => text.parse().map(EncounterStatus::as_str).ok(),
        ResourceType::MedicationRequest => text.parse().map(MedicationRequestStatus::as_str).ok(),
        ResourceType::MedicationDispense => text.parse().map(MedicationDispenseStatus::as_str).ok(),
        ResourceType::MedicationAdministration => {
            text.parse().map(MedicationAdministrationStatus::as_str).ok()
        }
        ResourceType::Observation => text.parse().map(ObservationStatus::as_str).ok(),
        ResourceType::DiagnosticReport => text.parse().map(DiagnosticReportStatus::as_str).ok(),
        ResourceType::ServiceRequest => text.parse().map(ServiceRequestStatus::as_str).ok(),
        ResourceType::DocumentReference => text.parse().map(DocumentReferenceStatus::as_str).ok(),
        ResourceType::Appointment => text.parse().map(AppointmentStatus::as_str).ok(),
        ResourceType::AllergyIntolerance => {
            ["active", "inactive", "resolved"].into_iter().find(|status| *status == text)
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
