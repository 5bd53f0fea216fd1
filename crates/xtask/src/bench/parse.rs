//! How fast HL7 is read, on one core, without a node.

use std::hint::black_box;
use std::time::{Duration, Instant};

use channels::dialect::Dialect;
use channels::inbound::{InboundChannel, read_with};
use hl7v2::{CharsetChoice, Message, Scratch, parse_with};

use super::Effort;
use super::figures::{Table, number, rate, say};
use super::hospital::inpatients;

/// How many different messages are read in turn, so that no branch learns one by heart.
const MESSAGES: usize = 1_000;

pub(super) fn run(effort: Effort) -> Result<(), String> {
    let time = effort.pick(Duration::from_secs(3), Duration::from_millis(100));
    let messages = messages();
    let bytes: usize = messages.iter().map(Vec::len).sum();
    say(&format!("{MESSAGES} RDE^O11 of {} bytes on average", bytes / MESSAGES));
    let mut table = Table::new(&["", "MB/s", "msg/s", "µs a message"]);
    let mut scratch = Scratch::default();
    measure(&mut table, "parse", &messages, time, |message| {
        let parsed = parse_with(message, CharsetChoice::default(), &mut scratch);
        let (parsed, issues) = parsed.map_err(|error| error.to_string())?;
        black_box((parsed.segment_count(), issues));
        scratch.reclaim(parsed);
        Ok(())
    })?;
    let mut scratch = Scratch::default();
    measure(&mut table, "parse and read every component", &messages, time, |message| {
        let parsed = parse_with(message, CharsetChoice::default(), &mut scratch);
        let (parsed, _) = parsed.map_err(|error| error.to_string())?;
        black_box(read_all(&parsed));
        scratch.reclaim(parsed);
        Ok(())
    })?;
    let channel = InboundChannel::new("epma", Dialect::default(), "RXX", &[], "P");
    let mut scratch = Scratch::default();
    measure(&mut table, "parse and map to orders", &messages, time, |message| {
        black_box(read_with(message, &channel, &mut scratch));
        Ok(())
    })?;
    table.print();
    Ok(())
}

/// The length of every component's text.
fn read_all(message: &Message<'_>) -> usize {
    let fields = message.iter().flat_map(|segment| segment.fields());
    let repetitions = fields.flat_map(|field| field.repetitions());
    let components = repetitions.flat_map(|repetition| repetition.components());
    components.map(|component| component.text().len()).sum()
}

/// Messages of many patients: new orders, changes, holds, stops.
fn messages() -> Vec<Vec<u8>> {
    let mut patients = inpatients(100);
    let message = |n: usize| {
        let mut message = Vec::new();
        patients[n % 100].next("20261120101500+0000", &mut message);
        message
    };
    (0..MESSAGES).map(message).collect()
}

fn measure(
    table: &mut Table,
    what: &str,
    messages: &[Vec<u8>],
    time: Duration,
    mut work: impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<(), String> {
    let (began, mut count, mut bytes) = (Instant::now(), 0_u64, 0_u64);
    while began.elapsed() < time {
        for message in messages {
            work(black_box(message))?;
            bytes += message.len() as u64;
        }
        count += messages.len() as u64;
    }
    let elapsed = began.elapsed();
    table.row([
        what.to_owned(),
        format!("{:.0}", rate(bytes, elapsed) / 1e6),
        format!("{:.0}", rate(count, elapsed)),
        format!("{:.2}", elapsed.as_secs_f64() * 1e6 / number(count)),
    ]);
    Ok(())
}
