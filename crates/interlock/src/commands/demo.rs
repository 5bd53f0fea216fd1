//! `interlock demo`: a node and a simulated hospital in one.

use std::path::PathBuf;

use super::{Failure, asked_to_end, runtime};
use crate::demo::{Demo, Settings};

/// How the demonstration runs.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Everything that the hospital does follows from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The port of the page; 0 takes any free one.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Simulated seconds per second.
    #[arg(long, default_value_t = 60)]
    speed: u32,
    /// How many wards, each with a cabinet.
    #[arg(long, default_value_t = 3)]
    wards: usize,
    /// How many beds each ward has.
    #[arg(long, default_value_t = 10)]
    beds: u16,
    /// Make lines drop, delay, repeat and garble, and cabinets go down.
    #[arg(long)]
    faults: bool,
    /// The folder of the journal and the record; a temporary one without it.
    #[arg(long)]
    data: Option<PathBuf>,
}

#[expect(clippy::print_stdout, reason = "the address is the command's output")]
pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let temporary = tempfile::tempdir()?;
    let settings = Settings {
        seed: args.seed,
        port: args.port,
        speed: args.speed,
        wards: args.wards,
        beds: args.beds,
        faults: args.faults,
        data: args.data.clone().unwrap_or_else(|| temporary.path().to_owned()),
    };
    runtime()?.block_on(async {
        let mut demo = Demo::start(settings).await?;
        // Whoever reads the address may end it at once.
        let asked = asked_to_end()?;
        println!("A hospital of {} wards lives at {} times our speed.", args.wards, args.speed);
        println!("data: {}", demo.data.display());
        println!("key: {}", demo.key);
        println!("console: {}", demo.page);
        let ended = tokio::select! {
            () = asked => Ok(()),
            why = demo.node.failed() => Err(why.into()),
        };
        demo.shutdown().await;
        ended
    })
}
