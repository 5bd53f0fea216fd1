//! Death at any moment, and a disk that stops taking bytes: whatever was acknowledged is there.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use journal::{Draft, Hash, Journal, Options, Position};

use crate::common::{Place, SITE, draft, stranger};

const CHILD_PATH: &str = "INTERLOCK_JOURNAL_CHILD_PATH";
const CHILD_CHECKPOINT: &str = "INTERLOCK_JOURNAL_CHILD_CHECKPOINT";
const KILLS: u64 = 20;

/// What the child process runs: it appends until it is killed or fails, and prints each position
/// once it is acknowledged.
#[test]
#[ignore = "run by the other tests of this file, as a process of its own"]
fn child_appends() {
    let Some(path) = env::var_os(CHILD_PATH).map(PathBuf::from) else {
        println!("nothing to do without {CHILD_PATH}");
        return;
    };
    let checkpoint_bytes = env::var(CHILD_CHECKPOINT).unwrap().parse().unwrap();
    let options = Options { checkpoint_bytes, ..Options::default() };
    let mut journal = Journal::open(&path, SITE, options).unwrap();
    let mut out = std::io::stdout();
    for size in (1..=9).cycle() {
        let next = journal.position().seq + 1;
        let batch: Vec<Draft> = (next..next + size).map(draft).collect();
        let line = match journal.append(&batch) {
            Ok(position) => format!("\nack {position}\n"),
            Err(error) => format!("\nfail {}\n", error.code()),
        };
        out.write_all(line.as_bytes()).unwrap();
        out.flush().unwrap();
        if line.starts_with("\nfail") {
            return;
        }
    }
}

fn child(path: &Path, checkpoint_bytes: u64, wrapper: &[&str]) -> Command {
    let me = env::current_exe().unwrap();
    let mut words = wrapper.iter().map(Into::into).chain([me.into_os_string()]);
    let mut command = Command::new(words.next().unwrap());
    command
        .args(words)
        .args(["crash::child_appends", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(CHILD_PATH, path)
        .env(CHILD_CHECKPOINT, checkpoint_bytes.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// What was acknowledged last, and what failed, among the lines of a child.
#[derive(Debug, Default)]
struct Heard {
    acknowledged: Option<Position>,
    failed: Option<String>,
}

fn listen(out: impl std::io::Read) -> Heard {
    let mut heard = Heard::default();
    let mut lines = BufReader::new(out);
    let mut line = String::new();
    // A line without its end was cut short by the kill and counts for nothing.
    while lines.read_line(&mut line).unwrap() > 0 && line.ends_with('\n') {
        if let Some(position) = line.trim().strip_prefix("ack ") {
            heard.acknowledged = Some(position.parse().unwrap());
        } else if let Some(code) = line.trim().strip_prefix("fail ") {
            heard.failed = Some(code.to_owned());
        }
        line.clear();
    }
    heard
}

/// Everything up to `acknowledged` is in the journal, as the very same chain.
fn assert_kept(path: &Path, acknowledged: Option<Position>) {
    if let Some(position) = acknowledged {
        let (sound, text) = stranger(path, Some(position));
        assert!(sound, "{text}");
    }
    let journal = Journal::open(path, SITE, Options::default()).unwrap();
    let reader = journal.reader().unwrap();
    let expected = acknowledged.unwrap_or(Position { seq: 0, hash: journal::genesis(SITE) });
    let verified = reader.verify_expecting(&expected).unwrap();
    assert_eq!(verified.tip, journal.position());
    if let Some(last) = reader.get(expected.seq).unwrap() {
        assert_eq!(last.head, draft(last.seq).head);
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let place = Place::new();
    let (mut best, mut heard_at_all) = (0, 0);
    for round in 0..KILLS {
        // Every fourth child makes a journal of its own, so that some die while they create it.
        let fresh = place.directory.path().join(format!("fresh-{round}"));
        let path = if round % 4 == 3 { &fresh } else { &place.path };
        let mut process = child(path, 60_000, &[]).spawn().unwrap();
        let out = process.stdout.take().unwrap();
        let listener = thread::spawn(move || listen(out));
        let milliseconds = 3 + round * 7_919 % 101;
        thread::sleep(Duration::from_millis(milliseconds));
        process.kill().unwrap();
        process.wait().unwrap();
        let heard = listener.join().unwrap();
        assert_eq!(heard.failed, None);
        assert_kept(path, heard.acknowledged);
        heard_at_all += u64::from(heard.acknowledged.is_some());
        if let Some(position) = heard.acknowledged.filter(|_| path == &place.path) {
            assert!(position.seq > best, "the journal grows from kill to kill");
            best = position.seq;
        }
    }
    assert!(heard_at_all >= KILLS / 4, "only {heard_at_all} children came to append");
}

/// A shell that lets no file grow beyond `$1` blocks of 512 bytes, and runs the rest.
const LIMITED: &str = "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"";

/// Returns the length of the write-ahead file that the child left, 0 if it could clear it away.
fn assert_kept_on_a_limited_disk(checkpoint_bytes: u64) -> u64 {
    let place = Place::new();
    let wrapper = ["sh", "-c", LIMITED, "sh", "800"];
    let mut process = child(&place.path, checkpoint_bytes, &wrapper).spawn().unwrap();
    let heard = listen(process.stdout.take().unwrap());
    assert!(process.wait().unwrap().success());
    assert_eq!(heard.failed.as_deref(), Some("JRN-09"), "{heard:?}");
    assert!(heard.acknowledged.is_some_and(|position| position.seq > 50), "{heard:?}");
    let written_ahead = fs::metadata(place.wal()).map_or(0, |file| file.len());
    assert_kept(&place.path, heard.acknowledged);
    written_ahead
}

#[test]
fn nothing_acknowledged_is_lost_when_writing_ahead_fails() {
    assert_kept_on_a_limited_disk(1_000_000_000);
}

#[test]
fn nothing_acknowledged_is_lost_when_copying_into_the_main_file_fails() {
    let written_ahead = assert_kept_on_a_limited_disk(20_000);
    assert!(written_ahead < 390_000, "the failed copying went unheard: {written_ahead}");
}

/// The state that a kill leaves behind, file by file, can be carried elsewhere and verified.
#[test]
fn the_stranger_verifies_what_a_kill_left_behind() {
    let place = Place::new();
    let mut journal = place.open();
    let tip = journal.append(&[draft(1), draft(2)]).unwrap();
    let elsewhere = Place::new();
    fs::copy(&place.path, &elsewhere.path).unwrap();
    fs::copy(place.wal(), elsewhere.wal()).unwrap();
    let wal = fs::read(elsewhere.wal()).unwrap();
    let (sound, text) = stranger(&elsewhere.path, Some(tip));
    assert!(sound, "{text}");
    assert_eq!(fs::read(elsewhere.wal()).unwrap(), wal, "the script changes nothing");
    assert_eq!(elsewhere.reader().verify().unwrap().tip, tip);
    assert_eq!(fs::read(elsewhere.wal()).unwrap(), wal, "a reader changes nothing");

    // A torn last write is not in the journal; what came before it is.
    let first = Position { seq: 0, hash: Hash(journal::genesis(SITE).0) };
    fs::write(elsewhere.wal(), &wal[..wal.len() - 1]).unwrap();
    assert_eq!(elsewhere.open().position(), first);
}
