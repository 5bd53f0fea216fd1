//! The commands of the command line, one file each.

mod apply;
mod ask;
mod check;
mod demo;
mod find;
mod import;
mod life;
mod plan;
mod rebuild;
mod retention;
mod rollback;
mod seal;
mod serve;
mod shadow;
mod test;
mod trace;
mod verify;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

/// The open platform that closes the medicines loop in hospitals.
#[derive(Debug, Parser)]
#[command(name = "interlock", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run a node with a simulated hospital on loopback, and print the address of its page.
    Demo(demo::Args),
    /// Run a node by its configuration.
    Serve(serve::Args),
    /// Read a configuration and tell every mistake in it; change nothing.
    Check(check::Args),
    /// Tell what the configuration's files would change; change nothing.
    Plan(plan::Args),
    /// Put the configuration's files in force, without a restart.
    Apply(apply::Args),
    /// Put the configuration in force again that was in force before.
    Rollback(rollback::Args),
    /// Seal the full segments of the journal of a node that does not run.
    Seal(seal::Args),
    /// Tell what the journal need not keep here any longer, and let it go.
    Retention(retention::Args),
    /// Try the golden examples of the channels; send nothing.
    Test(test::Args),
    /// Go through what came in with a changed configuration, and tell what would differ; change
    /// nothing.
    Shadow(shadow::Args),
    /// Take over what others publish: a release of dm+d.
    Import(import::Args),
    /// Recompute the journal's hash chain.
    Verify(verify::Args),
    /// Find messages, in the files of a node that runs or of one that does not.
    Find(Box<find::Args>),
    /// Tell the life of a message: what came, what was made of it, what was sent and answered.
    Trace(trace::Args),
    /// Make the record anew from the journal alone.
    Rebuild(rebuild::Args),
}

impl Cli {
    /// Runs the command. The exit code is 0 for success, 1 for a finding or a failure, 2 for a
    /// command line that cannot be read.
    pub fn run(self) -> ExitCode {
        let done = match self.command {
            Verb::Demo(args) => demo::run(&args),
            Verb::Serve(args) => serve::run(&args),
            Verb::Check(args) => check::run(&args),
            Verb::Plan(args) => plan::run(&args),
            Verb::Apply(args) => apply::run(&args),
            Verb::Rollback(args) => rollback::run(&args),
            Verb::Seal(args) => seal::run(&args),
            Verb::Retention(args) => retention::run(&args),
            Verb::Test(args) => test::run(&args),
            Verb::Shadow(args) => shadow::run(&args),
            Verb::Import(args) => import::run(&args),
            Verb::Verify(args) => verify::run(&args),
            Verb::Find(args) => find::run(&args),
            Verb::Trace(args) => trace::run(&args),
            Verb::Rebuild(args) => rebuild::run(&args),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("interlock: {why}");
                ExitCode::FAILURE
            }
        }
    }
}

/// Why a command failed, in words for the person who called it.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// For how long a thread that may block is kept without work: with it goes what memory its last
/// request left with it.
const IDLE_THREAD: Duration = Duration::from_secs(1);

/// A runtime for the commands that serve.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    Ok(builder.enable_all().thread_keep_alive(IDLE_THREAD).build()?)
}

/// Listens from now on for the terminal's interrupt and the system's request to end; the future
/// ends when one has come.
fn asked_to_end() -> Result<impl Future<Output = ()>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
