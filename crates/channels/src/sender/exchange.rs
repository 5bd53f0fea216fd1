//! One message out, its acknowledgement in.

use hl7v2::CharsetChoice;
use hl7v2::ack::{Ack, parse_ack};
use tokio::time::{Duration, Instant, timeout_at};

use crate::health::Meter;
use crate::transport::{Client, LinkError, Outgoing, Stop};

/// How long an acknowledgement is still waited for when the node stops.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

/// The most error codes of one acknowledgement that are kept.
const MAX_CODES: usize = 8;

/// The longest error code that is taken for a code and not for words, in bytes.
const MAX_CODE_BYTES: usize = 20;

/// The most acknowledgements of other messages that are kept while one is waited for.
const MAX_HEARD: usize = 64;

/// Something that the peer sent and that is no answer to the message in flight.
#[derive(Debug)]
pub(crate) struct Heard {
    /// The acknowledgement, where it is one.
    pub(crate) ack: Option<Ack>,
    /// What came.
    pub(crate) raw: Vec<u8>,
}

impl Heard {
    pub(crate) fn read(raw: Vec<u8>) -> Self {
        Heard { ack: read(&raw), raw }
    }
}

/// What came of a message.
#[derive(Debug)]
pub(super) enum Exchange {
    /// The peer answered this very message.
    Answered {
        /// What it answered.
        ack: Ack,
        /// The answer as it came.
        raw: Vec<u8>,
    },
    /// Nothing whole left here, or the peer has not looked at it; the code says why.
    NotSent(&'static str),
    /// The peer does not take it, and said so without an acknowledgement; the code says how.
    Rejected(&'static str),
    /// The peer has taken it, and said so without an acknowledgement; the code says how.
    Taken(&'static str),
    /// The peer answered something from which nothing can be told.
    Unclear(&'static str),
    /// It was sent and the peer was gone before it answered.
    Lost,
    /// It was sent and no answer came in time.
    Silent,
}

impl Exchange {
    /// The code under which people see that it was not sent or not answered.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Exchange::NotSent(code)
            | Exchange::Rejected(code)
            | Exchange::Taken(code)
            | Exchange::Unclear(code) => code,
            Exchange::Answered { .. } => "answered",
            Exchange::Lost => LinkError::Closed.code(),
            Exchange::Silent => "ack-timeout",
        }
    }
}

/// Sends `message` and waits for the acknowledgement whose MSA-2 is `control_id`.
///
/// Any other acknowledgement goes to `heard`: taking it for the message in flight could call a
/// message delivered that the peer never saw.
pub(super) async fn exchange(
    client: &mut Client,
    message: Outgoing<'_>,
    control_id: &str,
    patience: Duration,
    heard: &mut Vec<Heard>,
    meter: &Meter,
    stop: &mut Stop,
) -> Exchange {
    if let Err(error) = client.send(message).await {
        return failed(error, meter);
    }
    let mut deadline = Instant::now() + patience;
    loop {
        let stopping = stop.is_set();
        let received = tokio::select! {
            biased;
            received = timeout_at(deadline, client.receive()) => received,
            () = stop.wait(), if !stopping => {
                deadline = deadline.min(Instant::now() + STOP_PATIENCE);
                continue;
            }
        };
        match received {
            Err(_) => return Exchange::Silent,
            Ok(Err(error)) => return failed(error, meter),
            Ok(Ok(raw)) => match Heard::read(raw) {
                Heard { ack: Some(ack), raw } if ack.control_id == control_id => {
                    return Exchange::Answered { ack, raw };
                }
                other if heard.len() < MAX_HEARD => heard.push(other),
                _ => meter.error("ack-flood"),
            },
        }
        if stopping {
            deadline = deadline.min(Instant::now() + STOP_PATIENCE);
        }
    }
}

/// What came of a message whose way failed.
pub(super) fn failed(error: LinkError, meter: &Meter) -> Exchange {
    match error {
        // The peer refused the line itself, so it has looked at nothing that came on it.
        LinkError::Refused(code) => {
            meter.error(code);
            Exchange::NotSent(code)
        }
        LinkError::NotSent(code) => Exchange::NotSent(code),
        LinkError::Rejected(code) => Exchange::Rejected(code),
        LinkError::Taken(code) => Exchange::Taken(code),
        LinkError::Unclear(code) => Exchange::Unclear(code),
        LinkError::Closed | LinkError::Connect => Exchange::Lost,
    }
}

fn read(raw: &[u8]) -> Option<Ack> {
    let (message, _) = hl7v2::parse_as(raw, CharsetChoice::default()).ok()?;
    parse_ack(&message).ok()
}

/// The acknowledgement code and the error codes, as `AE 204 101`. Texts are left out, because
/// peers repeat patient data in them; so is a code that is not the shape of one.
pub(crate) fn codes(ack: &Ack) -> String {
    let mut text = ack.code.code().to_owned();
    let found = ack.errors.iter().map(|error| error.condition.code());
    for code in found.filter(|code| is_code(code)).take(MAX_CODES) {
        text.push(' ');
        text.push_str(code);
    }
    text
}

fn is_code(code: &str) -> bool {
    (1..=MAX_CODE_BYTES).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ack: &str, expected: Option<(&str, &str)>) {
        let found = read(ack.as_bytes());
        let found = found.as_ref().map(|ack| (ack.control_id.as_str(), codes(ack)));
        assert_eq!(found.as_ref().map(|(id, codes)| (*id, codes.as_str())), expected, "{ack}");
    }

    #[test]
    fn an_acknowledgement_is_kept_as_codes() {
        let msh = "MSH|^~\\&|ADC|W|INTERLOCK|RXX|20261120101500||ACK^O11^ACK|1|P|2.5.1\r";
        check(&format!("{msh}MSA|AA|rxx.7.1\r"), Some(("rxx.7.1", "AA")));
        check(
            &format!("{msh}MSA|AE|rxx.7.1|TEST^PATIENT unknown\rERR||PID^1^3|204^Unknown key|E\r"),
            Some(("rxx.7.1", "AE 204")),
        );
        check(
            &format!("{msh}MSA|AR|rxx.7.1||||207^broken\rERR||PID^1^3|Patient TEST is dead|E\r"),
            Some(("rxx.7.1", "AR 207")),
        );
        check(&format!("{msh}MSA|XX|rxx.7.1\r"), None);
        check(msh, None);
        check("hello", None);
    }
}
