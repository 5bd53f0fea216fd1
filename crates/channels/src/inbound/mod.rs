//! Messages that come in: from bytes to what they ask.
//!
//! [`read`] is pure: bytes and the channel's set-up in, an [`Understood`] out. Whatever the bytes
//! are, there is a request in it; what no mapper can turn into one becomes [`Request::Park`] with
//! a coded reason and, where it can be told, the place in the message. [`Understood::reply_to`]
//! keeps what the acknowledgement needs.
//!
//! To take in another message: a file with a `read` function, and a row in [`TABLE`].

mod acknowledged;
mod adt_allergies;
mod adt_merge;
mod adt_patient;
mod adt_renumber;
mod adt_swap;
mod answer;
mod channel;
mod forward;
mod kept;
mod map;
mod mdm_document;
mod orm_order;
mod oru_result;
mod ras_administration;
mod rde_order;
mod service_request;
mod siu_appointment;
mod source;
mod staff_member;
mod stock_item;
mod zpm_transaction;

use hl7v2::{CharsetChoice, Message, ParseError, Scratch, Severity};
use jiff::Timestamp;
use medicines::{Problem, ProblemCode, Request};

pub(crate) use acknowledged::acknowledged;
pub use answer::{ReplyTo, answer, application};
pub use channel::InboundChannel;
pub use source::Doubt;

use source::Source;

use crate::dialect::Way;
use crate::shape::{Shaped, shape, shapes};

/// The longest control id (MSH-10) that is taken, in bytes: HL7 2.8 allows 199.
pub const MAX_CONTROL_ID_BYTES: usize = 256;

/// The longest sending application or facility (MSH-3, MSH-4) that is taken, in bytes.
const MAX_SENDER_BYTES: usize = 256;

/// How the problem of a message begins that was longer than its channel takes.
const OVERSIZED: &str = "the message is longer than the";

/// How the messages of one trigger event are read.
struct Row {
    /// MSH-9.1.
    code: &'static str,
    /// MSH-9.2.
    event: &'static str,
    read: fn(&Source<'_, '_>) -> Result<Request, Problem>,
}

const fn row(
    code: &'static str,
    event: &'static str,
    read: fn(&Source<'_, '_>) -> Result<Request, Problem>,
) -> Row {
    Row { code, event, read }
}

/// The messages that are taken in. A message with a ZPM segment is a pocket transaction whatever
/// its type and needs no row.
const TABLE: &[Row] = &[
    row("ADT", "A01", adt_patient::read),
    row("ADT", "A02", adt_patient::read),
    row("ADT", "A03", adt_patient::read),
    row("ADT", "A04", adt_patient::read),
    row("ADT", "A08", adt_patient::read),
    row("ADT", "A11", adt_patient::read),
    row("ADT", "A12", adt_patient::read),
    row("ADT", "A13", adt_patient::read),
    row("ADT", "A28", adt_patient::read),
    row("ADT", "A31", adt_patient::read),
    row("ADT", "A40", adt_merge::read),
    row("ADT", "A05", adt_patient::read),
    row("ADT", "A06", adt_patient::read),
    row("ADT", "A07", adt_patient::read),
    row("ADT", "A09", adt_patient::read),
    row("ADT", "A10", adt_patient::read),
    row("ADT", "A14", adt_patient::read),
    row("ADT", "A15", adt_patient::read),
    row("ADT", "A16", adt_patient::read),
    row("ADT", "A21", adt_patient::read),
    row("ADT", "A22", adt_patient::read),
    row("ADT", "A23", adt_patient::read),
    row("ADT", "A25", adt_patient::read),
    row("ADT", "A26", adt_patient::read),
    row("ADT", "A27", adt_patient::read),
    row("ADT", "A32", adt_patient::read),
    row("ADT", "A33", adt_patient::read),
    row("ADT", "A38", adt_patient::read),
    row("ADT", "A52", adt_patient::read),
    row("ADT", "A53", adt_patient::read),
    row("ADT", "A54", adt_patient::read),
    row("ADT", "A55", adt_patient::read),
    row("ADT", "A18", adt_merge::read),
    row("ADT", "A30", adt_merge::read),
    row("ADT", "A34", adt_merge::read),
    row("ADT", "A36", adt_merge::read),
    row("ADT", "A39", adt_merge::read),
    row("ADT", "A17", adt_swap::read),
    row("ADT", "A47", adt_renumber::read),
    row("ADT", "A60", adt_allergies::read),
    row("RDE", "O11", rde_order::read),
    row("RDE", "O01", rde_order::read),
    row("OMP", "O09", orm_order::read),
    row("ORM", "O01", orm_order::read),
    row("RAS", "O17", ras_administration::read),
    row("RAS", "O01", ras_administration::read),
    row("OMS", "O05", zpm_transaction::read),
    row("ORU", "R01", oru_result::read),
    row("ORU", "R30", oru_result::read),
    row("ORU", "R31", oru_result::read),
    row("ORU", "R32", oru_result::read),
    row("OUL", "R21", oru_result::read),
    row("OUL", "R22", oru_result::read),
    row("OUL", "R23", oru_result::read),
    row("OUL", "R24", oru_result::read),
    row("ORR", "O02", service_request::read),
    row("OML", "O21", service_request::read),
    row("OML", "O33", service_request::read),
    row("OML", "O35", service_request::read),
    row("OML", "O39", service_request::read),
    row("ORL", "O22", service_request::read),
    row("ORL", "O34", service_request::read),
    row("ORL", "O36", service_request::read),
    row("ORL", "O40", service_request::read),
    row("OMG", "O19", service_request::read),
    row("ORG", "O20", service_request::read),
    row("OMI", "O23", service_request::read),
    row("ORI", "O24", service_request::read),
    row("OMD", "O03", service_request::read),
    row("ORD", "O04", service_request::read),
    row("OMB", "O27", service_request::read),
    row("ORB", "O28", service_request::read),
    row("MDM", "T01", mdm_document::read),
    row("MDM", "T02", mdm_document::read),
    row("MDM", "T03", mdm_document::read),
    row("MDM", "T04", mdm_document::read),
    row("MDM", "T05", mdm_document::read),
    row("MDM", "T06", mdm_document::read),
    row("MDM", "T07", mdm_document::read),
    row("MDM", "T08", mdm_document::read),
    row("MDM", "T09", mdm_document::read),
    row("MDM", "T10", mdm_document::read),
    row("MDM", "T11", mdm_document::read),
    row("SIU", "S12", siu_appointment::read),
    row("SIU", "S13", siu_appointment::read),
    row("SIU", "S14", siu_appointment::read),
    row("SIU", "S15", siu_appointment::read),
    row("SIU", "S16", siu_appointment::read),
    row("SIU", "S17", siu_appointment::read),
    row("SIU", "S18", siu_appointment::read),
    row("SIU", "S19", siu_appointment::read),
    row("SIU", "S20", siu_appointment::read),
    row("SIU", "S21", siu_appointment::read),
    row("SIU", "S22", siu_appointment::read),
    row("SIU", "S23", siu_appointment::read),
    row("SIU", "S24", siu_appointment::read),
    row("SIU", "S26", siu_appointment::read),
    row("MFN", "M02", staff_member::read),
    row("PMU", "B01", staff_member::read),
    row("PMU", "B02", staff_member::read),
    row("PMU", "B03", staff_member::read),
    row("PMU", "B04", staff_member::read),
    row("PMU", "B05", staff_member::read),
    row("PMU", "B06", staff_member::read),
    row("MFN", "M15", stock_item::read),
    row("MFN", "M01", kept::master_file),
    row("MFN", "M03", kept::master_file),
    row("MFN", "M04", kept::master_file),
    row("MFN", "M05", kept::master_file),
    row("MFN", "M06", kept::master_file),
    row("MFN", "M07", kept::master_file),
    row("MFN", "M08", kept::master_file),
    row("MFN", "M09", kept::master_file),
    row("MFN", "M10", kept::master_file),
    row("MFN", "M11", kept::master_file),
    row("MFN", "M12", kept::master_file),
    row("MFN", "M13", kept::master_file),
    row("MFN", "M14", kept::master_file),
    row("MFN", "M16", kept::master_file),
    row("MFN", "M17", kept::master_file),
    row("DFT", "P03", kept::charges),
    row("DFT", "P11", kept::charges),
    row("BAR", "P01", kept::charges),
    row("BAR", "P02", kept::charges),
    row("BAR", "P05", kept::charges),
    row("BAR", "P06", kept::charges),
    row("BAR", "P10", kept::charges),
    row("BAR", "P12", kept::charges),
    row("ADT", "A20", kept::event),
    row("ADT", "A24", kept::event),
    row("ADT", "A35", kept::event),
    row("ADT", "A37", kept::event),
    row("ADT", "A41", kept::event),
    row("ADT", "A29", kept::by_hand),
    row("ADT", "A42", kept::by_hand),
    row("ADT", "A43", kept::by_hand),
    row("ADT", "A44", kept::by_hand),
    row("ADT", "A45", kept::by_hand),
    row("ADT", "A46", kept::by_hand),
    row("ADT", "A48", kept::by_hand),
    row("ADT", "A49", kept::by_hand),
    row("ADT", "A50", kept::by_hand),
    row("ADT", "A51", kept::by_hand),
];

/// What a message was understood to be.
#[derive(Debug)]
pub struct Understood {
    /// By what a repeat is known: `{MSH-3}|{MSH-4}|{MSH-10}`. `None` where there is no usable
    /// control id.
    pub key: Option<String>,
    /// The type as `RDE^O11`, where there is one.
    pub message_type: Option<String>,
    /// MSH-10, where there is one of at most [`MAX_CONTROL_ID_BYTES`].
    pub control_id: Option<String>,
    /// Who sent it: MSH-3.1 in lower case, else the channel's name.
    pub by: String,
    /// When the peer says that it wrote it (MSH-7), where it says so to the second.
    pub written: Option<Timestamp>,
    /// What it asks; [`Request::Park`] where that cannot be told.
    pub request: Request,
    /// What the acknowledgement is made from.
    pub reply_to: ReplyTo,
    /// What was read by an assumption. It names places and never content, so it may be logged.
    pub doubts: Vec<Doubt>,
}

/// Reads a message as it came off the wire.
pub fn read(raw: &[u8], channel: &InboundChannel) -> Understood {
    read_with(raw, channel, &mut Scratch::default())
}

/// Reads a message into memory that an earlier one left, for a connection that reads many.
pub fn read_with(raw: &[u8], channel: &InboundChannel, scratch: &mut Scratch) -> Understood {
    match hl7v2::parse_with(raw, channel.dialect().charset_choice(), scratch) {
        Ok((message, issues)) => {
            let understood = understand(&message, &issues, channel);
            scratch.reclaim(message);
            understood
        }
        Err(error) => unreadable(raw, channel, not_a_message(error)),
    }
}

/// What to make of a message that was longer than the channel takes, from its first bytes.
/// `limit` is in bytes.
pub fn oversized(head: &[u8], limit: usize, channel: &InboundChannel) -> Understood {
    let text = format!("{OVERSIZED} {limit} bytes that this channel takes");
    unreadable(head, channel, Problem::new(ProblemCode::Malformed, text))
}

/// Whether the problem is that of [`oversized`]: what is kept of such a message is not the whole,
/// so it must never be read as if it were.
pub fn is_oversized(problem: &Problem) -> bool {
    problem.code == ProblemCode::Malformed && problem.text.starts_with(OVERSIZED)
}

fn not_a_message(error: ParseError) -> Problem {
    Problem::new(ProblemCode::Malformed, error.to_string())
}

/// Parks an input of which at most the header can be read.
fn unreadable(raw: &[u8], channel: &InboundChannel, problem: Problem) -> Understood {
    match hl7v2::parse_header(raw, channel.dialect().charset_choice()) {
        Ok(message) => {
            let source = Source::new(&message, channel);
            assemble(&source, Request::Park(problem))
        }
        Err(_) => Understood {
            key: None,
            message_type: None,
            control_id: None,
            by: channel.name().to_owned(),
            written: None,
            request: Request::Park(problem),
            reply_to: ReplyTo::nobody(channel),
            doubts: Vec::new(),
        },
    }
}

fn understand(
    message: &Message<'_>,
    issues: &[hl7v2::Issue],
    channel: &InboundChannel,
) -> Understood {
    let source = Source::new(message, channel);
    for issue in issues {
        source.doubt(Doubt::Form(*issue));
    }
    let request = check_form(issues).and_then(|()| {
        if shapes(channel.dialect(), channel.script(), Way::In) {
            reshaped(&source)
        } else {
            check_header(&source).and_then(|()| map(&source))
        }
    });
    let understood = assemble(&source, request.unwrap_or_else(Request::Park));
    Understood { request: forward::onward(&source, understood.request), ..understood }
}

/// Reads a message in the shape that the channel's rules and script give it. What it is known and
/// answered by stays as the peer sent it.
fn reshaped(sent: &Source<'_, '_>) -> Result<Request, Problem> {
    let channel = sent.channel;
    let shaping = shape(sent.message, channel.dialect(), channel.script(), Way::In)?;
    for (location, code) in shaping.unmapped {
        sent.doubt(Doubt::Unmapped { location, code, case: true });
    }
    let bytes = match shaping.shaped {
        Shaped::As(bytes) => bytes,
        Shaped::Dropped => return Ok(Request::Dropped),
    };
    let charset = CharsetChoice::Always(sent.message.charset());
    let (message, issues) = hl7v2::parse_as(&bytes, charset).map_err(not_a_message)?;
    check_form(&issues)?;
    let source = Source::new(&message, channel);
    let request = check_header(&source).and_then(|()| map(&source));
    source.doubts().into_iter().for_each(|doubt| sent.doubt(doubt));
    request
}

/// A message of which a part may be missing or misread is not acted on.
fn check_form(issues: &[hl7v2::Issue]) -> Result<(), Problem> {
    match issues.iter().find(|issue| issue.kind.severity() == Severity::Error) {
        None => Ok(()),
        Some(issue) => Err(Problem::new(ProblemCode::Malformed, issue.to_string())),
    }
}

/// Why a message is parked while the queue of an outbound channel is full.
pub(crate) fn queue_full(channel: &str) -> Problem {
    let text = format!(
        "the queue of channel `{channel}` is full: the message is kept, and is replayed from its \
         case when there is room"
    );
    Problem::new(ProblemCode::QueueFull, text)
}

/// What the header must say before anything is read below it (HL7 2.5.1 §2.9.2.1).
fn check_header(source: &Source<'_, '_>) -> Result<(), Problem> {
    let header = source.header();
    let problem =
        |code, field: usize, text: &str| Err(Problem::new(code, text).at(format!("MSH-{field}")));
    if header.code().is_empty() {
        return problem(ProblemCode::FieldMissing, 9, "the message has no type");
    }
    let control_id = header.control_id_raw().len();
    if header.segment().field(10).is_absent() {
        return problem(ProblemCode::FieldMissing, 10, "the message has no control id");
    }
    if control_id > MAX_CONTROL_ID_BYTES {
        return problem(ProblemCode::BadValue, 10, "the control id is too long");
    }
    if [3, 4].iter().any(|&field| header.segment().field(field).raw().len() > MAX_SENDER_BYTES) {
        return problem(
            ProblemCode::BadValue,
            3,
            "the sending application or facility is too long",
        );
    }
    let version = header.version();
    if !version.is_empty() && !source.channel.dialect().accepts_version(version.trim()) {
        return problem(ProblemCode::UnsupportedVersion, 12, "this HL7 version is not taken here");
    }
    check_protocols(source)?;
    if !source.channel.accepts_processing_id(header.processing_id().trim()) {
        let text = "the processing id is not the one in force here";
        return problem(ProblemCode::WrongProcessingId, 11, text);
    }
    Ok(())
}

/// Protocols of HL7 that are not spoken here. Acting on a message as if its sender did not use them
/// would lose what it says by them: a gap in the sequence, or the rest of a message that comes in
/// parts (HL7 2.5.1 §2.9.4, §2.10.2).
fn check_protocols(source: &Source<'_, '_>) -> Result<(), Problem> {
    let refuse = |place: &str, text: &str| {
        Err(Problem::new(ProblemCode::UnsupportedProtocol, text).at(place))
    };
    let msh = source.header().segment();
    if !msh.field(13).is_absent() && !source.channel.ignores_sequence_numbers() {
        let text = "the sequence number protocol is not spoken here: leave MSH-13 empty, or have \
                    this channel ignore it";
        return refuse("MSH-13", text);
    }
    if !msh.field(14).is_absent() {
        return refuse("MSH-14", "messages in parts are not taken here: send it whole");
    }
    if source.message.segment("DSC").is_some() {
        return refuse("DSC", "messages in parts are not taken here: send it whole");
    }
    Ok(())
}

/// Finds the reader of the message. A ZPM segment decides before the type does.
fn map(source: &Source<'_, '_>) -> Result<Request, Problem> {
    let (code, event) = (source.header().code(), source.event());
    if !source.channel.accepts(&code, &event) {
        let text = "this channel is not set up to take messages of this type";
        return Err(Problem::new(ProblemCode::UnsupportedType, text).at("MSH-9"));
    }
    if source.message.segment("ZPM").is_some() {
        return zpm_transaction::read(source);
    }
    if let Some(row) = TABLE.iter().find(|row| row.code == code && row.event == event) {
        return (row.read)(source);
    }
    if source.channel.names(&code, &event) || source.channel.forwards() {
        return Ok(kept::unmapped(source));
    }
    let problem = if TABLE.iter().any(|row| row.code == code) {
        Problem::new(
            ProblemCode::UnsupportedEvent,
            "messages of this event are not handled; list the type in the channel's `accepts` to \
             keep them",
        )
    } else {
        Problem::new(
            ProblemCode::UnsupportedType,
            "messages of this type are not handled; list it in the channel's `accepts` to keep \
             them",
        )
    };
    Err(problem.at("MSH-9"))
}

fn assemble(source: &Source<'_, '_>, request: Request) -> Understood {
    let header = source.header();
    let control_id = header.control_id();
    let usable = !control_id.is_empty() && control_id.len() <= MAX_CONTROL_ID_BYTES;
    let (application, facility) = (header.sending_application(), header.sending_facility());
    let sender = application.len().max(facility.len()) <= MAX_SENDER_BYTES;
    let (code, event) = (header.code(), source.event());
    let named = !code.is_empty() && code.len() + event.len() <= MAX_SENDER_BYTES;
    let doubts = source.doubts();
    Understood {
        key: (usable && sender).then(|| format!("{application}|{facility}|{control_id}")),
        message_type: named.then(|| {
            if event.is_empty() { code.clone().into_owned() } else { format!("{code}^{event}") }
        }),
        control_id: usable.then(|| control_id.into_owned()),
        by: if application.is_empty() || !sender {
            source.channel.name().to_owned()
        } else {
            application.to_lowercase()
        },
        written: source.written(),
        request: with_codes(request, &doubts),
        reply_to: ReplyTo::sender(source),
        doubts,
    }
}

/// The request together with the codes that somebody is to add to a table.
fn with_codes(request: Request, doubts: &[Doubt]) -> Request {
    let wanted = |doubt: &Doubt| match doubt {
        Doubt::Unmapped { code, case: true, .. } => Some(code.clone()),
        _ => None,
    };
    let codes: Vec<_> = doubts.iter().filter_map(wanted).collect();
    if codes.is_empty() || matches!(request, Request::Park(_) | Request::Dropped) {
        return request;
    }
    Request::Unmapped { codes, request: Box::new(request) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_has_two_rows() {
        for (at, row) in TABLE.iter().enumerate() {
            let same = |other: &&Row| other.code == row.code && other.event == row.event;
            assert_eq!(
                TABLE[at + 1..].iter().filter(same).count(),
                0,
                "{}^{}",
                row.code,
                row.event
            );
        }
    }
}
