//! A medicine was given, given in part, or not given.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use fhir::Id;
use fhir::resources::MedicationAdministrationStatus;
use fhir::types::{CodeableConcept, Coding, Identifier};
use jiff::Timestamp;
use medicines::bedside::Administration;
use medicines::{Answer, Quantity};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::bedside::CHANNEL;
use crate::body;
use crate::door::Caller;
use crate::fields::{Exact, IdentifierBody, Text};
use crate::problem::{Problem, ProblemBody, code};
use crate::state::ApiState;
use crate::submit;

/// What the bedside tells of one dose.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Administration)]
pub(crate) struct AdministrationBody {
    /// The patient, by the NHS number or any other number that the PAS tells.
    patient: IdentifierBody,
    /// The prescribing system's number of the order.
    order: Option<IdentifierBody>,
    /// The removal whose units were used, where the bedside knows it.
    #[schema(value_type = Option<String>, example = "rxx.1042.1")]
    removal: Option<Id>,
    /// What was given, or was to be given.
    item: CodingBody,
    /// How much was given, in the item's unit. `0` for a dose that was not given.
    #[schema(value_type = String, example = "2")]
    quantity: Exact,
    /// Whether it was given, given in part, or not given.
    status: StatusBody,
    /// Why it was not given, or given in part.
    reason: Option<ReasonBody>,
    /// The staff number of the person who gave it.
    #[schema(value_type = String, example = "N1001")]
    performer: Text,
    /// The staff number of a second person.
    #[schema(value_type = Option<String>)]
    witness: Option<Text>,
    /// When it was given, with its zone.
    #[schema(value_type = String, format = DateTime)]
    activity: Timestamp,
}

/// A code with its system.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Item)]
pub(crate) struct CodingBody {
    /// The system: the local formulary, or dm+d.
    #[schema(value_type = String, example = "https://rxx.nhs.uk/Id/item")]
    system: Text,
    /// The code.
    #[schema(value_type = String, example = "PARA500")]
    code: Text,
}

/// How far the giving of a dose came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = AdministrationStatus)]
pub(crate) enum StatusBody {
    /// Given.
    Completed,
    /// Given in part.
    Stopped,
    /// Not given.
    NotDone,
}

/// A reason: a code, words, or both.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reason)]
pub(crate) struct ReasonBody {
    /// The system of the code.
    #[schema(value_type = Option<String>)]
    system: Option<Text>,
    /// The code.
    #[schema(value_type = Option<String>)]
    code: Option<Text>,
    /// The reason in words.
    #[schema(value_type = Option<String>)]
    text: Option<Text>,
}

/// Where it is kept.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdministrationKept)]
pub(crate) struct KeptBody {
    /// The id of the MedicationAdministration.
    #[schema(value_type = String, example = "rxx.1050.1")]
    administration: Id,
}

impl From<StatusBody> for MedicationAdministrationStatus {
    fn from(status: StatusBody) -> Self {
        match status {
            StatusBody::Completed => MedicationAdministrationStatus::Completed,
            StatusBody::Stopped => MedicationAdministrationStatus::Stopped,
            StatusBody::NotDone => MedicationAdministrationStatus::NotDone,
        }
    }
}

impl ReasonBody {
    pub(crate) fn concept(self) -> Result<CodeableConcept, Problem> {
        if self.code.is_none() && (self.text.is_none() || self.system.is_some()) {
            let detail = "reason: give a code, with its system, or words.";
            return Err(Problem::bad(code::BAD_VALUE, detail));
        }
        let system = self.system.map(Text::into_string);
        let coding = self.code.map(|code| Coding {
            system,
            code: Some(code.into_string()),
            ..Coding::default()
        });
        let text = self.text.map(Text::into_string);
        Ok(CodeableConcept { coding: coding.into_iter().collect(), text })
    }
}

impl AdministrationBody {
    fn administration(self) -> Result<Administration, Problem> {
        let Exact(quantity) = self.quantity;
        if quantity < Decimal::ZERO {
            return Err(Problem::bad(code::BAD_VALUE, "quantity: it cannot be negative."));
        }
        if self.status == StatusBody::NotDone && !quantity.is_zero() {
            let detail = "quantity: a dose that was not given has the quantity 0.";
            return Err(Problem::bad(code::BAD_VALUE, detail));
        }
        Ok(Administration {
            patient: vec![self.patient.into()],
            order: self.order.map(Identifier::from),
            removal: self.removal,
            item: CodeableConcept::of(&self.item.system, &self.item.code, None),
            // Without a unit it is the item's own.
            quantity: Quantity::new(quantity, ""),
            status: self.status.into(),
            reason: self.reason.map(ReasonBody::concept).transpose()?,
            performer: self.performer.into_string(),
            witness: self.witness.map(Text::into_string),
            activity: self.activity,
        })
    }
}

/// What the bytes of a request ask; the same when it comes first and when it is replayed.
pub(crate) fn read(raw: &[u8]) -> Result<medicines::Request, Problem> {
    let body: AdministrationBody = body::read(raw)?;
    Ok(medicines::Request::Administer(vec![body.administration()?]))
}

/// Tell of a dose. One that cannot be matched to a patient or an order is kept as a case.
#[utoipa::path(
    post,
    path = "/administrations",
    tag = "bedside",
    security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "New for each new dose")),
    request_body = AdministrationBody,
    responses(
        (status = 201, description = "It is recorded", body = KeptBody),
        (status = 422, description = "It is kept as a case; do not send it again",
            body = ProblemBody),
    ),
)]
pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let asked = submit::asked(request).await?;
    let request = read(&asked.raw)?;
    let receipt = submit::act(&api, &caller, CHANNEL, None, asked, request).await?;
    let Answer::Created(ids) = &receipt.answer else {
        return Err(submit::refusal(&receipt));
    };
    let Some(administration) = ids.first().cloned() else {
        return Err(submit::refusal(&receipt));
    };
    let location = format!("{}/MedicationAdministration/{administration}", api.fhir_base);
    let kept = KeptBody { administration };
    let mut response = submit::answer(StatusCode::CREATED, &receipt, &kept);
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"patient":{"system":"https://fhir.nhs.uk/Id/nhs-number",
        "value":"9990000018"},"item":{"system":"https://rxx.nhs.uk/Id/item","code":"PARA500"},
        "quantity":"2","status":"completed","performer":"N1001",
        "activity":"2026-11-20T10:20:00+00:00"}"#;

    #[track_caller]
    fn check(from: &str, to: &str, expected: Option<&str>) {
        assert!(GOOD.contains(from), "{from}");
        let read = read(GOOD.replace(from, to).as_bytes());
        assert_eq!(read.err().map(|problem| problem.code), expected, "{to}");
    }

    #[test]
    fn a_dose_is_read_whole() {
        let medicines::Request::Administer(given) = read(GOOD.as_bytes()).unwrap() else {
            panic!("another request");
        };
        assert_eq!(given.len(), 1);
        assert_eq!(given[0].patient[0].value.as_deref(), Some("9990000018"));
        assert_eq!(given[0].item.code_in("https://rxx.nhs.uk/Id/item"), Some("PARA500"));
        assert_eq!(given[0].quantity, Quantity::new(Decimal::TWO, ""));
        assert_eq!(given[0].status, MedicationAdministrationStatus::Completed);
    }

    #[test]
    fn bad_values_are_refused() {
        check("\"2\"", "2.5", None);
        check("\"2\"", "-1", Some("bad-value"));
        check("\"2\"", "2e0", Some("bad-body"));
        check("\"completed\"", "\"not-done\"", Some("bad-value"));
        check("\"2\",\"status\":\"completed\"", "0,\"status\":\"not-done\"", None);
        check("\"completed\"", "\"given\"", Some("bad-body"));
        check("\"completed\"", "\"stopped\",\"reason\":{\"text\":\"vomited\"}", None);
        check("\"completed\"", "\"stopped\",\"reason\":{\"code\":\"a\",\"system\":\"s\"}", None);
        check("\"completed\"", "\"stopped\",\"reason\":{}", Some("bad-value"));
        let system_alone = "\"stopped\",\"reason\":{\"system\":\"s\",\"text\":\"t\"}";
        check("\"completed\"", system_alone, Some("bad-value"));
        check("+00:00", "", Some("bad-body"));
        check("\"performer\"", "\"nurse\"", Some("bad-body"));
        check("\"performer\":", "\"removal\":\"a b\",\"performer\":", Some("bad-body"));
        check("\"N1001\"", "\"\"", Some("bad-body"));
    }
}
