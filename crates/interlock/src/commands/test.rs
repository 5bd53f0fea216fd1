//! `interlock test`: do the channels still make of their examples what they should?

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::Failure;
use crate::config;
use crate::dmd;
use crate::node::Plan;
use crate::rehearse::{Example, Outcome, Release, differences, find, rehearse};

/// What to try.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The folder of the channels, with their examples in `NAME/examples`.
    #[arg(default_value = "channels")]
    channels: PathBuf,
    /// The configuration that the channels belong to; by default `interlock.toml` beside the
    /// folder.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Only the examples of this channel.
    #[arg(long)]
    channel: Option<String>,
    /// Write what is found as what is expected, to be read over and kept.
    #[arg(long)]
    accept: bool,
}

/// What is counted.
#[derive(Debug, Default)]
struct Counts {
    right: usize,
    wrong: usize,
    written: usize,
}

#[expect(clippy::print_stdout, reason = "what was found is the command's output")]
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let beside = args.channels.parent().unwrap_or(Path::new(".")).join("interlock.toml");
    let path = args.config.as_ref().unwrap_or(&beside);
    let plan = config::load(path).map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        format!("{} cannot be used:\n{}", path.display(), lines.join("\n"))
    })?;
    let found = find(&args.channels, args.channel.as_deref())
        .map_err(|error| format!("{}: {error}", args.channels.display()))?;
    let release = Release::Given(dmd::in_use_of(&plan)?.map(Arc::new));
    let mut counts = Counts::default();
    for found in &found {
        let channel = plan.channels.iter().find(|config| config.name == found.channel);
        let Some(channel) = channel else {
            let name = &found.channel;
            println!("wrong {name}: it has examples, and the configuration has no such channel");
            counts.wrong += 1;
            continue;
        };
        for example in &found.examples {
            one(args, (&plan, &release), channel, example, &mut counts)?;
        }
    }
    let Counts { right, wrong, written } = counts;
    println!("{right} right, {wrong} wrong, {written} written");
    if right + wrong + written == 0 {
        return Err("there is no example: nothing was tried".into());
    }
    if wrong > 0 { Err("the examples are not met".into()) } else { Ok(()) }
}

#[expect(clippy::print_stdout, reason = "what was found is the command's output")]
fn one(
    args: &Args,
    (plan, release): (&Plan, &Release),
    channel: &channels::ChannelConfig,
    example: &Example,
    counts: &mut Counts,
) -> Result<(), Failure> {
    let Outcome(found) = rehearse(plan, channel, example, release);
    let path = example.path.display();
    let expected = expectation(&example.expected)?;
    let same = expected.as_ref() == Some(&found);
    if same {
        println!("right {path}");
        counts.right += 1;
    } else if args.accept {
        let mut text = serde_json::to_string_pretty(&found)?;
        text.push('\n');
        std::fs::write(&example.expected, text)?;
        println!("written {}", example.expected.display());
        counts.written += 1;
    } else {
        counts.wrong += 1;
        println!("wrong {path}");
        match expected {
            None => println!(
                "  {} is not there: look at what is found with --accept",
                example.expected.display()
            ),
            Some(expected) => {
                println!("  differs from {}", example.expected.display());
                for difference in differences(&expected, &found) {
                    print!("{difference}");
                }
            }
        }
    }
    Ok(())
}

fn expectation(path: &Path) -> Result<Option<Value>, Failure> {
    match std::fs::read(path) {
        Ok(bytes) => {
            let read = serde_json::from_slice(&bytes);
            read.map(Some).map_err(|error| format!("{}: {error}", path.display()).into())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display()).into()),
    }
}
