//! The acknowledgement of a message.
//!
//! It is a pure function of the message's header, the answer, and the number and recording time
//! of the journal entry, so that a repeat gets the same bytes as the first.
//!
//! In original mode (MSH-15 and MSH-16 empty) MSA-1 is AA, AE or AR. In enhanced mode (HL7 2.5.1
//! §2.9.3) a sender that asks for an accept acknowledgement (MSH-15) gets CA, CE or CR by the
//! condition it asks with. Where it asks for an application acknowledgement as well (MSH-16), the
//! first says whether the message is stored (CA, or CR for one of a type, version, protocol or
//! processing id that is not taken), and AA or AE follows as a message of its own; where it does
//! not, the accept acknowledgement tells of errors in the content too. A sender that asks for an
//! application acknowledgement alone (MSH-15 empty or NE) gets AA, AE or AR at once.

use hl7v2::ack::{
    AckCode, ApplicationCode, Condition, ErrorDetail, ErrorSeverity, Location, Reply, reply,
};
use hl7v2::{AckCondition, CharsetChoice, Header};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use medicines::{Answer, Problem};

use super::InboundChannel;
use super::source::Source;

/// The system of our own error codes in ERR-5.
const CODE_SYSTEM: &str = "INTERLOCK";

/// The header when there is none to answer.
const NO_HEADER: &[u8] = b"MSH|^~\\&|";

/// What an acknowledgement is made from: the MSH of the message, and how the peer writes.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplyTo {
    /// MSH as it was received, or one of ours where none could be read.
    msh: Vec<u8>,
    charset: CharsetChoice,
    zone: TimeZone,
    site: String,
    /// An acknowledgement is never acknowledged.
    silent: bool,
}

impl ReplyTo {
    pub(crate) fn sender(source: &Source<'_, '_>) -> Self {
        let header = source.header();
        ReplyTo {
            msh: header.segment().raw().to_vec(),
            charset: CharsetChoice::Always(source.message.charset()),
            silent: header.code() == "ACK" || source.message.segment("MSA").is_some(),
            ..ReplyTo::nobody(source.channel)
        }
    }

    /// Whether the message is an acknowledgement.
    pub(crate) fn is_silent(&self) -> bool {
        self.silent
    }

    /// For an input without a readable header.
    pub(crate) fn nobody(channel: &InboundChannel) -> Self {
        let dialect = channel.dialect();
        ReplyTo {
            msh: NO_HEADER.to_vec(),
            charset: dialect.charset_choice(),
            zone: dialect.time_zone.rules().clone(),
            site: channel.site().to_ascii_lowercase(),
            silent: false,
        }
    }
}

/// The acknowledgement for the message whose journal entry has the number `seq` and was recorded
/// at `at`, without MLLP framing; `None` where the sender wants none.
pub fn answer(to: &ReplyTo, answer: &Answer, seq: u64, at: Timestamp) -> Option<Vec<u8>> {
    if to.silent {
        return None;
    }
    let problem = problem_of(answer);
    let message = hl7v2::parse_header(&to.msh, to.charset).ok()?;
    let code = code(&message.header(), problem.as_ref())?;
    // A message that is stored is told so; what is wrong with it is told by the application.
    let told = problem.filter(|_| !code.is_positive());
    // Ids of resources and deliveries end in a number, so this is never one of them.
    Some(write(to, &message.header(), code, told.as_ref(), &format!("{}.{seq}.ack", to.site), at))
}

/// The application acknowledgement that follows the accept acknowledgement of [`answer`], where the
/// sender asks for both; it has its own control id.
pub fn application(to: &ReplyTo, answer: &Answer, seq: u64, at: Timestamp) -> Option<Vec<u8>> {
    let message = hl7v2::parse_header(&to.msh, to.charset).ok().filter(|_| !to.silent)?;
    let (header, problem) = (message.header(), problem_of(answer));
    if !wants_both(&header) {
        return None;
    }
    let code = match &problem {
        None => AckCode::Accept,
        // It was refused before the application saw it.
        Some(problem) if problem.code.is_reject() => return None,
        Some(_) => AckCode::Error,
    };
    let wanted = header.application_condition().is_some_and(|when| when.wants(problem.is_none()));
    let id = format!("{}.{seq}.app", to.site);
    wanted.then(|| write(to, &header, code, problem.as_ref(), &id, at))
}

fn write(
    to: &ReplyTo,
    header: &Header<'_>,
    code: AckCode,
    problem: Option<&Problem>,
    control_id: &str,
    at: Timestamp,
) -> Vec<u8> {
    let errors: Vec<ErrorDetail> = problem.into_iter().map(detail).collect();
    let time = at.to_zoned(to.zone.clone());
    let text = problem.map_or("", |problem| problem.text.as_str());
    reply(header, &Reply { code, control_id, time: &time, text, errors: &errors })
}

/// Whether the sender wants to hear both that the message is stored and what became of it.
fn wants_both(header: &Header<'_>) -> bool {
    let asks = |when: Option<AckCondition>| when.is_some_and(|when| when != AckCondition::Never);
    asks(header.accept_condition()) && asks(header.application_condition())
}

/// What is wrong, where something is. Permits and refusals are answers to questions that no HL7
/// message asks; a refusal is told by its code all the same.
fn problem_of(answer: &Answer) -> Option<Problem> {
    match answer {
        Answer::Done
        | Answer::Created(_)
        | Answer::Permitted(_)
        | Answer::Checked(_)
        | Answer::Written(_) => None,
        Answer::Parked(problem) => Some(problem.clone()),
        Answer::Refused(_) | Answer::Unwritten(_) => {
            Some(Problem::new(medicines::ProblemCode::OrderState, "it was refused"))
        }
    }
}

/// MSA-1, or `None` where the sender does not want to hear this outcome.
fn code(header: &Header<'_>, problem: Option<&Problem>) -> Option<AckCode> {
    let success = problem.is_none();
    let reject = problem.is_some_and(|problem| problem.code.is_reject());
    let application = match (success, reject) {
        (true, _) => AckCode::Accept,
        (false, true) => AckCode::Reject,
        (false, false) => AckCode::Error,
    };
    if !header.is_enhanced() {
        return Some(application);
    }
    match header.accept_condition() {
        None | Some(AckCondition::Never) => {
            let wanted = header.application_condition().is_some_and(|when| when.wants(success));
            wanted.then_some(application)
        }
        Some(when) if wants_both(header) => when.wants(!reject).then_some(if reject {
            AckCode::CommitReject
        } else {
            AckCode::CommitAccept
        }),
        Some(when) => when.wants(success).then_some(match application {
            AckCode::Accept => AckCode::CommitAccept,
            AckCode::Reject => AckCode::CommitReject,
            _ => AckCode::CommitError,
        }),
    }
}

fn detail(problem: &Problem) -> ErrorDetail {
    let condition = Condition::from_code(problem.code.table_0357());
    ErrorDetail {
        location: problem.location.as_deref().and_then(location),
        severity: Some(ErrorSeverity::Error),
        application: Some(ApplicationCode {
            code: problem.code.as_str().to_owned(),
            text: String::new(),
            system: CODE_SYSTEM.to_owned(),
        }),
        ..ErrorDetail::new(condition)
    }
    .saying(&problem.text)
}

/// Reads `PID`, `PID-3`, `ORC[2]-2` or `PID-3[2].4` as a location (ERR-2).
fn location(text: &str) -> Option<Location> {
    let (segment, rest) = match text.split_once('-') {
        Some((segment, rest)) => (segment, Some(rest)),
        None => (text, None),
    };
    let (name, sequence) = counted(segment);
    let mut location = Location { sequence: sequence.or(Some(1)), ..Location::segment(name) };
    if let Some(rest) = rest {
        let (field, component) = match rest.split_once('.') {
            Some((field, component)) => (field, Some(component)),
            None => (rest, None),
        };
        let (field, repetition) = counted(field);
        location.field = Some(field.parse().ok()?);
        location.repetition = repetition;
        location.component = component.and_then(|component| component.parse().ok());
    }
    (name.len() == 3).then_some(location)
}

/// Splits `ORC[2]` into `ORC` and 2.
fn counted(text: &str) -> (&str, Option<usize>) {
    match text.strip_suffix(']').and_then(|text| text.split_once('[')) {
        Some((name, number)) => (name, number.parse().ok()),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use medicines::ProblemCode;

    use super::*;
    use crate::dialect::Dialect;
    use crate::inbound::read;

    fn channel() -> InboundChannel {
        InboundChannel::new("epma", Dialect::default(), "RXX", &[], "P")
    }

    fn answered(msh: &str, outcome: &Answer) -> Option<String> {
        let understood = read(format!("{msh}\r").as_bytes(), &channel());
        let at = "2026-07-20T10:15:00.5Z".parse().unwrap();
        let ack = answer(&understood.reply_to, outcome, 1042, at);
        ack.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    fn parked(code: ProblemCode, location: &str) -> Answer {
        Answer::Parked(Problem::new(code, "what & why").at(location))
    }

    #[test]
    fn original_mode() {
        let msh = r"MSH|^~\&|EPMA|TRUST|HUB|RXX|20260720111400||RDE^O11^RDE_O11|A7|P|2.5";
        let head =
            r"MSH|^~\&|HUB|RXX|EPMA|TRUST|20260720111500+0100||ACK^O11^ACK|rxx.1042.ack|P|2.5";
        let check = |outcome: &Answer, rest: &str| {
            let expect = format!("{head}\r{rest}\r");
            assert_eq!(answered(msh, outcome), Some(expect));
        };
        check(&Answer::Done, "MSA|AA|A7");
        check(&Answer::Created(Vec::new()), "MSA|AA|A7");
        check(
            &parked(ProblemCode::UnknownPatient, "PID-3"),
            "MSA|AE|A7|what \\T\\ why\rERR||PID^1^3|204^Unknown key identifier^HL70357|E|\
             unknown-patient^^INTERLOCK|||what \\T\\ why",
        );
        check(
            &parked(ProblemCode::UnsupportedEvent, "MSH-9"),
            "MSA|AR|A7|what \\T\\ why\rERR||MSH^1^9|201^Unsupported event code^HL70357|E|\
             unsupported-event^^INTERLOCK|||what \\T\\ why",
        );
        check(
            &parked(ProblemCode::SegmentMissing, "RXE"),
            "MSA|AE|A7|what \\T\\ why\rERR||RXE^1|100^Segment sequence error^HL70357|E|\
             segment-missing^^INTERLOCK|||what \\T\\ why",
        );
    }

    #[test]
    fn enhanced_mode_honours_the_conditions() {
        let error = parked(ProblemCode::BadValue, "ORC[2]-9");
        let reject = parked(ProblemCode::Internal, "MSH-9");
        let check = |conditions: &str, outcome: &Answer, expect: Option<&str>| {
            let msh = format!("MSH|^~\\&|A|B|C|D|20260720||ADT^A01|7|P|2.5|||{conditions}");
            let ack = answered(&msh, outcome);
            let code = ack.as_deref().map(|ack| &ack[ack.find("MSA|").unwrap() + 4..][..2]);
            assert_eq!(code, expect, "{conditions} {outcome:?}");
        };
        check("AL|NE", &Answer::Done, Some("CA"));
        check("AL|NE", &error, Some("CE"));
        check("AL|NE", &reject, Some("CR"));
        check("AL|AL", &Answer::Done, Some("CA"));
        check("AL|AL", &error, Some("CA"));
        check("AL|ER", &error, Some("CA"));
        check("AL|AL", &reject, Some("CR"));
        check("ER|AL", &error, None);
        check("ER|AL", &reject, Some("CR"));
        check("ER|NE", &Answer::Done, None);
        check("ER|NE", &error, Some("CE"));
        check("SU|NE", &Answer::Done, Some("CA"));
        check("SU|NE", &error, None);
        check("NE|NE", &Answer::Done, None);
        check("NE|NE", &error, None);
        check("NE|AL", &Answer::Done, Some("AA"));
        check("|AL", &error, Some("AE"));
        check("|ER", &Answer::Done, None);
        check("ZZ|NE", &Answer::Done, Some("CA"));
    }

    #[test]
    fn the_application_answers_apart_where_both_are_asked_for() {
        let error = parked(ProblemCode::BadValue, "ORC[2]-9");
        let reject = parked(ProblemCode::UnsupportedType, "MSH-9");
        let check = |conditions: &str, outcome: &Answer, expect: Option<&str>| {
            let msh = format!("MSH|^~\\&|A|B|C|D|20260720||ADT^A01|7|P|2.5|||{conditions}\r");
            let understood = read(msh.as_bytes(), &channel());
            let at = "2026-07-20T10:15:00.5Z".parse().unwrap();
            let ack = application(&understood.reply_to, outcome, 1042, at);
            let ack = ack.map(|bytes| String::from_utf8(bytes).unwrap());
            assert!(ack.as_ref().is_none_or(|ack| ack.contains("|rxx.1042.app|")), "{ack:?}");
            let code = ack.as_deref().map(|ack| &ack[ack.find("MSA|").unwrap() + 4..][..4]);
            assert_eq!(code, expect, "{conditions} {outcome:?}");
        };
        check("AL|AL", &Answer::Done, Some("AA|7"));
        check("AL|AL", &error, Some("AE|7"));
        check("AL|AL", &reject, None);
        check("AL|ER", &Answer::Done, None);
        check("AL|ER", &error, Some("AE|7"));
        check("ER|SU", &Answer::Done, Some("AA|7"));
        check("AL|NE", &error, None);
        check("NE|AL", &Answer::Done, None);
        check("|", &Answer::Done, None);
    }

    #[test]
    fn what_has_no_header_is_answered_and_an_acknowledgement_is_not() {
        let outcome = parked(ProblemCode::Malformed, "");
        let ack = answered("no message at all", &outcome).unwrap();
        let expect = "MSH|^~\\&|||||20260720111500+0100||ACK^^ACK|rxx.1042.ack\rMSA|AE||what";
        assert!(ack.starts_with(expect), "{ack}");
        assert_eq!(answered(r"MSH|^~\&|A|B|C|D|2026||ACK^A01|7|P|2.5", &outcome), None);
    }

    #[test]
    fn locations_are_read() {
        let check = |text: &str, expect: Option<&str>| {
            let found = location(text).map(|location| location.to_string());
            assert_eq!(found.as_deref(), expect, "{text}");
        };
        check("PID", Some("PID"));
        check("PID-3", Some("PID-3"));
        check("ORC[2]-9", Some("ORC[2]-9"));
        check("PID-3[2].4", Some("PID-3[2].4"));
        check("NTE[3]", Some("NTE[3]"));
        check("", None);
        check("nowhere", None);
        check("PID-x", None);
    }
}
