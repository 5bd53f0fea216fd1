//! Reading an acknowledgement.

use super::{AckCode, ApplicationCode, Condition, ErrorDetail, ErrorSeverity, Location};
use crate::{Component, Message, Repetition, Segment};

/// The most errors taken from one acknowledgement.
const MOST_ERRORS: usize = 100;

/// What a receiver answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// MSA-1.
    pub code: AckCode,
    /// MSA-2: MSH-10 of the message that is answered.
    pub control_id: String,
    /// MSA-3.
    pub text: String,
    /// The ERR segments, and MSA-6 of receivers that use it; the first 100.
    pub errors: Vec<ErrorDetail>,
}

/// Why a message is not an acknowledgement that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAck {
    /// It has no MSA.
    #[error("the answer has no MSA segment")]
    NoMsa,
    /// MSA-1 is not a code of table 0008.
    #[error("MSA-1 is not an acknowledgement code")]
    UnknownCode,
}

/// Reads the acknowledgement in a general `ACK` or in an application's response.
pub fn parse_ack(message: &Message<'_>) -> Result<Ack, NotAnAck> {
    let msa = message.segment("MSA").ok_or(NotAnAck::NoMsa)?;
    let code = AckCode::from_code(msa.text(1, 1).trim()).ok_or(NotAnAck::UnknownCode)?;
    let condition = msa.field(6).component(1).text();
    let of_msa = (!condition.is_empty()).then(|| ErrorDetail {
        severity: None,
        user_message: msa.text(6, 2).into_owned(),
        ..ErrorDetail::new(Condition::from_code(&condition))
    });
    let errs = message.segments("ERR").flat_map(|segment| read_err(&segment));
    Ok(Ack {
        code,
        control_id: msa.field(2).free_text().into_owned(),
        text: msa.field(3).free_text().into_owned(),
        errors: errs.chain(of_msa).take(MOST_ERRORS).collect(),
    })
}

/// One ERR of 2.5 and later is one error; an earlier one repeats ERR-1.
fn read_err(segment: &Segment<'_>) -> Vec<ErrorDetail> {
    if segment.field(3).is_absent() && !segment.field(1).is_absent() {
        return segment
            .field(1)
            .repetitions()
            .take(MOST_ERRORS)
            .map(|eld| read_eld(&eld))
            .collect();
    }
    let location = segment.field(2).repetition(1);
    let own = segment.field(5).repetition(1);
    let application = (!own.is_absent()).then(|| ApplicationCode {
        code: own.component(1).text().into_owned(),
        text: own.component(2).text().into_owned(),
        system: own.component(3).text().into_owned(),
    });
    vec![ErrorDetail {
        location: (!location.is_absent()).then(|| read_location(&location, 6)),
        condition: Condition::from_code(&segment.text(3, 1)),
        severity: ErrorSeverity::from_code(&segment.text(4, 1)),
        application,
        diagnostic: segment.field(7).free_text().into_owned(),
        user_message: segment.field(8).free_text().into_owned(),
    }]
}

fn read_eld(eld: &Repetition<'_>) -> ErrorDetail {
    let coded = eld.component(4);
    let location = read_location(eld, 3);
    ErrorDetail {
        location: (!location.segment.is_empty()).then_some(location),
        severity: None,
        user_message: coded.subcomponent(2).text().into_owned(),
        ..ErrorDetail::new(Condition::from_code(&coded.text()))
    }
}

fn read_location(parts: &Repetition<'_>, count: usize) -> Location {
    let read = |component: Component<'_>| component.text().trim().parse().ok();
    let number = |place: usize| (place <= count).then(|| read(parts.component(place))).flatten();
    Location {
        segment: parts.component(1).text().into_owned(),
        sequence: number(2),
        field: number(3),
        repetition: number(4),
        component: number(5),
        subcomponent: number(6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    const HEADER: &str = "MSH|^~\\&|A|B|C|D|||ACK|1|P|2.3\r";

    fn read(rest: &str) -> Result<Ack, NotAnAck> {
        parse_ack(&parse(format!("{HEADER}{rest}").as_bytes()).unwrap().0)
    }

    #[test]
    fn answers_of_every_age_are_read() {
        let ack = read("MSA|CA|42\r").unwrap();
        assert_eq!((ack.code, ack.control_id.as_str()), (AckCode::CommitAccept, "42"));
        assert!(ack.code.is_positive() && ack.code.is_commit() && ack.errors.is_empty());

        let ack = read("MSA|AE|42^x|a \\T\\ b & c\rERR|PID^1^3^101&missing~^^^207\r").unwrap();
        assert_eq!((ack.control_id.as_str(), ack.text.as_str()), ("42^x", "a & b & c"));
        let locations: Vec<_> = ack.errors.iter().map(|error| error.location.clone()).collect();
        assert_eq!(locations, [Some(Location::field("PID", 3)), None]);
        assert_eq!(ack.errors[0].condition, Condition::RequiredFieldMissing);
        assert_eq!(ack.errors[0].user_message, "missing");
        assert_eq!(ack.errors[1].condition, Condition::Internal);

        let ack = read("MSA|AR|42|no|||Z9^odd\rERR||PID^1^3^2^1^4|103|F|||d|u\r").unwrap();
        assert_eq!(ack.errors[0].location.as_ref().unwrap().to_string(), "PID-3[2].1.4");
        assert_eq!(ack.errors[0].severity, Some(ErrorSeverity::Fatal));
        assert_eq!(ack.errors[1].condition, Condition::Other("Z9".into()));
        assert_eq!(ack.errors[1].user_message, "odd");
    }

    #[test]
    fn other_messages_are_not_acknowledgements() {
        assert_eq!(read("PID|1\r"), Err(NotAnAck::NoMsa));
        assert_eq!(read("MSA|OK|42\r"), Err(NotAnAck::UnknownCode));
    }
}
