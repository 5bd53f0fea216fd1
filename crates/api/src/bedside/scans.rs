//! Somebody scans at the bedside.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use fhir::Id;
use fhir::types::Identifier;
use jiff::Timestamp;
use medicines::bedside::{Act, Checked, PackScan, Scan};
use medicines::{Answer, Quantity};
use rust_decimal::Decimal;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::administrations::ReasonBody;
use crate::bedside::SCANS;
use crate::body;
use crate::door::Caller;
use crate::fields::{Exact, IdentifierBody, MAX_TEXT_CHARS, Text};
use crate::problem::{Problem, ProblemBody};
use crate::state::ApiState;
use crate::submit;

/// The acts of a device: one now, or those that it did while it was cut off.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Scans)]
pub(crate) struct ScansBody {
    /// 1 to 200 acts; more than one only of a device that was cut off.
    acts: Vec<ScanBody>,
}

/// One act with all that was scanned for it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Scan)]
pub(crate) struct ScanBody {
    /// What is done.
    #[schema(value_type = String, example = "check")]
    act: Act,
    /// The wristband as the scanner reported it: AI 8018, an NHS number, or the hospital's own.
    #[schema(value_type = Option<String>)]
    band: Option<Scanned>,
    /// The patient by a number, where no band can be scanned. With a band: whose chart is open.
    patient: Option<IdentifierBody>,
    /// The packs as scanned, the group separator as U+001D.
    #[serde(default)]
    packs: Vec<PackBody>,
    /// The item, chosen by hand where a pack has no code.
    #[schema(value_type = Option<String>, example = "PARA500")]
    item: Option<Text>,
    /// The prescribing system's number of the order. Where it is absent, the only order that fits
    /// is taken.
    order: Option<IdentifierBody>,
    /// How much is given, in the item's unit; one dose where it is absent.
    #[schema(value_type = Option<String>, example = "1")]
    given: Option<Exact>,
    /// How much of what was scanned is wasted.
    #[schema(value_type = Option<String>, example = "1")]
    wasted: Option<Exact>,
    /// How fast an infusion runs.
    rate: Option<RateBody>,
    /// The infusion that goes on or ends: `kept` of its start.
    #[schema(value_type = Option<String>)]
    infusion: Option<Id>,
    /// Why it is not given, not given whole, or late.
    reason: Option<ReasonBody>,
    /// The codes of the warnings that somebody has seen and goes on all the same.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    confirmed: Vec<Text>,
    /// The staff number of whoever acts.
    #[schema(value_type = String, example = "N1001")]
    performer: Text,
    /// The staff number of a second person who has signed in too.
    #[schema(value_type = Option<String>)]
    witness: Option<Text>,
    /// When it is done, with its zone.
    #[schema(value_type = String, format = DateTime)]
    activity: Timestamp,
    /// Whether it was done while the device was cut off: then it has happened.
    #[serde(default)]
    offline: bool,
}

/// What a scanner reported: 1 to 256 characters, none of which is a control character but the
/// group separator of GS1.
#[derive(Debug)]
pub(crate) struct Scanned(String);

impl<'de> Deserialize<'de> for Scanned {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let wrong = |c: char| c.is_control() && c != SEPARATOR;
        if text.is_empty() || text.chars().count() > MAX_TEXT_CHARS || text.chars().any(wrong) {
            let rule = "a scan has 1 to 256 characters and no control characters but U+001D";
            return Err(D::Error::custom(rule));
        }
        Ok(Scanned(text))
    }
}

/// The group separator, as FNC1 is reported (GS1 General Specifications, §7.8.3).
const SEPARATOR: char = '\u{1d}';

/// A pack.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = PackScan)]
pub(crate) struct PackBody {
    /// What the scanner reported.
    #[schema(value_type = String)]
    code: Scanned,
    /// How many units of it are used; what one scan stands for where it is absent.
    #[schema(value_type = Option<String>, example = "2")]
    units: Option<Exact>,
}

/// How fast an infusion runs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Rate)]
pub(crate) struct RateBody {
    /// The amount.
    #[schema(value_type = String, example = "125")]
    value: Exact,
    /// Its unit, which has the time in it.
    #[schema(value_type = String, example = "ml/h")]
    unit: Text,
}

/// What the checks found, for each act in the order in which it was told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Checked)]
pub(crate) struct CheckedBody {
    /// One for each act.
    acts: Vec<CheckBody>,
}

/// What the checks found of one act.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Check)]
pub(crate) struct CheckBody {
    /// `pass`, `warn` (confirm it), `block-with-witness`, `block`: what is left after what was
    /// confirmed and witnessed. Anything but `pass` recorded nothing, unless it was offline.
    #[schema(example = "pass")]
    outcome: &'static str,
    /// What was found.
    findings: Vec<FindingBody>,
    /// The MedicationRequest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    order: Option<Id>,
    /// The local formulary code.
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<String>,
    /// How many of its units one dose is.
    #[serde(skip_serializing_if = "Option::is_none")]
    dose: Option<String>,
    /// How many of its units were scanned.
    scanned: String,
    /// The MedicationAdministration, where something was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    kept: Option<Id>,
}

/// One finding.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Finding)]
pub(crate) struct FindingBody {
    /// Which of the rights it is about.
    #[schema(example = "product")]
    check: String,
    /// The code.
    #[schema(example = "separator-lost")]
    code: String,
    /// What follows.
    #[schema(example = "warn")]
    outcome: &'static str,
    /// What to do.
    text: String,
}

impl ScanBody {
    fn scan(self) -> Result<Scan, Problem> {
        let reason = self.reason.map(ReasonBody::concept).transpose()?;
        let pack =
            |pack: PackBody| PackScan { code: pack.code.0, units: pack.units.map(|units| units.0) };
        Ok(Scan {
            act: self.act,
            band: self.band.map(|band| band.0),
            patient: self.patient.map(Identifier::from).into_iter().collect(),
            packs: self.packs.into_iter().map(pack).collect(),
            item: self.item.map(Text::into_string),
            order: self.order.map(Identifier::from),
            given: self.given.map(|given| given.0),
            wasted: self.wasted.map_or(Decimal::ZERO, |wasted| wasted.0),
            rate: self.rate.map(|rate| Quantity::new(rate.value.0, &rate.unit)),
            infusion: self.infusion,
            reason,
            confirmed: self.confirmed.into_iter().map(Text::into_string).collect(),
            performer: self.performer.into_string(),
            witness: self.witness.map(Text::into_string),
            activity: self.activity,
            offline: self.offline,
        })
    }
}

impl From<&Checked> for CheckBody {
    fn from(checked: &Checked) -> Self {
        let finding = |finding: &medicines::bedside::Finding| FindingBody {
            check: finding.check.clone(),
            code: finding.code.clone(),
            outcome: finding.outcome.as_str(),
            text: finding.text.clone(),
        };
        CheckBody {
            outcome: checked.outcome.as_str(),
            findings: checked.findings.iter().map(finding).collect(),
            order: checked.order.clone(),
            item: checked.item.clone(),
            dose: checked.dose.map(|dose| dose.normalize().to_string()),
            scanned: checked.scanned.normalize().to_string(),
            kept: checked.kept.clone(),
        }
    }
}

/// Scan, check, give. 201 where something was recorded, else 200; the outcome of each act is in
/// the body.
#[utoipa::path(
    post,
    path = "/bedside/scans",
    tag = "bedside",
    security(("bearer" = [])),
    params(("Idempotency-Key" = String, Header, description = "New for each new act")),
    request_body = ScansBody,
    responses(
        (status = 200, description = "Checked; nothing was recorded", body = CheckedBody),
        (status = 201, description = "Recorded", body = CheckedBody),
        (status = 422, description = "It could not be acted on", body = ProblemBody),
    ),
)]
pub(crate) async fn post(
    State(api): State<ApiState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let asked = submit::asked(request).await?;
    let body: ScansBody = body::read(&asked.raw)?;
    let scans: Vec<Scan> = body.acts.into_iter().map(ScanBody::scan).collect::<Result<_, _>>()?;
    let request = medicines::Request::Bedside(scans);
    let receipt = submit::act(&api, &caller, SCANS, None, asked, request).await?;
    let Answer::Checked(checked) = &receipt.answer else {
        return Err(submit::refusal(&receipt));
    };
    let kept = checked.iter().any(|checked| checked.kept.is_some());
    let status = if kept { StatusCode::CREATED } else { StatusCode::OK };
    let acts = checked.iter().map(CheckBody::from).collect();
    Ok(submit::answer(status, &receipt, &CheckedBody { acts }))
}
