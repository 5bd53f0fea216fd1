//! ORU^R01, ORU^R30 to R32 and OUL^R21 to R24: results, vital signs, what devices measured.
//!
//! Each OBR is a DiagnosticReport, each OBX an Observation, whatever order the groups come in. A
//! result is known by its order (OBR-3, else OBR-2), what was looked for (OBR-4), what was
//! observed (OBX-3) and the sub-id (OBX-4), so that a correction is a new version of it. Lines of
//! text with one code and one sub-id are one result. Embedded documents (ED) and pointers (RP)
//! belong to the report. Parked: a result without a code, a status that no table has, results of
//! several patients, an embedded document that is not in base64.

use std::collections::HashMap;

use fhir::ResourceType;
use fhir::resources::{Observation, ObservationStatus};
use fhir::types::{CodeableConcept, Reference};
use hl7v2::Segment;
use medicines::filing::{Content, How, Sheet, id_of};
use medicines::{Problem, ProblemCode, Request};

use super::map::{filing, obr, obx};
use super::source::{Source, missing, trimmed};

/// The most results of one message.
const MAX_RESULTS: usize = 1900;
/// The sections of HL7 table 0074 that are laboratories.
const LABORATORIES: [&str; 12] =
    ["LAB", "BLB", "CH", "CG", "HM", "IMM", "MB", "MCB", "MYC", "SR", "TX", "VR"];

pub(super) fn read(source: &Source<'_, '_>) -> Result<Request, Problem> {
    let mut reading = Reading {
        source,
        reports: Vec::new(),
        results: Vec::new(),
        current: None,
        specimen: None,
        seen: HashMap::new(),
        last: Last::Nothing,
    };
    let mut orc = None;
    for segment in source.message.iter() {
        match segment.name() {
            "ORC" => orc = Some(segment),
            "OBR" => reading.report(orc.take().as_ref(), &segment)?,
            "OBX" => reading.result(&segment)?,
            "NTE" => reading.note(&segment),
            "SPM" => reading.specimen(&segment),
            _ => reading.last = Last::Nothing,
        }
    }
    if reading.reports.is_empty() && reading.results.is_empty() {
        return Err(missing("OBR"));
    }
    filing::about_patient(source, reading.sheets())
}

/// What a note belongs to.
enum Last {
    Nothing,
    Report,
    Result,
}

/// A result and what it is known by.
struct Found {
    number: String,
    told: obx::Told,
    /// Its code and sub-id as they are written, and its report.
    line: (String, Option<usize>),
}

/// A message on the way through its segments.
struct Reading<'s, 'm, 'a> {
    source: &'s Source<'m, 'a>,
    reports: Vec<obr::Told>,
    results: Vec<Found>,
    /// The report to which what follows belongs.
    current: Option<usize>,
    specimen: Option<Reference>,
    /// How often something of a number was told.
    seen: HashMap<String, usize>,
    last: Last,
}

impl<'a> Reading<'_, '_, 'a> {
    fn report(&mut self, orc: Option<&Segment<'a>>, segment: &Segment<'a>) -> Result<(), Problem> {
        let mut told = obr::read(self.source, orc, segment)?;
        told.number = self.once(format!("report|{}", told.number));
        if let Some(specimen) = &self.specimen {
            told.report.specimen = vec![specimen.clone()];
        }
        self.reports.push(told);
        self.current = self.reports.len().checked_sub(1);
        self.last = Last::Report;
        Ok(())
    }

    fn result(&mut self, segment: &Segment<'a>) -> Result<(), Problem> {
        if self.results.len() == MAX_RESULTS {
            let text = "there are more results than are taken in one message";
            return Err(self.source.problem(ProblemCode::BadValue, segment, 1, text));
        }
        if matches!(segment.text(2, 1).trim(), "ED" | "RP") {
            return self.document(segment);
        }
        let mut told = obx::read(self.source, segment)?;
        let sub_id = trimmed(segment.text(4, 1)).into_owned();
        let code = filing::key_of(&told.observation.code);
        let report = self.current;
        let line = (format!("{code}|{sub_id}"), report);
        self.last = Last::Result;
        if let Some(before) = self.results.last_mut()
            && before.told.is_text
            && told.is_text
            && before.line == line
        {
            go_on(&mut before.told.observation, told.observation);
            return Ok(());
        }
        let of = if let Some(at) = report {
            self.reports[at].number.clone()
        } else {
            told.observation.specimen.clone_from(&self.specimen);
            self.without_report()
        };
        let number = self.once(format!("{of}|{code}|{sub_id}"));
        self.results.push(Found { number, told, line });
        Ok(())
    }

    /// What an observation outside a report is known by: its specimen, else its message.
    fn without_report(&self) -> String {
        let specimen = self.specimen.as_ref().and_then(|specimen| specimen.identifier.as_ref());
        match specimen {
            Some(number) => format!("specimen|{}", filing::number_of(number)),
            None => format!("message|{}", self.source.header().control_id()),
        }
    }

    /// The number, told apart from the same one earlier in the message.
    fn once(&mut self, number: String) -> String {
        let times = self.seen.entry(number.clone()).or_default();
        *times += 1;
        if *times == 1 { number } else { format!("{number}#{times}") }
    }

    fn document(&mut self, segment: &Segment<'a>) -> Result<(), Problem> {
        let Some(report) = self.current.and_then(|at| self.reports.get_mut(at)) else {
            let text = "a document stands before the report (OBR) that it belongs to";
            return Err(self.source.problem(ProblemCode::SegmentMissing, segment, 5, text));
        };
        let withdrawn = matches!(segment.text(11, 1).trim(), "D" | "W");
        let attachment = filing::attachment(self.source, segment)?;
        report.report.presented_form.extend(attachment.filter(|_| !withdrawn));
        self.last = Last::Report;
        Ok(())
    }

    fn note(&mut self, segment: &Segment<'a>) {
        let Some(note) = filing::note(segment) else { return };
        match (&self.last, self.results.last_mut(), self.reports.last_mut()) {
            (Last::Result, Some(result), _) => result.told.observation.note.push(note),
            (Last::Report, _, Some(report)) => {
                // R4 gives a report no notes: what is said of all of it is its conclusion.
                let said = report.report.conclusion.get_or_insert_default();
                if !said.is_empty() {
                    said.push('\n');
                }
                said.push_str(&note.text);
            }
            _ => {}
        }
    }

    fn specimen(&mut self, segment: &Segment<'a>) {
        self.specimen = obr::specimen(self.source, segment);
        // In OUL^R22 and R23 the specimen leads its orders; in ORU^R01 and OUL^R24 it follows.
        let leads = matches!(&*self.source.event(), "R22" | "R23");
        if let (false, Some(report), Some(specimen)) =
            (leads, self.reports.last_mut(), &self.specimen)
        {
            report.report.specimen = vec![specimen.clone()];
        }
        if leads {
            self.current = None;
        } else {
            self.specimen = None;
        }
        self.last = Last::Nothing;
    }

    fn sheets(mut self) -> Vec<Sheet> {
        let site = self.source.channel.site();
        let mut sheets = Vec::with_capacity(self.reports.len() + self.results.len());
        for found in self.results {
            let mut observation = found.told.observation;
            if let Some(report) = found.line.1.and_then(|at| self.reports.get_mut(at)) {
                complete(&mut observation, report);
                let id = id_of(site, ResourceType::Observation, &found.number);
                report.report.result.push(Reference::to(ResourceType::Observation, &id));
            }
            let content = Content::Observation(Box::new(observation));
            sheets.push(Sheet { number: found.number, content, how: found.told.how });
        }
        for told in self.reports {
            let content = Content::DiagnosticReport(Box::new(told.report));
            sheets.push(Sheet { number: told.number, content, how: How::Whole });
        }
        sheets
    }
}

/// One more line of a result in words.
fn go_on(before: &mut Observation, line: Observation) {
    let Some(words) = line.value_string else { return };
    let said = before.value_string.get_or_insert_default();
    if !said.is_empty() {
        said.push('\n');
    }
    said.push_str(&words);
    before.interpretation.extend(line.interpretation);
}

/// What a result takes from its report.
fn complete(observation: &mut Observation, told: &obr::Told) {
    let report = &told.report;
    if observation.effective_date_time.is_none() {
        let effective = told.effective.as_ref();
        obr::apply(
            effective,
            &mut observation.effective_date_time,
            &mut observation.effective_period,
        );
    }
    if observation.issued.is_none() {
        observation.issued.clone_from(&report.issued);
    }
    observation.based_on.clone_from(&report.based_on);
    observation.specimen = report.specimen.first().cloned();
    // A result that does not say how far it has come is as far as its report.
    if observation.status == ObservationStatus::Unknown {
        observation.status = report.status.as_str().parse().unwrap_or(ObservationStatus::Unknown);
    }
    let section = report.category.first().and_then(|it| it.coding.first()?.code.as_deref());
    if observation.category.is_empty() && section.is_some_and(|it| LABORATORIES.contains(&it)) {
        let system = fhir::systems::OBSERVATION_CATEGORY;
        observation.category.push(CodeableConcept::of(system, "laboratory", None));
    }
}
