//! The life of a message as text for a terminal.

use std::fmt::Write;

use medicines::Answer;
use record::{Again, Life, Sent, fact_text};

/// The whole life. Names and numbers of patients are in it, as they are in the message.
pub(super) fn text(life: &Life) -> String {
    let mut out = String::new();
    // Writing to a string never fails.
    let _ = write(life, &mut out);
    out
}

fn write(life: &Life, out: &mut String) -> std::fmt::Result {
    let head = &life.head;
    writeln!(out, "entry {}  {}  hash {}", life.seq, life.at, life.hash)?;
    let control_id = head.control_id.as_deref().unwrap_or("-");
    writeln!(
        out,
        "came   {} from {} on channel {}, type {}, control id {control_id}",
        head.received, head.by, head.channel, head.message_type
    )?;
    if let Some(again) = head.again {
        writeln!(out, "again  the message of entry {again}, acted on once more")?;
    }
    bytes(&life.raw, "  ", out)?;
    writeln!(out, "answer {}", answer(&head.answer))?;
    if let Some(sent) = &life.answers {
        writeln!(out, "\nwhat it answers")?;
        write_sent(sent, out)?;
    }
    writeln!(out, "\nfacts: {}", head.facts.len())?;
    for fact in head.facts.iter() {
        writeln!(out, "  {}", fact_text(fact))?;
    }
    writeln!(out, "\nsent because of it: {}", life.sent.len() + life.sent_more)?;
    for sent in &life.sent {
        write_sent(sent, out)?;
    }
    if life.sent_more > 0 {
        writeln!(out, "  and {} more", life.sent_more)?;
    }
    writeln!(out, "\ncases: {}", life.cases.len())?;
    for view in &life.cases {
        let end = match &view.closed {
            Some(closed) => format!("closed {} by {}: {}", closed.at, closed.by, closed.resolution),
            None => "open".to_owned(),
        };
        writeln!(
            out,
            "  {} {} ({}), {end}",
            view.case.id,
            view.case.kind.as_str(),
            view.case.reason
        )?;
        writeln!(out, "    {}", view.case.text)?;
    }
    writeln!(out, "\nacted on again: {}", life.again.len())?;
    for again in &life.again {
        let how = if again.mended { "mended" } else { "as it came" };
        write_again(again, how, again.mended, out)?;
    }
    Ok(())
}

fn write_sent(sent: &Sent, out: &mut String) -> std::fmt::Result {
    let view = &sent.delivery;
    let delivery = &view.delivery;
    writeln!(
        out,
        "  {} to {}: {:?} since {}, {} attempts{}",
        delivery.id,
        delivery.channel,
        view.state,
        view.changed_at,
        view.attempts,
        view.detail.as_ref().map(|detail| format!(", {detail}")).unwrap_or_default()
    )?;
    match &sent.message {
        Ok(message) => bytes(message, "    ", out)?,
        Err(why) => writeln!(out, "    not written again: {why}")?,
    }
    for outcome in &sent.outcomes {
        write_again(outcome, "told", true, out)?;
    }
    Ok(())
}

fn write_again(again: &Again, how: &str, with_bytes: bool, out: &mut String) -> std::fmt::Result {
    writeln!(out, "  entry {}  {}  {how} by {}: {}", again.seq, again.at, again.by, again.outcome)?;
    if with_bytes { bytes(&again.raw, "    ", out) } else { Ok(()) }
}

/// One segment a line; what a terminal would act on is shown as a number.
fn bytes(raw: &[u8], indent: &str, out: &mut String) -> std::fmt::Result {
    let text = record::message_text(raw);
    for line in text.split(['\r', '\n']).filter(|line| !line.is_empty()) {
        out.push_str(indent);
        for character in line.chars() {
            match character {
                '\t' => out.push('\t'),
                control if control.is_control() => {
                    write!(out, "\\u{{{:02x}}}", u32::from(control))?;
                }
                other => out.push(other),
            }
        }
        out.push('\n');
    }
    Ok(())
}

fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Parked(problem) => {
            let place = problem.location.as_ref().map(|at| format!(" at {at}")).unwrap_or_default();
            format!("parked: {}{place}: {}", problem.code.as_str(), problem.text)
        }
        Answer::Refused(refusal) => format!("refused: {}: {}", refusal.code.as_str(), refusal.text),
        other => other.code().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &[u8], expected: &str) {
        let mut out = String::new();
        bytes(raw, "  ", &mut out).unwrap();
        assert_eq!(out, expected);
    }

    #[test]
    fn segments_are_lines_and_nothing_reaches_the_terminal() {
        check(b"MSH|^~\\&|A\rPID|1\r", "  MSH|^~\\&|A\n  PID|1\n");
        check(b"a\x1b[2Jb\x9bc", "  a\\u{1b}[2Jb\\u{9b}c\n");
        check(b"M\xdcLLER\r\n", "  M\u{dc}LLER\n");
        check(b"", "");
    }
}
