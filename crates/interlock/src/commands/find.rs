//! `interlock find`: messages by their numbers, types and words.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use record::{MessageIndex, MessageSearch, MessageView, Reader};

use super::Failure;
use crate::node::{JOURNAL_FILE, RECORD_FILE};

/// The most messages that one call tells.
const MAX_LIMIT: usize = 1_000;

/// What to find. A message has to have all that is given.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The data folder.
    data: PathBuf,
    /// Words, all of which the message has: names, codes, free text.
    words: Vec<String>,
    /// Any number of the patient; all numbers of a merged patient lead to all messages.
    #[arg(long)]
    patient: Option<String>,
    /// The placer's order number.
    #[arg(long)]
    placer: Option<String>,
    /// The filler's order number.
    #[arg(long)]
    filler: Option<String>,
    /// The control id (MSH-10).
    #[arg(long)]
    control: Option<String>,
    /// The type: RDE^O11, or RDE.
    #[arg(long = "type")]
    message_type: Option<String>,
    /// The channel or client.
    #[arg(long)]
    channel: Option<String>,
    /// done, parked, permitted, refused, duplicate, or the coded reason.
    #[arg(long)]
    outcome: Option<String>,
    /// Recorded at this time or later, as 2026-11-20T10:15:00Z.
    #[arg(long)]
    from: Option<Timestamp>,
    /// Recorded before this time.
    #[arg(long)]
    to: Option<Timestamp>,
    /// Only entries before this one: the last number of the page before.
    #[arg(long)]
    before: Option<u64>,
    /// Also entries that came as no message.
    #[arg(long)]
    all: bool,
    /// How many, at most 1,000.
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

#[expect(clippy::print_stdout, reason = "what was found is the command's output")]
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (reader, index) = open(&args.data)?;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let search = MessageSearch {
        patient: text(&args.patient),
        placer: text(&args.placer),
        filler: text(&args.filler),
        control_id: text(&args.control),
        message_type: text(&args.message_type),
        channel: text(&args.channel),
        outcome: text(&args.outcome),
        words: args.words.join(" "),
        from: args.from,
        to: args.to,
        before: args.before,
        everything: args.all,
    };
    let page = reader.find_messages(&index, &search, args.limit.clamp(1, MAX_LIMIT))?;
    for message in &page.messages {
        println!("{}", line(message));
    }
    if let Some(next) = page.next {
        println!("more: --before {next}");
    }
    if page.messages.is_empty() { Err("no message has all of that".into()) } else { Ok(()) }
}

/// The record and the message index of a data folder, whether a node runs on it or not.
pub(super) fn open(data: &Path) -> Result<(Reader, MessageIndex), Failure> {
    let (journal, record) = (data.join(JOURNAL_FILE), data.join(RECORD_FILE));
    let index = engine::index_of(&journal, &record)?;
    Ok((Reader::open(&record, &journal)?, index))
}

/// A message in one line. No name or number of a patient is in it.
pub(super) fn line(message: &MessageView) -> String {
    let MessageView { seq, at, channel, message_type, outcome, control_id, .. } = message;
    format!("{seq:>10}  {at:.3}  {channel:<16}  {message_type:<12}  {outcome:<9}  {control_id}")
}
