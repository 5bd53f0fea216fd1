//! A batch that came in: each message is decided on its own, or none of them.

use hl7v2::batch::{self, Batch, BatchError, ReplySpec};
use jiff::Timestamp;
use medicines::{Problem, ProblemCode, Request};

use super::receive::{Decided, Receiver, key_of};
use super::{Reply, Unserved};
use crate::inbound;

/// Where BHS and FHS carry the sender's control id.
const CONTROL_ID: usize = 11;

impl Receiver {
    /// Takes in a batch: message by message in its order, where it is whole. Where it is not,
    /// nothing of it is acted on, all of it is kept, and one case asks a person. The answer is a
    /// batch as well.
    pub(super) async fn batch(&self, raw: Vec<u8>, received: Timestamp) -> Result<Reply, Unserved> {
        let batch = match batch::split(&raw) {
            Ok(batch) => batch,
            Err(error) => return self.held(&raw, error, received).await,
        };
        let (mut refused, mut last, mut silent) = (false, (0, received), 0);
        let mut acks = Vec::with_capacity(batch.parts.len());
        for part in &batch.parts {
            let mut answers = Vec::with_capacity(part.messages.len());
            for message in &part.messages {
                let Decided { reply, seq, at } = self.single(message.to_vec(), received).await?;
                refused |= reply.refused;
                last = last.max((seq, at));
                silent += usize::from(reply.answers.is_empty());
                answers.extend(reply.answers);
            }
            acks.push(answers);
        }
        let wanted = silent == 0 || acks.iter().any(|acks| !acks.is_empty());
        let answer = wanted.then(|| self.write(&batch, &acks, last));
        Ok(Reply { answers: answer.into_iter().collect(), refused })
    }

    /// Keeps a batch that is not whole.
    async fn held(
        &self,
        raw: &[u8],
        error: BatchError,
        received: Timestamp,
    ) -> Result<Reply, Unserved> {
        let header = header_of(raw);
        let mut understood = inbound::read(&as_message(header), self.channel());
        understood.key = Some(key_of(raw));
        understood.message_type = None;
        let text = format!("{error}; nothing of it was acted on, have it sent again whole");
        understood.request = Request::Park(Problem::new(ProblemCode::Malformed, text));
        let Decided { reply, seq, at } = self.submit(understood, received, raw.to_vec()).await?;
        let envelope = match header.first() {
            Some(b'F') => Batch { file: Some(header), parts: Vec::new() },
            _ => Batch {
                file: None,
                parts: vec![batch::Part { header: Some(header), messages: Vec::new() }],
            },
        };
        let wanted = !reply.answers.is_empty();
        let answer = wanted.then(|| self.write(&envelope, &[reply.answers], (seq, at)));
        Ok(Reply { answers: answer.into_iter().collect(), refused: true })
    }

    fn write(&self, to: &Batch<'_>, acks: &[Vec<Vec<u8>>], (seq, at): (u64, Timestamp)) -> Vec<u8> {
        let site = self.channel().site().to_ascii_lowercase();
        let zone = self.channel().dialect().time_zone.rules().clone();
        let control_id = format!("{site}.{seq}.batch");
        batch::reply(to, acks, &ReplySpec { control_id: &control_id, time: &at.to_zoned(zone) })
    }
}

/// The first line of the batch.
fn header_of(raw: &[u8]) -> &[u8] {
    let raw = raw.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(raw).trim_ascii_start();
    let end = raw.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(raw.len());
    &raw[..end]
}

/// The header of a batch as the MSH of a message, so that it is answered by the same rules:
/// separators, sender, receiver, and the batch's control id as MSH-10.
fn as_message(header: &[u8]) -> Vec<u8> {
    if header.starts_with(b"MSH") {
        return header.to_vec();
    }
    let separator = header.get(3).copied().unwrap_or(b'|');
    let fields: Vec<&[u8]> = header.split(|&byte| byte == separator).collect();
    let field = |number: usize| fields.get(number - 1).copied().unwrap_or_default();
    let none = b"".as_slice();
    let encoding = if field(2).is_empty() { b"^~\\&".as_slice() } else { field(2) };
    let written =
        [b"MSH".as_slice(), encoding, field(3), field(4), field(5), field(6), field(7), none, none];
    let mut message = written.join(&separator);
    message.push(separator);
    message.extend_from_slice(field(CONTROL_ID));
    message.push(b'\r');
    message
}
