//! Bulk export when things go wrong: a full disk, an end while it is written, several at once; and
//! when its time is over.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use api::FreeBytes;
use engine::Clock;
use serde_json::json;

use crate::exports::{address, begin, ended, exported, set};
use crate::harness::{ALL, Node, PUBLIC};
use crate::operations::{put, refused};

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_mins(1);
/// So much is free where a disk is not full.
const PLENTY: u64 = 1 << 40;

fn clock() -> Clock {
    Clock::scaled("2026-11-20T10:00:00Z".parse().unwrap(), 1)
}

async fn until(what: impl Fn() -> bool) {
    let wait = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("it comes to that");
}

/// The jobs that lie in a folder, with their files.
fn lying(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    entries(folder).iter().filter(|path| path.is_dir()).flat_map(|job| entries(job)).collect()
}

/// Whether whoever asks is the thread that writes exports.
fn writes() -> bool {
    std::thread::current().name() == Some("fhir-export")
}

/// A gate in the way of whoever writes an export.
struct Gate {
    is_shut: AtomicBool,
    /// How often somebody came to it.
    came: AtomicU64,
}

impl Gate {
    const fn shut() -> Gate {
        Gate { is_shut: AtomicBool::new(true), came: AtomicU64::new(0) }
    }

    fn pass(&self) {
        self.came.fetch_add(1, Ordering::SeqCst);
        while self.is_shut.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    async fn is_reached(&self) {
        until(|| self.came.load(Ordering::SeqCst) > 0).await;
    }

    fn open(&self) {
        self.is_shut.store(false, Ordering::SeqCst);
    }
}

async fn fill(node: &Node) {
    for id in ["a", "b"] {
        put(node, &json!({"resourceType": "Organization", "id": id})).await;
        put(node, &json!({"resourceType": "Location", "id": id})).await;
    }
}

const ORGANIZATIONS: &str = "/fhir/$export?_type=Organization";
const LOCATIONS: &str = "/fhir/$export?_type=Location";

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_are_written_one_after_the_other_and_a_third_waits_outside() {
    static GATE: Gate = Gate::shut();
    let free: FreeBytes = |_| {
        if writes() {
            GATE.pass();
        }
        Some(PLENTY)
    };
    let folder = tempfile::tempdir().unwrap();
    let node = Node::start_at(folder, (clock(), free), |server| server, None).await;
    fill(&node).await;
    let first = address(&begin(&node, ALL, ORGANIZATIONS).await);
    GATE.is_reached().await;
    let second = address(&begin(&node, ALL, LOCATIONS).await);
    assert_ne!(first, second);
    let third = begin(&node, ALL, LOCATIONS).await;
    refused(&third, 429, "too-costly");
    assert!(third.headers.contains_key("retry-after"));
    for job in [&first, &second] {
        let reply = node.get(ALL, job).await;
        assert_eq!((reply.status, reply.headers.contains_key("x-progress")), (202, true));
    }
    // Another client's are not in their way, and the record goes on meanwhile.
    assert_eq!(begin(&node, "of-types", "/fhir/$export").await.status, 202);
    put(&node, &json!({"resourceType": "Organization", "id": "late"})).await;
    GATE.open();
    for (job, kind) in [(&first, "Organization"), (&second, "Location")] {
        let manifest = ended(&node, ALL, job).await;
        assert_eq!(manifest.status, 200, "{manifest:?}");
        let manifest = manifest.json();
        let files = manifest["output"].as_array().unwrap();
        assert_eq!((files.len(), &files[0]["type"]), (1, &json!(kind)), "{manifest}");
        let url = files[0]["url"].as_str().unwrap().strip_prefix(PUBLIC).unwrap();
        assert!(url.starts_with(job.as_str()), "{url} of {job}");
        assert_eq!(files[0]["count"], 2, "{manifest}");
    }
    let all = set("Organization/a Organization/b Organization/late");
    assert_eq!(exported(&node, ALL, ORGANIZATIONS).await.0, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_while_it_is_written_leaves_nothing_and_makes_room() {
    static GATE: Gate = Gate::shut();
    let free: FreeBytes = |_| {
        if writes() {
            GATE.pass();
        }
        Some(PLENTY)
    };
    let folder = tempfile::tempdir().unwrap();
    let exports = folder.path().join("exports");
    let node = Node::start_at(folder, (clock(), free), |server| server, None).await;
    fill(&node).await;
    let running = address(&begin(&node, ALL, ORGANIZATIONS).await);
    GATE.is_reached().await;
    let waiting = address(&begin(&node, ALL, LOCATIONS).await);
    for job in [&running, &waiting] {
        assert_eq!(node.fhir("DELETE", job, "", "").await.status, 202);
        refused(&node.get(ALL, job).await, 404, "not-found");
        assert_eq!(node.fhir("DELETE", job, "", "").await.status, 404, "it is gone");
    }
    assert!(!lying(&exports).is_empty(), "somebody still writes");
    // Two others may begin at once.
    let after = address(&begin(&node, ALL, ORGANIZATIONS).await);
    let last = address(&begin(&node, ALL, LOCATIONS).await);
    GATE.open();
    for job in [&after, &last] {
        assert_eq!(ended(&node, ALL, job).await.status, 200);
        refused(&node.get(ALL, &running).await, 404, "not-found");
        assert_eq!(node.fhir("DELETE", job, "", "").await.status, 202);
    }
    until(|| lying(&exports).is_empty()).await;
    let left = std::fs::read_dir(&exports).unwrap().count();
    assert_eq!(left, 0, "not even a folder");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_when_their_time_is_over() {
    static AHEAD_S: AtomicI64 = AtomicI64::new(0);
    let start = "2026-11-20T10:00:00Z".parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let exports = folder.path().join("exports");
    let free: FreeBytes = |_| None;
    let clock = Clock::steered(start, &AHEAD_S);
    let node = Node::start_at(folder, (clock, free), |server| server, None).await;
    fill(&node).await;
    let job = address(&begin(&node, ALL, ORGANIZATIONS).await);
    let manifest = ended(&node, ALL, &job).await;
    let expires = manifest.headers["expires"].clone();
    assert!(expires.starts_with("Sat, 21 Nov 2026 10:0"), "{expires}");
    let manifest = manifest.json();
    let url = manifest["output"][0]["url"].as_str().unwrap().strip_prefix(PUBLIC).unwrap();
    AHEAD_S.store(24 * 3_600 - 600, Ordering::SeqCst);
    assert_eq!(node.get(ALL, url).await.status, 200, "ten minutes are left");
    // One that began later is kept longer.
    let later = address(&begin(&node, ALL, LOCATIONS).await);
    assert_eq!(ended(&node, ALL, &later).await.status, 200);
    AHEAD_S.store(24 * 3_600 + 1, Ordering::SeqCst);
    refused(&node.get(ALL, url).await, 404, "not-found");
    refused(&node.get(ALL, &job).await, 404, "not-found");
    let kept = lying(&exports);
    let id = later.rsplit('/').next().unwrap();
    assert!(kept.iter().all(|path| path.to_str().unwrap().contains(id)), "{kept:?}");
    assert_eq!(node.get(ALL, &later).await.status, 200);
    // A start finds what has expired meanwhile, and lets it go.
    let (engine, folder) = node.end().await;
    drop(engine);
    AHEAD_S.store(72 * 3_600, Ordering::SeqCst);
    let node = Node::start_at(folder, (clock, free), |server| server, None).await;
    assert_eq!(std::fs::read_dir(&exports).unwrap().count(), 0);
    refused(&node.get(ALL, &later).await, 404, "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn little_room_ends_what_is_written_and_lets_nothing_begin() {
    static ROOM: AtomicU64 = AtomicU64::new(ENOUGH);
    const NONE: u64 = 0;
    const ENOUGH: u64 = 1;
    /// Until it is written.
    const AT_FIRST: u64 = 2;
    let free: FreeBytes = |_| {
        Some(match ROOM.load(Ordering::SeqCst) {
            NONE => 0,
            AT_FIRST if writes() => 0,
            _ => PLENTY,
        })
    };
    let folder = tempfile::tempdir().unwrap();
    let exports = folder.path().join("exports");
    let node = Node::start_at(folder, (clock(), free), |server| server, None).await;
    fill(&node).await;
    ROOM.store(NONE, Ordering::SeqCst);
    refused(&begin(&node, ALL, ORGANIZATIONS).await, 429, "too-costly");
    assert_eq!(std::fs::read_dir(&exports).unwrap().count(), 0);
    ROOM.store(AT_FIRST, Ordering::SeqCst);
    let job = address(&begin(&node, ALL, ORGANIZATIONS).await);
    let issue = refused(&ended(&node, ALL, &job).await, 422, "export-failed");
    assert!(issue["diagnostics"].as_str().unwrap().contains("too little room"), "{issue}");
    let names: Vec<_> =
        lying(&exports).iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["job.json"], "its files are gone");
    ROOM.store(ENOUGH, Ordering::SeqCst);
    assert_eq!(exported(&node, ALL, ORGANIZATIONS).await.0.len(), 2);
}

/// A small file system in memory, for as long as it is kept.
struct Small(PathBuf);

impl Small {
    /// None where this machine or this user may not mount one.
    fn mount(at: &Path, size: &str) -> Option<Small> {
        std::fs::create_dir_all(at).unwrap();
        let options = format!("size={size},mode=700");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "interlock-test"])
            .arg(at)
            .output();
        mounted.is_ok_and(|done| done.status.success()).then(|| Small(at.to_owned()))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Files that somebody has open hold it; it goes with the last of them.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// Text that hardly gets smaller when it is compressed.
fn noise(seed: u64, length: usize) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut text = String::new();
    while text.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        write!(text, "{:016x}", state ^ (state >> 29)).unwrap();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_fails_an_export_and_leaves_the_node_whole() {
    let folder = tempfile::tempdir().unwrap();
    let exports = folder.path().join("exports");
    let Some(small) = Small::mount(&exports, "256k") else {
        println!("skipped: no small file system can be mounted here");
        return;
    };
    let free: FreeBytes = |_| None;
    let node = Node::start_at(folder, (clock(), free), |server| server, None).await;
    fill(&node).await;
    for n in 0..40_u64 {
        let text = noise(n + 1, 16_000);
        let one = json!({"resourceType": "Basic", "id": format!("n{n}"), "code": {"text": text}});
        put(&node, &one).await;
    }
    // It is full while it is written.
    let job = address(&begin(&node, ALL, "/fhir/$export?_type=Organization,Basic").await);
    let issue = refused(&ended(&node, ALL, &job).await, 422, "export-failed");
    assert!(issue["diagnostics"].as_str().unwrap().contains("too little room"), "{issue}");
    let left = lying(&exports);
    let only_state = |path: &PathBuf| path.file_name().is_some_and(|name| name == "job.json");
    assert!(left.len() == 1 && left.iter().all(only_state), "{left:?}");
    // What fits is exported.
    let (all, _) = exported(&node, ALL, ORGANIZATIONS).await;
    assert_eq!(all, set("Organization/a Organization/b"));
    // It is full before anything begins: that is said, and nothing is left of it.
    let before = std::fs::read_dir(&exports).unwrap().count();
    let filler = exports.join("filler");
    let written = std::fs::write(&filler, vec![b'x'; 1 << 20]);
    assert!(written.is_err(), "the disk is full");
    refused(&begin(&node, ALL, ORGANIZATIONS).await, 429, "too-costly");
    assert_eq!(std::fs::read_dir(&exports).unwrap().count(), before + 1, "the filler alone");
    // The node goes on: it writes elsewhere, and exports again when there is room.
    put(&node, &json!({"resourceType": "Organization", "id": "c"})).await;
    std::fs::remove_file(&filler).unwrap();
    let (all, _) = exported(&node, ALL, ORGANIZATIONS).await;
    assert_eq!(all, set("Organization/a Organization/b Organization/c"));
    let (engine, folder) = node.end().await;
    drop(engine);
    drop(small);
    drop(folder);
}
