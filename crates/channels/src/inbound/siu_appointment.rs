//! SIU^S12 to S26: appointments.
//!
//! SCH is an Appointment, known by the filler's number (SCH-2), else the placer's (SCH-1); who and
//! what takes part stands in AIP, AIL and AIG, what is to be done in AIS. Parked: an appointment
//! without a number, and one that is booked and does not say when it begins and ends.

use fhir::Instant;
use fhir::resources::{
    Appointment, AppointmentParticipant, AppointmentStatus, ParticipationStatus,
};
use fhir::types::{CodeableConcept, Identifier, Reference};
use hl7v2::Segment;
use jiff::{SignedDuration, Timestamp};
use medicines::filing::{Content, How, Sheet};
use medicines::{Problem, ProblemCode, Request};

use super::map::coded::{self, Local};
use super::map::{filing, staff};
use super::source::{Source, trimmed};

/// The most participants of one appointment.
const MAX_PARTICIPANTS: usize = 64;
/// The longest appointment that is taken at its word, in minutes: a year.
const MAX_MINUTES: u32 = 527_040;

pub(super) fn read(source: &Source<'_, '_>) -> Result<Request, Problem> {
    let sch = source.need("SCH")?;
    let numbers: Vec<Identifier> = [(2, "filler-appointment"), (1, "appointment")]
        .iter()
        .filter_map(|&(field, of)| filing::entity(source, &sch.field(field).repetition(1), of))
        .collect();
    let Some(number) = numbers.first().map(filing::number_of) else {
        let text = "the appointment has no number";
        return Err(source.problem(ProblemCode::FieldMissing, &sch, 1, text));
    };
    let event = source.event();
    let status = status(&event, &trimmed(sch.text(25, 1)));
    let mut appointment = Appointment::new(status, participants(source));
    appointment.identifier = numbers;
    when(source, &sch, &mut appointment);
    let booked = !matches!(
        status,
        AppointmentStatus::Cancelled
            | AppointmentStatus::EnteredInError
            | AppointmentStatus::NoShow
            | AppointmentStatus::Waitlist
    );
    let whole = matches!(&*event, "S12" | "S13" | "S14" | "S18" | "S19");
    if booked && whole && (appointment.start.is_none() || appointment.end.is_none()) {
        let text = "the appointment does not say when it begins, and when it ends or how long it \
                    takes";
        return Err(source.problem(ProblemCode::FieldMissing, &sch, 11, text));
    }
    appointment.appointment_type = coded::first(source, &sch.field(8), Local::Of("appointment"));
    let reasons = [7, 6].iter().filter_map(|&field| {
        coded::first(source, &sch.field(field), Local::Of("appointment-reason"))
    });
    let reasons: Vec<CodeableConcept> = reasons.collect();
    let ended = matches!(status, AppointmentStatus::Cancelled | AppointmentStatus::NoShow);
    if ended && status == AppointmentStatus::Cancelled {
        appointment.cancelation_reason = reasons.into_iter().next();
    } else {
        appointment.reason_code = reasons;
    }
    for ais in source.message.segments("AIS").take(MAX_PARTICIPANTS) {
        let service = coded::first(source, &ais.field(3), Local::Of("service"));
        appointment.service_type.extend(service);
    }
    let notes = source.message.segments("NTE").filter_map(|nte| filing::note(&nte));
    let comment = notes.map(|note| note.text).collect::<Vec<_>>().join("\n");
    appointment.comment = (!comment.is_empty()).then_some(comment);
    let how = if whole { How::Whole } else { How::Change };
    let content = Content::Appointment(Box::new(appointment));
    filing::about_patient(source, vec![Sheet { number, content, how }])
}

/// By the event; SCH-25 (HL7 table 0278) says more of an appointment that goes on.
fn status(event: &str, filler: &str) -> AppointmentStatus {
    use AppointmentStatus as S;
    match event {
        "S15" | "S16" => S::Cancelled,
        "S17" => S::EnteredInError,
        "S26" => S::NoShow,
        _ => match filler.to_ascii_lowercase().as_str() {
            "pending" => S::Pending,
            "waitlist" => S::Waitlist,
            "started" => S::CheckedIn,
            "complete" => S::Fulfilled,
            "cancelled" | "discontinued" => S::Cancelled,
            "deleted" => S::EnteredInError,
            "noshow" => S::NoShow,
            _ => S::Booked,
        },
    }
}

/// SCH-11 (a TQ), else TQ1, else the first of AIS, AIP, AIL and AIG that says it; the length by
/// SCH-9 or theirs.
fn when(source: &Source<'_, '_>, sch: &Segment<'_>, appointment: &mut Appointment) {
    let timing = sch.field(11).repetition(1);
    let in_text = |component: usize| -> Option<Timestamp> {
        let text = timing.component(component).text();
        let dtm = hl7v2::time::Dtm::parse(text.trim()).ok()?;
        let precise = dtm.precision() >= hl7v2::time::Precision::Minute;
        source.resolve(dtm, sch, 11).ok().filter(|_| precise)
    };
    let of = |segment: Option<&Segment<'_>>, field: usize| {
        filing::instant(source, segment?, field).map(|at| at.timestamp())
    };
    let tq1 = source.message.segment("TQ1");
    let resource = ["AIS", "AIP", "AIL", "AIG"].map(|name| source.message.segment(name));
    let field = |segment: &Segment<'_>| if segment.is("AIS") { 4 } else { 6 };
    let theirs = || {
        resource.iter().flatten().find_map(|segment| {
            let field = field(segment);
            // AIG has one field more before its time.
            let field = if segment.is("AIG") { 8 } else { field };
            Some((of(Some(segment), field)?, minutes(segment, field + 3)))
        })
    };
    let start = in_text(4).or_else(|| of(tq1.as_ref(), 7));
    let (start, length) = match start {
        Some(start) => (Some(start), minutes(sch, 9)),
        None => match theirs() {
            Some((start, length)) => (Some(start), minutes(sch, 9).or(length)),
            None => (None, minutes(sch, 9)),
        },
    };
    let length = length.or_else(|| theirs()?.1);
    let added =
        |start: Timestamp| start.checked_add(SignedDuration::from_mins(i64::from(length?))).ok();
    let end = in_text(5).or_else(|| of(tq1.as_ref(), 8)).or_else(|| added(start?));
    let end = end.filter(|end| start.is_some_and(|start| start <= *end));
    appointment.minutes_duration = length;
    appointment.start = start.map(Instant::at);
    appointment.end = end.map(Instant::at);
}

/// A length with its unit in the field after it; minutes where none is said.
fn minutes(segment: &Segment<'_>, field: usize) -> Option<u32> {
    let number: u32 = segment.text(field, 1).trim().parse().ok()?;
    let unit = segment.text(field + 1, 1).trim().to_ascii_lowercase();
    let minutes = match unit.as_str() {
        "" | "m" | "min" | "mins" | "minute" | "minutes" => number,
        "h" | "hr" | "hrs" | "hour" | "hours" => number.checked_mul(60)?,
        "s" | "sec" | "seconds" => number.div_ceil(60),
        "d" | "day" | "days" => number.checked_mul(1440)?,
        _ => return None,
    };
    (1..=MAX_MINUTES).contains(&minutes).then_some(minutes)
}

fn participants(source: &Source<'_, '_>) -> Vec<AppointmentParticipant> {
    let mut all = Vec::new();
    for segment in source.message.iter() {
        let actor = match segment.name() {
            "AIP" => staff::reference(source, &segment.field(3).repetition(1)),
            "AIL" => place(source, &segment),
            "AIG" => thing(source, &segment),
            _ => None,
        };
        if let Some(actor) = actor
            && all.len() < MAX_PARTICIPANTS
        {
            let mut one = AppointmentParticipant::new(ParticipationStatus::Accepted);
            one.actor = Some(actor);
            let role = if segment.is("AIP") { 4 } else { 0 };
            if role > 0 {
                one.kind.extend(coded::first(source, &segment.field(role), Local::Of("role")));
            }
            all.push(one);
        }
    }
    all
}

/// AIL-3: the point of care, with room and bed in words.
fn place(source: &Source<'_, '_>, ail: &Segment<'_>) -> Option<Reference> {
    let parts = [1, 2, 3].map(|component| trimmed(ail.text(3, component)).into_owned());
    let ward = parts[0].clone();
    let words: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let id = (!ward.is_empty()).then(|| Identifier::of(&source.systems().local("ward"), &ward));
    filing::outside("Location", id, &words.join(" "))
}

/// AIG-3, a thing, or AIG-4 where only its kind is known.
fn thing(source: &Source<'_, '_>, aig: &Segment<'_>) -> Option<Reference> {
    let resource = aig.field(3).repetition(1);
    let id = trimmed(resource.component(1).text());
    let id = (!id.is_empty()).then(|| Identifier::of(&source.systems().local("resource"), &id));
    let words = coded::words(&resource);
    let words = if words.is_empty() { coded::words(&aig.field(4).repetition(1)) } else { words };
    filing::outside("Device", id, &words)
}
