//! `interlock serve`: a node by its configuration.

use std::path::PathBuf;

use super::{Failure, asked_to_end, runtime};
use crate::config;
use crate::node::Node;

/// What to serve.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration file.
    #[arg(long, default_value = "interlock.toml")]
    config: PathBuf,
    /// How hard entries are driven to the disk: `off` loses acknowledged entries in a power cut
    /// and is for control experiments alone.
    #[arg(long, hide = true, default_value = "full")]
    durability: String,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let plan = config::load(&args.config);
    let mut plan = plan.map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        format!("{} cannot be used:\n{}", args.config.display(), lines.join("\n"))
    })?;
    if args.durability == "off" {
        plan.durability = journal::Durability::Off;
    }
    runtime()?.block_on(serve(plan))
}

#[expect(clippy::print_stdout, reason = "the addresses are the command's output")]
async fn serve(plan: crate::node::Plan) -> Result<(), Failure> {
    let mut node = Node::start(plan).await?;
    // Whoever reads that it is ready may end it at once.
    let asked = asked_to_end()?;
    for (channel, address) in &node.channels {
        println!("channel {channel}: {address}");
    }
    println!("ready: {}", node.address());
    tokio::select! {
        () = asked => {}
        why = node.failed() => return Err(why.into()),
    }
    node.shutdown().await;
    Ok(())
}
