//! ORM^O01 and the orders of OML, OMG, OMI, OMD and OMB that ask for no medicine, and what their
//! fillers answer (ORR, ORL, ORG, ORI): requests.
//!
//! Each ORC is a ServiceRequest, known by the placer's number (ORC-2 or OBR-2), else the
//! filler's. What is asked for stands in OBR-4, or ODS-3 (diets) and RQD-3 (supplies) of their
//! messages. An answer that says no to a change leaves the request as it is. Parked: an order
//! without any number, an order control code that no table has.

use fhir::resources::{
    RequestPriority, ServiceRequest, ServiceRequestIntent, ServiceRequestStatus,
};
use fhir::types::{CodeableConcept, Reference};
use hl7v2::{Group, Segment};
use medicines::filing::{Content, How, Sheet};
use medicines::{Problem, ProblemCode, Request};

use super::map::coded::{self, Local};
use super::map::{filing, identifier, obr, staff};
use super::source::{Source, missing, trimmed};

/// The most requests of one message.
const MAX_REQUESTS: usize = 500;

pub(super) fn read(source: &Source<'_, '_>) -> Result<Request, Problem> {
    let mut sheets: Vec<Sheet> = Vec::new();
    let mut groups = 0;
    for group in source.message.groups("ORC") {
        groups += 1;
        let orc = group.segment("ORC").ok_or_else(|| missing("ORC"))?;
        if groups > MAX_REQUESTS {
            let text = "there are more orders than are taken in one message";
            return Err(source.problem(ProblemCode::BadValue, &orc, 1, text));
        }
        let Some((status, how)) = asked(source, &orc)? else { continue };
        // One ORC may lead several tests; each is a request of its own.
        let details = details(&group);
        if details.is_empty() {
            sheets.push(sheet(source, &orc, None, &group, (status, how))?);
        }
        for detail in &details {
            sheets.push(sheet(source, &orc, Some(detail), &group, (status, how))?);
        }
    }
    if groups == 0 {
        return Err(missing("ORC"));
    }
    tell_apart(&mut sheets);
    if source.message.segment("PID").is_none() && source.message.segment("MSA").is_some() {
        // An answer without a patient is about the request that it names.
        for sheet in &mut sheets {
            sheet.how = How::NeedsKnown;
        }
        return Ok(filing::about_nobody(source, sheets));
    }
    filing::about_patient(source, sheets)
}

fn details<'a>(group: &Group<'_, 'a>) -> Vec<Segment<'a>> {
    let names = ["OBR", "ODS", "ODT", "RQD", "BPO"];
    group.iter().filter(|segment| names.contains(&segment.name())).collect()
}

/// Two requests of one number in one message are parts of one order.
fn tell_apart(sheets: &mut [Sheet]) {
    for at in 1..sheets.len() {
        let (before, rest) = sheets.split_at_mut(at);
        let sheet = &mut rest[0];
        let times = before.iter().filter(|other| {
            other.number == sheet.number
                || other
                    .number
                    .strip_prefix(sheet.number.as_str())
                    .is_some_and(|rest| rest.starts_with('#'))
        });
        match times.count() {
            0 => {}
            n => sheet.number = format!("{}#{}", sheet.number, n + 1),
        }
    }
}

/// What the order control code (HL7 table 0119) does to the request; `None` where it leaves it
/// as it is. ORC-5 (table 0038) says more where it is sent.
fn asked(
    source: &Source<'_, '_>,
    orc: &Segment<'_>,
) -> Result<Option<(ServiceRequestStatus, How)>, Problem> {
    use ServiceRequestStatus as S;
    let code = source.need_text(orc, 1, 1)?;
    let (status, how) = match &*code {
        "NW" | "SN" | "RO" | "PR" | "RE" | "CN" => (S::Active, How::Whole),
        "XO" | "XX" | "XR" | "RP" | "CH" | "PA" | "NA" | "OK" | "SC" | "SR" | "RR" | "RQ"
        | "RU" | "LI" | "UN" | "RL" | "OE" | "OR" => (S::Active, How::Change),
        // UA and DF: the filler cannot do it.
        "CA" | "OC" | "CR" | "DC" | "OD" | "DR" | "UA" | "DF" => (S::Revoked, How::Change),
        "HD" | "OH" | "HR" => (S::OnHold, How::Change),
        "UC" | "UD" | "UF" | "UH" | "UM" | "UR" | "UX" | "SS" | "DE" => return Ok(None),
        _ => {
            let text = "this order control code is not in HL7 table 0119";
            return Err(source.problem(ProblemCode::UnknownCode, orc, 1, text));
        }
    };
    let status = match orc.text(5, 1).trim() {
        "CM" => S::Completed,
        "CA" | "DC" | "RP" => S::Revoked,
        "HD" => S::OnHold,
        "ER" => S::EnteredInError,
        _ => status,
    };
    Ok(Some((status, how)))
}

fn sheet(
    source: &Source<'_, '_>,
    orc: &Segment<'_>,
    detail: Option<&Segment<'_>>,
    group: &Group<'_, '_>,
    (status, how): (ServiceRequestStatus, How),
) -> Result<Sheet, Problem> {
    let tests = detail.filter(|segment| segment.is("OBR"));
    let placer = identifier::placer(source, orc).or_else(|| identifier::placer(source, tests?));
    let filler = identifier::filler(source, orc).or_else(|| identifier::filler(source, tests?));
    let number = placer.as_ref().or(filler.as_ref()).map(filing::number_of).ok_or_else(|| {
        let text = "the order has neither a placer's nor a filler's number";
        source.problem(ProblemCode::FieldMissing, orc, 2, text)
    })?;
    let order = ServiceRequestIntent::Order;
    let mut request = ServiceRequest::new(status, order, Reference::default());
    request.identifier.extend(placer);
    request.identifier.extend(filler);
    let group_number = filing::entity(source, &orc.field(4).repetition(1), "order-group");
    request.requisition = group_number;
    request.authored_on = filing::date_time(source, orc, 9);
    request.requester = staff::reference(source, &orc.field(12).repetition(1));
    request.reason_code = coded::all(source, &orc.field(16), Local::Of("reason"));
    request.priority = priority(orc, tests, group);
    if let Some(detail) = detail {
        content(source, detail, &mut request);
    }
    let specimens = group.segments("SPM").take(16);
    request.specimen.extend(specimens.filter_map(|spm| obr::specimen(source, &spm)));
    request.note.extend(group.segments("NTE").take(64).filter_map(|nte| filing::note(&nte)));
    Ok(Sheet { number, content: Content::ServiceRequest(Box::new(request)), how })
}

fn content(source: &Source<'_, '_>, detail: &Segment<'_>, request: &mut ServiceRequest) {
    let field = match detail.name() {
        "OBR" => 4,
        "BPO" => 2,
        _ => 3,
    };
    request.code = coded::first(source, &detail.field(field), Local::Of("service"));
    if !detail.is("OBR") {
        return;
    }
    if request.requester.is_none() {
        request.requester = staff::reference(source, &detail.field(16).repetition(1));
    }
    if request.reason_code.is_empty() {
        request.reason_code = coded::all(source, &detail.field(31), Local::Of("reason"));
    }
    request.occurrence_date_time =
        filing::date_time(source, detail, 36).or_else(|| filing::date_time(source, detail, 6));
    let section = trimmed(detail.text(24, 1));
    if !section.is_empty() {
        let system = "http://terminology.hl7.org/CodeSystem/v2-0074";
        request.category.push(CodeableConcept::of(system, &section, None));
    }
}

/// TQ1-9, else ORC-7.6, else OBR-5 (HL7 table 0485).
fn priority(
    orc: &Segment<'_>,
    obr: Option<&Segment<'_>>,
    group: &Group<'_, '_>,
) -> Option<RequestPriority> {
    let timed = group.segment("TQ1").map(|tq1| trimmed(tq1.text(9, 1)).into_owned());
    let old = obr.map(|obr| trimmed(obr.text(5, 1)).into_owned());
    let said = [timed, Some(trimmed(orc.text(7, 6)).into_owned()), old];
    let said = said.into_iter().flatten().find(|said| !said.is_empty())?;
    match said.as_str() {
        "S" => Some(RequestPriority::Stat),
        "A" => Some(RequestPriority::Asap),
        "R" => Some(RequestPriority::Routine),
        "T" | "U" => Some(RequestPriority::Urgent),
        _ => None,
    }
}
