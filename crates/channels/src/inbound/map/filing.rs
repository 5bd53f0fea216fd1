//! What the messages of departments have in common: the patient, the visit, when it was written.

use fhir::types::{Annotation, Attachment, CodeableConcept, Identifier, Reference};
use fhir::{DateTime, Instant};
use hl7v2::{Repetition, Segment};
use medicines::filing::{Filing, Sheet};
use medicines::{Problem, ProblemCode, Request};

use super::{identifier, pid, time};
use crate::inbound::source::{Doubt, Source, trimmed};

/// The most lines of a note that are read.
const MAX_LINES: usize = 4096;

/// The filing of sheets that are about the patient of PID.
pub(crate) fn about_patient(
    source: &Source<'_, '_>,
    sheets: Vec<Sheet>,
) -> Result<Request, Problem> {
    if source.message.segments("PID").nth(1).is_some() {
        let text = "the message is about several patients: send one message for each";
        return Err(Problem::new(ProblemCode::BadValue, text).at("PID[2]"));
    }
    let pid = source.need("PID")?;
    let patient = pid::patient(source, &pid)?.patient;
    Ok(Request::File(Box::new(Filing {
        patient: Some(Box::new(patient)),
        introduces: source.channel.creates_patients(),
        visit: visit(source),
        sheets,
        told: written(source),
    })))
}

/// The filing of sheets that are about no patient, or about one who is found by what is told.
pub(crate) fn about_nobody(source: &Source<'_, '_>, sheets: Vec<Sheet>) -> Request {
    let told = written(source);
    Request::File(Box::new(Filing { patient: None, introduces: false, visit: None, sheets, told }))
}

fn visit(source: &Source<'_, '_>) -> Option<Identifier> {
    let pv1 = source.message.segment("PV1")?;
    let number = [19, 50].map(|field| trimmed(pv1.text(field, 1)));
    let number = number.into_iter().find(|number| !number.is_empty())?;
    Some(Identifier::of(source.systems().visit(), &number))
}

/// MSH-7, where it says the minute: words about one thing are ordered by it.
fn written(source: &Source<'_, '_>) -> Option<jiff::Timestamp> {
    source.instant(&source.header().segment(), 7).ok().flatten()
}

/// A time that nothing depends on: one that cannot be read is left out, with a doubt.
pub(crate) fn date_time(
    source: &Source<'_, '_>,
    segment: &Segment<'_>,
    field: usize,
) -> Option<DateTime> {
    let stated = source.stated(segment, field).and_then(|stated| {
        stated.map(|dtm| time::date_time(source, segment, field, dtm)).transpose()
    });
    // Senders fill an unknown time with the first day of all, which FHIR cannot write.
    let writable = |at: &DateTime| at.as_str().parse::<DateTime>().is_ok();
    match stated {
        Ok(at) if at.as_ref().is_none_or(writable) => at,
        _ => {
            source.doubt(Doubt::LeftOut { location: source.place(segment, field) });
            None
        }
    }
}

/// The same as an instant; a date alone is none.
pub(crate) fn instant(
    source: &Source<'_, '_>,
    segment: &Segment<'_>,
    field: usize,
) -> Option<Instant> {
    let stated = source.stated(segment, field).ok().flatten();
    let precise = stated.is_some_and(|dtm| dtm.precision() >= hl7v2::time::Precision::Minute);
    if !precise {
        if !segment.field(field).is_absent() && !segment.field(field).is_null() {
            source.doubt(Doubt::LeftOut { location: source.place(segment, field) });
        }
        return None;
    }
    let at = Instant::at(source.resolve(stated?, segment, field).ok()?);
    at.as_str().parse::<Instant>().is_ok().then_some(at)
}

/// NTE-3, each repetition a line.
pub(crate) fn note(nte: &Segment<'_>) -> Option<Annotation> {
    let lines = nte.field(3).repetitions().take(MAX_LINES).map(|ft| ft.free_text().into_owned());
    let text = lines.collect::<Vec<_>>().join("\n").trim().to_owned();
    (!text.is_empty()).then(|| Annotation::new(text))
}

/// What a concept is known by: its first code with its system, else its words.
pub(crate) fn key_of(concept: &CodeableConcept) -> String {
    match concept.coding.iter().find(|coding| coding.code.is_some()) {
        Some(coding) => format!(
            "{}|{}",
            coding.system.as_deref().unwrap_or_default(),
            coding.code.as_deref().unwrap_or_default()
        ),
        None => concept.text.as_deref().unwrap_or_default().trim().to_lowercase(),
    }
}

/// What an identifier is known by.
pub(crate) fn number_of(identifier: &Identifier) -> String {
    let system = identifier.system.as_deref().unwrap_or_default();
    format!("{system}|{}", identifier.value.as_deref().unwrap_or_default())
}

/// The first identifier of the patient, for what has no number of its own.
pub(crate) fn patient_key(source: &Source<'_, '_>) -> String {
    let pid = source.message.segment("PID");
    let listed = pid.and_then(|pid| identifier::of_patient(source, &pid).ok());
    listed.and_then(|listed| listed.first().map(number_of)).unwrap_or_default()
}

/// An entity identifier (EI) of something at the site.
pub(crate) fn entity(source: &Source<'_, '_>, ei: &Repetition<'_>, of: &str) -> Option<Identifier> {
    let text = |component: usize| trimmed(ei.component(component).text());
    let (value, namespace) = (text(1), text(2));
    if value.is_empty() {
        return None;
    }
    let system = match &*namespace {
        "" => source.systems().local(of),
        namespace => source.systems().local(&format!("{of}-{namespace}")),
    };
    Some(Identifier::of(&system, &value))
}

/// A reference to something of a type that has no resource here.
pub(crate) fn outside(
    kind: &str,
    identifier: Option<Identifier>,
    display: &str,
) -> Option<Reference> {
    if identifier.is_none() && display.is_empty() {
        return None;
    }
    Some(Reference {
        kind: Some(kind.to_owned()),
        identifier: identifier.map(Box::new),
        display: (!display.is_empty()).then(|| display.to_owned()),
        ..Reference::default()
    })
}

/// Embedded data (ED) or a pointer to data elsewhere (RP) of OBX-5. `None` where nothing was
/// sent.
pub(crate) fn attachment(
    source: &Source<'_, '_>,
    obx: &Segment<'_>,
) -> Result<Option<Attachment>, Problem> {
    let value = obx.field(5).repetition(1);
    let text = |component: usize| trimmed(value.component(component).free_text());
    let title = super::coded::words(&obx.field(3).repetition(1));
    let title = (!title.is_empty()).then_some(title);
    if obx.text(2, 1).trim() == "RP" {
        let url = text(1);
        let content_type = media_type(&text(3), &text(4));
        return Ok((!url.is_empty()).then(|| Attachment {
            url: Some(url.into_owned()),
            content_type,
            title,
            ..Attachment::default()
        }));
    }
    let data = value.component(5).free_text();
    if data.trim().is_empty() {
        return Ok(None);
    }
    let encoded = match text(4).to_ascii_lowercase().as_str() {
        "" | "a" => Some(fhir::base64::encode(data.as_bytes())),
        "base64" => fhir::base64::checked(&data),
        _ => None,
    };
    let Some(encoded) = encoded else {
        let text = "the embedded document is not in base64, as ED-4 should say and ED-5 be";
        return Err(source.problem(ProblemCode::BadValue, obx, 5, text));
    };
    let content_type = media_type(&text(2), &text(3));
    Ok(Some(Attachment { content_type, data: Some(encoded), title, ..Attachment::default() }))
}

/// The media type of HL7 tables 0191 and 0291, which also hold media types as such.
pub(crate) fn media_type(kind: &str, subtype: &str) -> Option<String> {
    let (kind, subtype) = (kind.to_ascii_lowercase(), subtype.to_ascii_lowercase());
    let usable = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/.+-".contains(&b))
    };
    let main = match kind.as_str() {
        "pdf" => return Some("application/pdf".to_owned()),
        "ap" | "application" => "application",
        "im" | "image" => "image",
        "tx" | "ft" | "text" => "text",
        "au" | "audio" => "audio",
        "video" => "video",
        "multipart" => "multipart",
        whole if whole.contains('/') && usable(whole) => return Some(whole.to_owned()),
        _ if subtype == "pdf" => "application",
        _ => return None,
    };
    let sub = match subtype.as_str() {
        "" if main == "text" => "plain",
        "" | "octet-stream" => "octet-stream",
        "x-hl7-cda-level-one" => "x-hl7-cda-level-one+xml",
        whole if whole.contains('/') && usable(whole) => return Some(whole.to_owned()),
        sub if usable(sub) => sub,
        _ => "octet-stream",
    };
    Some(format!("{main}/{sub}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types() {
        let check = |kind: &str, subtype: &str, expect: &str| {
            let found = media_type(kind, subtype).unwrap_or_default();
            assert_eq!(found, expect, "{kind} {subtype}");
        };
        check("AP", "PDF", "application/pdf");
        check("PDF", "", "application/pdf");
        check("Application", "pdf", "application/pdf");
        check("TX", "", "text/plain");
        check("IM", "JPEG", "image/jpeg");
        check("image/png", "", "image/png");
        check("TEXT", "HTML", "text/html");
        check("", "", "");
        check("AP", "a b", "application/octet-stream");
    }
}
