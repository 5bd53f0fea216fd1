//! The acknowledgement of a batch: a batch of acknowledgements (HL7 2.5.1 §2.10.3.3).

use jiff::Zoned;

use super::Batch;
use crate::time::{self, Precision};

/// What a batch of acknowledgements says about itself.
#[derive(Debug, Clone, Copy)]
pub struct ReplySpec<'r> {
    /// BHS-11 and FHS-11 of the answer.
    pub control_id: &'r str,
    /// BHS-7 and FHS-7, written to the second with its offset.
    pub time: &'r Zoned,
}

/// Puts acknowledgements into a batch that answers `to`: one inner list for each of its batches.
/// Sender and receiver come back exchanged, and the sender's control id (field 11) as the
/// reference (field 12), all as the bytes they were. FHS and FTS are there where the sender had
/// them.
pub fn reply(to: &Batch<'_>, acks: &[Vec<Vec<u8>>], spec: &ReplySpec<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let separator = separator(to.file.or_else(|| to.parts.iter().find_map(|part| part.header)));
    if let Some(file) = to.file {
        header(*b"FHS", Some(file), spec, &mut out);
    }
    for (at, acks) in acks.iter().enumerate() {
        let header_of = to.parts.get(at).and_then(|part| part.header);
        header(*b"BHS", header_of, spec, &mut out);
        for ack in acks {
            out.extend_from_slice(ack);
            if !ack.ends_with(b"\r") {
                out.push(b'\r');
            }
        }
        trailer(*b"BTS", separator, acks.len(), &mut out);
    }
    if to.file.is_some() {
        trailer(*b"FTS", separator, acks.len(), &mut out);
    }
    out
}

/// Puts one message into a file of one batch; see [`enclose_all`].
pub fn enclose(message: &[u8]) -> Vec<u8> {
    enclose_all(&[message])
}

/// Puts messages into a file of one batch, with sender, receiver, time and control id as the MSH
/// of the first has them, and with their count. Where that is no message they are given back as
/// they are.
pub fn enclose_all<M: AsRef<[u8]>>(messages: &[M]) -> Vec<u8> {
    let message = messages.first().map(AsRef::as_ref).unwrap_or_default();
    let end = message.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    let msh = &message[..end.unwrap_or(message.len())];
    let Some(separator) = msh.strip_prefix(b"MSH").and_then(|rest| rest.first()).copied() else {
        return messages.iter().flat_map(AsRef::as_ref).copied().collect();
    };
    let fields: Vec<&[u8]> = msh.split(|&byte| byte == separator).collect();
    let field = |number: usize| fields.get(number - 1).copied().unwrap_or_default();
    let bytes: usize = messages.iter().map(|message| message.as_ref().len() + 1).sum();
    let mut out = Vec::with_capacity(bytes + 2 * msh.len() + 24);
    for name in [b"FHS", b"BHS"] {
        out.extend_from_slice(name);
        for number in 2..=11 {
            out.push(separator);
            // The control id of a batch is its field 11, that of a message its field 10.
            match number {
                2..=7 => out.extend_from_slice(field(number)),
                11 => out.extend_from_slice(field(10)),
                _ => {}
            }
        }
        out.push(b'\r');
    }
    for message in messages.iter().map(AsRef::as_ref) {
        out.extend_from_slice(message);
        if !message.ends_with(b"\r") {
            out.push(b'\r');
        }
    }
    trailer(*b"BTS", separator, messages.len(), &mut out);
    trailer(*b"FTS", separator, 1, &mut out);
    out
}

fn separator(header: Option<&[u8]>) -> u8 {
    header.and_then(|header| header.get(3)).copied().unwrap_or(b'|')
}

fn header(name: [u8; 3], to: Option<&[u8]>, spec: &ReplySpec<'_>, out: &mut Vec<u8>) {
    let separator = separator(to);
    let fields: Vec<&[u8]> = to.unwrap_or_default().split(|&byte| byte == separator).collect();
    // FHS-1 and BHS-1 are the separator itself, so that field 2 is what follows the name.
    let field = |number: usize| fields.get(number - 1).copied().unwrap_or_default();
    let encoding = if field(2).is_empty() { b"^~\\&".as_slice() } else { field(2) };
    let time = time::format(spec.time, Precision::Second);
    // A separator in our own id would tear the segment; ids are made of letters, digits and dots.
    let own: Vec<u8> = spec.control_id.bytes().filter(|&byte| byte != separator).collect();
    let written: [&[u8]; 11] = [
        encoding,
        field(5),
        field(6),
        field(3),
        field(4),
        time.as_bytes(),
        b"",
        b"",
        b"",
        &own,
        field(11),
    ];
    out.extend_from_slice(&name);
    for field in written {
        out.push(separator);
        out.extend_from_slice(field);
    }
    out.push(b'\r');
}

fn trailer(name: [u8; 3], separator: u8, count: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&name);
    out.push(separator);
    out.extend_from_slice(count.to_string().as_bytes());
    out.push(b'\r');
}

#[cfg(test)]
mod tests {
    use super::super::split;
    use super::*;

    fn check(batch: &str, acks: &[&[&str]], expect: &str) {
        let text = batch.replace('\n', "\r");
        let batch = split(text.as_bytes()).unwrap();
        let time = "2026-11-20T10:15:00+00:00[Europe/London]".parse().unwrap();
        let bytes = |acks: &&[&str]| acks.iter().map(|ack| ack.as_bytes().to_vec()).collect();
        let acks: Vec<Vec<Vec<u8>>> = acks.iter().map(bytes).collect();
        let made = reply(&batch, &acks, &ReplySpec { control_id: "rxx.7.batch", time: &time });
        let made = String::from_utf8(made).unwrap().replace('\r', "\n");
        assert_eq!(made, expect);
        let counted = split(made.as_bytes()).map(|batch| batch.parts.len());
        assert_eq!(counted, Ok(acks.len()), "the answer is a whole batch itself");
    }

    #[test]
    fn acknowledgements_go_back_as_a_batch() {
        check(
            "FHS|^~\\&|LAB|H|EMR|C|2026||f|n|F1\nBHS|^~\\&|LAB|H|EMR|C|2026||b|n|B1\n\
             MSH|1\nMSH|2\nBTS|2\nFTS|1\n",
            &[&["MSH|a\rMSA|AA|1\r", "MSH|b\rMSA|AE|2"]],
            "FHS|^~\\&|EMR|C|LAB|H|20261120101500+0000||||rxx.7.batch|F1\n\
             BHS|^~\\&|EMR|C|LAB|H|20261120101500+0000||||rxx.7.batch|B1\n\
             MSH|a\nMSA|AA|1\nMSH|b\nMSA|AE|2\nBTS|2\nFTS|1\n",
        );
    }

    #[test]
    fn a_batch_without_segments_of_its_own_is_answered_as_one() {
        let head = "BHS|^~\\&|||||20261120101500+0000||||rxx.7.batch|\n";
        check("MSH|1\nMSH|2\n", &[&["MSH|a\r"]], &format!("{head}MSH|a\nBTS|1\n"));
        check("MSH|1\nMSH|2\n", &[&[]], &format!("{head}BTS|0\n"));
    }

    #[test]
    fn a_message_is_enclosed_in_a_batch_of_one() {
        let message = b"MSH|^~\\&|HUB|RXX|LAB|H|2026||ADT^A01|7|P|2.5.1\rPID|1";
        let made = enclose(message);
        let text = String::from_utf8(made.clone()).unwrap().replace('\r', "\n");
        let head = "|^~\\&|HUB|RXX|LAB|H|2026||||7\n";
        assert!(text.starts_with(&format!("FHS{head}BHS{head}MSH|")), "{text}");
        assert!(text.ends_with("PID|1\nBTS|1\nFTS|1\n"), "{text}");
        let batch = split(&made).unwrap();
        assert_eq!(batch.parts[0].messages, [[message.as_slice(), b"\r"].concat()]);
        assert_eq!(enclose(b"no message"), b"no message");
    }

    #[test]
    fn several_messages_are_counted() {
        let message =
            |id: u32| format!("MSH|^~\\&|HUB|RXX|LAB|H|2026||ADT^A01|{id}|P|2.5.1\rPID|1\r");
        let made = enclose_all(&[message(7), message(8), message(9)]);
        let text = String::from_utf8(made.clone()).unwrap().replace('\r', "\n");
        assert!(text.starts_with("FHS|^~\\&|HUB|RXX|LAB|H|2026||||7\nBHS|"), "{text}");
        assert!(text.ends_with("BTS|3\nFTS|1\n"), "{text}");
        let batch = split(&made).unwrap();
        assert_eq!(batch.parts[0].messages, [7, 8, 9].map(|id| message(id).into_bytes()));
        assert_eq!(enclose_all::<&[u8]>(&[]), b"");
    }

    #[test]
    fn the_senders_separator_is_used() {
        check(
            "BHS#*~!@#LAB\nMSH#1\nBTS#1\n",
            &[&["MSH#a\r"]],
            "BHS#*~!@###LAB##20261120101500+0000####rxx.7.batch#\nMSH#a\nBTS#1\n",
        );
    }
}
