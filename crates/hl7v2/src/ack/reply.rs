//! Making an acknowledgement.

use jiff::Zoned;

use super::{AckCode, ErrorDetail, Location};
use crate::time::{self, Precision};
use crate::{Header, MessageBuilder, SegmentBuilder, Unencodable};

/// The first version whose ERR has a segment per error, with the location in ERR-2.
const ERR_BY_FIELDS: (u8, u8) = (2, 5);

/// An acknowledgement to be made.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'r> {
    /// MSA-1.
    pub code: AckCode,
    /// MSH-10 of the acknowledgement itself.
    pub control_id: &'r str,
    /// MSH-7, written to the second with its offset.
    pub time: &'r Zoned,
    /// MSA-3, a short text; many senders show nothing else.
    pub text: &'r str,
    /// One ERR each.
    pub errors: &'r [ErrorDetail],
}

/// The general acknowledgement of a message (HL7 2.5.1 §2.9.2, §2.9.3). It needs nothing of the
/// message but its MSH, and always succeeds: it is written with the sender's separators and
/// character set, and a character of the error texts that is not in that set becomes `?`.
///
/// The sender's MSH-3 to 6 come back with sender and receiver exchanged, and MSH-10 to 12 and 18
/// as the bytes they were. Senders before 2.5 get the ERR of their version: one segment whose
/// ERR-1 repeats location and code.
pub fn reply(header: &Header<'_>, reply: &Reply<'_>) -> Vec<u8> {
    let source = header.segment();
    let mut message = MessageBuilder::with(source.delimiters(), source.charset());
    message.unencodable(Unencodable::QuestionMark);
    let trigger = header.trigger();
    let message_type = match header.version_numbers() {
        Some((2, 0..=2)) => ["ACK", "", ""],
        Some((2, 3)) if header.version().trim() == "2.3" => ["ACK", &trigger, ""],
        _ => ["ACK", &trigger, "ACK"],
    };
    message
        .header()
        .copy(3, &source.field(5))
        .copy(4, &source.field(6))
        .copy(5, &source.field(3))
        .copy(6, &source.field(4))
        .set(7, &time::format(reply.time, Precision::Second))
        .field(9, &message_type)
        .set(10, reply.control_id)
        .copy(11, &source.field(11))
        .copy(12, &source.field(12))
        .copy(18, &source.field(18));
    message.segment("MSA").set(1, reply.code.code()).copy(2, &source.field(10)).set(3, reply.text);
    if header.version_numbers().is_some_and(|version| version < ERR_BY_FIELDS) {
        if !reply.errors.is_empty() {
            old_err(message.segment("ERR"), reply.errors);
        }
    } else {
        for error in reply.errors {
            err(message.segment("ERR"), error);
        }
    }
    message.encode().expect("every name and place is valid and no character is refused")
}

fn err(segment: &mut SegmentBuilder, error: &ErrorDetail) {
    if let Some(location) = &error.location {
        segment.field(2, &location_parts(location).each_ref().map(String::as_str));
    }
    let condition = &error.condition;
    segment
        .field(3, &[condition.code(), condition.meaning(), "HL70357"])
        .set(4, error.severity.map(super::ErrorSeverity::code));
    if let Some(own) = &error.application {
        segment.field(5, &[&own.code, &own.text, &own.system]);
    }
    segment.set(7, &error.diagnostic).set(8, &error.user_message);
}

/// ERR-1 (data type ELD): segment, its sequence, field, and the condition as a coded element.
/// The user's message takes the place of the condition's meaning where there is one.
fn old_err(segment: &mut SegmentBuilder, errors: &[ErrorDetail]) {
    for (error, repetition) in errors.iter().zip(1..) {
        if let Some(location) = &error.location {
            let parts = location_parts(location);
            segment.components(1, repetition, &parts[..3].iter().collect::<Vec<_>>());
        }
        let said = error.user_message.as_str();
        let text = if said.is_empty() { error.condition.meaning() } else { said };
        segment
            .put(1, repetition, 4, 1, error.condition.code())
            .put(1, repetition, 4, 2, text)
            .put(1, repetition, 4, 3, "HL70357");
    }
}

fn location_parts(location: &Location) -> [String; 6] {
    let number = |number: Option<usize>| number.map_or_else(String::new, |n| n.to_string());
    [
        location.segment.clone(),
        number(location.sequence),
        number(location.field),
        number(location.repetition),
        number(location.component),
        number(location.subcomponent),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::{ApplicationCode, Condition, ErrorSeverity};
    use super::*;
    use crate::{CharsetChoice, parse, parse_header};

    fn check(input: &[u8], code: AckCode, errors: &[ErrorDetail], expect: &[&[u8]]) {
        let header = parse_header(input, CharsetChoice::default()).unwrap().header();
        let time = "2026-11-20T10:15:00+00:00[Europe/London]".parse().unwrap();
        let text = if errors.is_empty() { "" } else { "see ERR" };
        let made = reply(&header, &Reply { code, control_id: "R1", time: &time, text, errors });
        let expect = expect.join(&b'\r');
        let show = String::from_utf8_lossy;
        assert_eq!(show(&made), show(&expect));
        assert_eq!(made, expect);
    }

    fn missing() -> ErrorDetail {
        ErrorDetail {
            application: Some(ApplicationCode {
                code: "RX7".into(),
                text: "no route".into(),
                system: "INTERLOCK".into(),
            }),
            diagnostic: "RXR-1 empty".into(),
            ..ErrorDetail::new(Condition::RequiredFieldMissing)
        }
        .at(Location { sequence: Some(2), ..Location::field("RXR", 1) })
        .saying("No route & no site")
    }

    const ORDER: &[u8] = b"MSH|^~\\&|EPMA^1.2^ISO|RXX|HUB|TRUST|20261120101400||RDE^O11^RDE_O11|\
        A^1\\T\\2|P|2.5.1||||||8859/1\rPID|1\r";

    #[test]
    fn a_positive_reply_echoes_the_header() {
        check(
            ORDER,
            AckCode::Accept,
            &[],
            &[
                b"MSH|^~\\&|HUB|TRUST|EPMA^1.2^ISO|RXX|20261120101500+0000||ACK^O11^ACK|R1|P|2.5.1\
                ||||||8859/1",
                b"MSA|AA|A^1\\T\\2",
                b"",
            ],
        );
    }

    #[test]
    fn errors_are_written_by_version() {
        let warning = ErrorDetail {
            severity: Some(ErrorSeverity::Warning),
            ..ErrorDetail::new(Condition::UnknownKey)
        };
        let errors = [missing(), warning];
        check(
            ORDER,
            AckCode::Error,
            &errors,
            &[
                b"MSH|^~\\&|HUB|TRUST|EPMA^1.2^ISO|RXX|20261120101500+0000||ACK^O11^ACK|R1|P|2.5.1\
                ||||||8859/1",
                b"MSA|AE|A^1\\T\\2|see ERR",
                b"ERR||RXR^2^1|101^Required field missing^HL70357|E|RX7^no route^INTERLOCK||\
                RXR-1 empty|No route \\T\\ no site",
                b"ERR|||204^Unknown key identifier^HL70357|W",
                b"",
            ],
        );
        check(b"MSH|^~\\&|A|B|C|D|||ORM^O01|7|P|2.3\r", AckCode::Reject, &errors, &[
            b"MSH|^~\\&|C|D|A|B|20261120101500+0000||ACK^O01|R1|P|2.3",
            b"MSA|AR|7|see ERR",
            b"ERR|RXR^2^1^101&No route \\T\\ no site&HL70357~^^^204&Unknown key identifier&HL70357",
            b"",
        ]);
        check(
            b"MSH|^~\\&|A|B|C|D|||ORM|7|P|2.2\r",
            AckCode::CommitReject,
            &[],
            &[b"MSH|^~\\&|C|D|A|B|20261120101500+0000||ACK|R1|P|2.2", b"MSA|CR|7", b""],
        );
    }

    #[test]
    fn a_bare_header_can_be_answered() {
        check(
            b"MSH|",
            AckCode::Reject,
            &[],
            &[b"MSH|^~\\&|||||20261120101500+0000||ACK^^ACK|R1", b"MSA|AR", b""],
        );
        check(
            b"MSH#*~!@#A#B#C#D###ADT*A01#1#P#2.4\rgarbage",
            AckCode::Accept,
            &[],
            &[b"MSH#*~!@#C#D#A#B#20261120101500+0000##ACK*A01*ACK#R1#P#2.4", b"MSA#AA#1", b""],
        );
    }

    #[test]
    fn texts_beyond_the_peers_means_become_question_marks() {
        let error = ErrorDetail::new(Condition::DataType).saying("5 € ^ 3\u{2003}x");
        let input = b"MSH|^~|A|B|C|D|||ORM^O01^ORM_O01|7|P|2.5||||||8859/1\r";
        check(
            input,
            AckCode::Error,
            &[error],
            &[
                b"MSH|^~|C|D|A|B|20261120101500+0000||ACK^O01^ACK|R1|P|2.5||||||8859/1",
                b"MSA|AE|7|see ERR",
                b"ERR|||102^Data type error^HL70357|E||||5 ? ? 3?x",
                b"",
            ],
        );
    }

    #[test]
    fn a_reply_reads_back() {
        let header = parse(ORDER).unwrap().0.header();
        let time = "2026-11-20T10:15:00+00:00[Europe/London]".parse().unwrap();
        let errors = [missing()];
        let code = AckCode::Error;
        let made = reply(
            &header,
            &Reply { code, control_id: "R1", time: &time, text: "t", errors: &errors },
        );
        let (message, issues) = parse(&made).unwrap();
        assert!(issues.is_empty(), "{issues:?}");
        let ack = super::super::parse_ack(&message).unwrap();
        assert_eq!(ack.code, code);
        assert_eq!(ack.control_id, header.control_id());
        assert_eq!(ack.text, "t");
        assert_eq!(ack.errors, errors);
    }
}
