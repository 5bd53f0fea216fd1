//! `interlock shadow`: what would a changed configuration have made of what came in, and of what
//! was sent?

use std::path::PathBuf;

use jiff::Timestamp;

use super::Failure;
use crate::config;
use crate::node::JOURNAL_FILE;
use crate::rehearse::{Gone, Shadow, Verdict, Wanted, shadow};

/// What to go through.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The changed configuration.
    #[arg(long)]
    config: PathBuf,
    /// The data folder of the node, which may run, or the journal's file.
    #[arg(long)]
    data: PathBuf,
    /// Only what was recorded at this time or later, as `2026-11-20T00:00:00Z`.
    #[arg(long)]
    since: Option<Timestamp>,
    /// Only what came in, or went out, on this channel.
    #[arg(long)]
    channel: Option<String>,
    /// The most messages.
    #[arg(long, default_value_t = 1_000_000)]
    limit: usize,
    /// Show the values that differ too: they may be patients'.
    #[arg(long)]
    show: bool,
}

#[expect(clippy::print_stdout, reason = "what was found is the command's output")]
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let plan = config::load(&args.config).map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        format!("{} cannot be used:\n{}", args.config.display(), lines.join("\n"))
    })?;
    let file = if args.data.is_dir() { args.data.join(JOURNAL_FILE) } else { args.data.clone() };
    let wanted = Wanted { since: args.since, channel: args.channel.clone(), limit: args.limit };
    let Gone { counts, without_release } =
        shadow(&plan, &file, &wanted, |shadow| tell(&shadow, args.show))?;
    let all: u64 = counts.values().sum();
    println!("{all} messages gone through; nothing was changed");
    for (verdict, count) in &counts {
        println!("{count:>8}  {}", words(*verdict));
    }
    if without_release > 0 {
        println!(
            "{without_release} were decided without the release of dm+d of their time, whose file \
             is gone: doses that need it may differ for that alone"
        );
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what was found is the command's output")]
fn tell(shadow: &Shadow, show: bool) {
    let Shadow { seq, channel, message_type, control_id, verdict, differences } = shadow;
    println!("entry {seq} {channel} {message_type} {control_id}: {}", words(*verdict));
    for difference in differences {
        if show {
            print!("{difference}");
        } else {
            println!("  at {}", difference.path);
        }
    }
}

fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Same => "as then",
        Verdict::Different => "would be understood in another way",
        Verdict::Mended => "was parked, would be acted on",
        Verdict::Broken => "was acted on, would be parked",
        Verdict::ParkedOtherwise => "was parked, would be for another reason",
        Verdict::SentOtherwise => "would be sent in another form",
        Verdict::NoLongerSent => "was sent, would not be",
        Verdict::NewlySent => "was not sent, would be",
        Verdict::NotRead => "cannot be read again",
    }
}
