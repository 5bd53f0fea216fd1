//! The control run: the same power cuts without syncing to the disk have to lose something, or
//! the trial would prove nothing.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::board::Board;
use super::disk::Disk;
use super::rig::feed;
use super::sink::Sink;
use super::{Settings, TrialError, check, config};
use crate::trial::child::{Launch, run as run_program};
use crate::trial::files;
use crate::trial::say;

/// How long the node takes messages before its power is cut.
const LOAD: Duration = Duration::from_secs(2);

/// Runs a node that does not sync, cuts its power, and counts what it acknowledged and lost.
pub(super) fn run(settings: &Settings) -> Result<(), TrialError> {
    let (mut acknowledged, mut lost) = (0, 0);
    for number in 1..=settings.cuts.max(1) {
        let (acked, gone, left) = once(settings)?;
        say(&format!(
            "{number:3}  power cut without syncing: {acked} acknowledged, {gone} lost; {left}"
        ));
        (acknowledged, lost) = (acknowledged + acked, lost + gone);
    }
    if lost == 0 {
        let why = "nothing was lost without syncing, so that the trial proves nothing";
        return Err(TrialError::Found(why.to_owned()));
    }
    say(&format!("as it has to be: of {acknowledged} acknowledged, {lost} were lost"));
    Ok(())
}

/// How many were acknowledged, how many of them are lost, and what is left of the journal.
fn once(settings: &Settings) -> Result<(u64, u64, String), TrialError> {
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    let disk = Disk::make(scratch.path())?;
    let data = disk.path().join("data");
    let sink = Sink::start()?;
    let path = scratch.path().join("interlock.toml");
    std::fs::write(&path, config::text(&data, sink.address(), None)).map_err(|e| e.to_string())?;
    let launch = Launch {
        binary: settings.binary.clone(),
        config: path,
        arguments: vec!["--durability".to_owned(), "off".to_owned()],
        log: scratch.path().join("node.log"),
    };
    let node = launch.start()?;
    // The empty files are on the medium, as they would be some time after the first start.
    run_program("sync", &[])?;
    let board = Arc::new(Board::new(settings.connections));
    let feeders = feed(settings, &board);
    board.set_node(Some(node.address("feed")?));
    thread::sleep(LOAD);
    disk.cut()?;
    board.set_node(None);
    board.give_up();
    node.kill()?;
    for feeder in feeders {
        feeder.join().map_err(|_| TrialError::Broken("a sender failed".to_owned()))?;
    }
    disk.remount()?;
    let books = board.books();
    let acknowledged = books.iter().flatten().filter(|m| m.answer.is_some()).count() as u64;
    let chain = files::verify_chain(&data);
    let lost = chain.as_ref().ok().and_then(|_| check::lost(&data, &books).ok());
    let left = match chain {
        Ok(tip) => {
            format!("its journal is whole up to entry {}", tip.split(':').next().unwrap_or("0"))
        }
        // A journal that does not even verify has lost everything.
        Err(why) => format!("its journal cannot be used ({})", why.lines().last().unwrap_or("")),
    };
    Ok((acknowledged, lost.unwrap_or(acknowledged), left))
}
