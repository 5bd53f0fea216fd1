//! From what the record tells of messages to the values of their pages.

use medicines::Answer;
use medicines::cases::CaseKind;
use record::{Again, Life, Sent, fact_text, message_text};

use crate::view::{AgainView, BytesView, CaseView, LifeView, PartView, SegmentView, SentView};

/// The most segments of a message that a page shows.
const MAX_SEGMENTS: usize = 300;
/// The most characters of a segment that a page shows.
const MAX_SEGMENT_CHARS: usize = 4_000;

/// The life of a message as its page shows it.
pub(crate) fn life(life: &Life) -> LifeView {
    let head = &life.head;
    let (answer, why) = answer(&head.answer);
    LifeView {
        seq: life.seq,
        at: life.at,
        received: head.received,
        hash: life.hash.clone(),
        channel: head.channel.to_string(),
        by: head.by.to_string(),
        message_type: head.message_type.to_string(),
        control_id: head.control_id.as_deref().unwrap_or_default().to_owned(),
        again: head.again,
        bytes: bytes(&life.raw),
        text: message_text(&life.raw).replace("\r\n", "\n").replace('\r', "\n"),
        answer,
        why,
        facts: head.facts.iter().map(fact_text).collect(),
        answers: life.answers.as_ref().map(sent),
        sent: life.sent.iter().map(sent).collect(),
        sent_more: life.sent_more,
        cases: life.cases.iter().map(case).collect(),
        replays: life.again.iter().map(again).collect(),
    }
}

fn answer(answer: &Answer) -> (String, Option<String>) {
    let why = match answer {
        Answer::Parked(problem) => {
            let place = problem.location.as_ref().map(|at| format!(" at {at}")).unwrap_or_default();
            Some(format!("{}{place}. {}", problem.code.as_str(), problem.text))
        }
        Answer::Refused(refusal) => Some(format!("{}. {}", refusal.code.as_str(), refusal.text)),
        Answer::Unwritten(fault) => Some(format!("{}. {}", fault.code.as_str(), fault.text)),
        Answer::Done
        | Answer::Created(_)
        | Answer::Permitted(_)
        | Answer::Checked(_)
        | Answer::Written(_) => None,
    };
    (answer.code().to_owned(), why)
}

fn sent(sent: &Sent) -> SentView {
    let view = &sent.delivery;
    let state = serde_json::to_value(view.state).ok();
    SentView {
        id: view.delivery.id.to_string(),
        seq: view.seq,
        channel: view.delivery.channel.to_string(),
        state: state.and_then(|state| state.as_str().map(str::to_owned)).unwrap_or_default(),
        changed_at: view.changed_at,
        attempts: view.attempts,
        detail: view.detail.clone(),
        bytes: sent.message.as_ref().map(|raw| bytes(raw)).unwrap_or_default(),
        not_written: sent.message.as_ref().err().cloned(),
        outcomes: sent.outcomes.iter().map(again).collect(),
    }
}

fn again(again: &Again) -> AgainView {
    AgainView {
        seq: again.seq,
        at: again.at,
        by: again.by.clone(),
        outcome: again.outcome.clone(),
        mended: again.mended,
        bytes: bytes(&again.raw),
    }
}

fn case(view: &record::CaseView) -> CaseView {
    let case = &view.case;
    CaseView {
        id: case.id.to_string(),
        kind: case.kind.as_str().to_owned(),
        reason: case.reason.clone(),
        text: case.text.clone(),
        opened: case.opened,
        entry: case.entry,
        closed: view
            .closed
            .as_ref()
            .map(|closed| format!("{} by {}", closed.resolution, closed.by)),
        can_be_replayed: view.closed.is_none() && case.kind == CaseKind::ParkedMessage,
    }
}

/// A message as segments, with what divides them apart from what they hold.
fn bytes(raw: &[u8]) -> BytesView {
    let text = message_text(raw);
    let delimiters: Vec<char> = match text.strip_prefix("MSH") {
        Some(rest) => {
            rest.chars().take_while(|c| !c.is_alphanumeric() && !c.is_control()).collect()
        }
        None => Vec::new(),
    };
    // The field's delimiter stands again behind those of MSH-2.
    let delimiters = delimiters.get(..delimiters.len().min(5)).unwrap_or_default();
    let mut lines = text.split(['\r', '\n']).filter(|line| !line.is_empty());
    let segments =
        lines.by_ref().take(MAX_SEGMENTS).map(|line| segment(line, delimiters)).collect();
    BytesView { length: raw.len() as u64, segments, more: lines.count() }
}

fn segment(line: &str, delimiters: &[char]) -> SegmentView {
    let shown: String = line.chars().take(MAX_SEGMENT_CHARS).map(visible).collect();
    let cut = line.chars().count() > MAX_SEGMENT_CHARS;
    let mut parts: Vec<PartView> = Vec::new();
    for character in shown.chars() {
        let divides = delimiters.contains(&character);
        match parts.last_mut() {
            Some(part) if part.divides == divides => part.text.push(character),
            _ => parts.push(PartView { text: character.to_string(), divides }),
        }
    }
    SegmentView { parts, cut }
}

/// A control character as the picture of it, so that it is seen.
fn visible(character: char) -> char {
    match u32::from(character) {
        code @ 0..=0x1f => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'),
        0x7f => '\u{2421}',
        0x80..=0x9f => '\u{fffd}',
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &[u8], expected: &[&[&str]]) {
        let view = bytes(raw);
        let found: Vec<Vec<String>> = view
            .segments
            .iter()
            .map(|s| {
                s.parts
                    .iter()
                    .map(|p| if p.divides { format!("<{}>", p.text) } else { p.text.clone() })
                    .collect()
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn delimiters_are_told_from_what_they_divide() {
        check(
            b"MSH|^~\\&|A|B\rPID|1||9^^^N",
            &[
                &["MSH", "<|^~\\&|>", "A", "<|>", "B"],
                &["PID", "<|>", "1", "<||>", "9", "<^^^>", "N"],
            ],
        );
        check(b"{\"a\":1}", &[&["{\"a\":1}"]]);
        check(b"", &[]);
        check(b"MSH|^~\\&|\x0bM\xdc\r\n", &[&["MSH", "<|^~\\&|>", "\u{240b}M\u{dc}"]]);
    }

    #[test]
    fn very_long_messages_are_cut_and_say_so() {
        let view = bytes("x\r".repeat(MAX_SEGMENTS + 7).as_bytes());
        assert_eq!((view.segments.len(), view.more), (MAX_SEGMENTS, 7));
        assert!(bytes("x".repeat(MAX_SEGMENT_CHARS + 1).as_bytes()).segments[0].cut);
    }
}
