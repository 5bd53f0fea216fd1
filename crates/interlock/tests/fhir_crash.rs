//! FHIR clients write while the real program is killed: what was acknowledged is there afterwards,
//! to the version, and no transaction is there by half.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use xtask::trial::child::Launch;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// How often the node is killed.
const KILLS: usize = 3;
/// How many clients write at the same time.
const CLIENTS: usize = 8;
/// The writes that are acknowledged before each kill.
const WRITES: usize = 60;

fn send(http: SocketAddr, head: &str, body: &str) -> Option<(u16, String)> {
    let mut line = TcpStream::connect(http).ok()?;
    let head = format!(
        "{head} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\
         Content-Type: application/fhir+json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    line.write_all(head.as_bytes()).ok()?;
    let mut answer = String::new();
    line.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
}

/// Writes until nobody answers: by turns a new version of its own resource, and a transaction of
/// two. Answers the last version that was acknowledged, and the transactions.
fn client(
    http: SocketAddr,
    n: usize,
    begun: u64,
    acknowledged: &AtomicUsize,
) -> (u64, Vec<String>) {
    let (mut version, mut pairs, mut at) = (begun, Vec::new(), 0);
    loop {
        at += 1;
        let id = format!("c{n}");
        let next = version + 1;
        let body = format!(r#"{{"resourceType":"Basic","id":"{id}","code":{{"text":"{next}"}}}}"#);
        match send(http, &format!("PUT /fhir/Basic/{id}"), &body) {
            Some((200 | 201, _)) => version = next,
            Some((status, body)) => panic!("{status} {body}"),
            None => return (version, pairs),
        }
        let pair = format!("t{n}-{begun}-{at}");
        let entry = |side: &str| {
            format!(
                r#"{{"request":{{"method":"PUT","url":"Basic/{pair}{side}"}},
                "resource":{{"resourceType":"Basic","id":"{pair}{side}"}}}}"#
            )
        };
        let (a, b) = (entry("a"), entry("b"));
        let bundle =
            format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{a},{b}]}}"#);
        match send(http, "POST /fhir", &bundle) {
            Some((200, _)) => pairs.push(pair),
            Some((status, body)) => panic!("{status} {body}"),
            None => return (version, pairs),
        }
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn what_a_killed_node_acknowledged_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let http = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = folder.path().join("interlock.toml");
    let text = format!(
        "[node]\ndata = \"data\"\nhttp = \"{http}\"\n[site]\ncode = \"RXX\"\n[[client]]\n\
         name = \"app\"\nroles = [\"fhir-read\", \"fhir-write\"]\ntoken = {{ file = \"token\" }}\n"
    );
    std::fs::write(&config, text).unwrap();
    std::fs::write(folder.path().join("token"), TOKEN).unwrap();
    let launch = Launch {
        binary: PathBuf::from(env!("CARGO_BIN_EXE_interlock")),
        config,
        arguments: Vec::new(),
        log: folder.path().join("node.log"),
    };
    let versions = Arc::new(Mutex::new(BTreeMap::<usize, u64>::new()));
    let mut pairs = Vec::new();
    for kill in 0..KILLS {
        let node = launch.start().unwrap();
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| {
                let (acknowledged, versions) = (Arc::clone(&acknowledged), Arc::clone(&versions));
                thread::spawn(move || {
                    let begun = versions.lock().unwrap().get(&n).copied().unwrap_or(0);
                    let (version, pairs) = client(http, n, begun, &acknowledged);
                    versions.lock().unwrap().insert(n, version);
                    pairs
                })
            })
            .collect();
        while acknowledged.load(Ordering::Relaxed) < WRITES {
            thread::yield_now();
        }
        node.kill().unwrap();
        for client in clients {
            pairs.extend(client.join().unwrap());
        }
        let node = launch.start().unwrap();
        for (n, version) in versions.lock().unwrap().iter_mut() {
            let (status, body) = send(http, &format!("GET /fhir/Basic/c{n}"), "").unwrap();
            assert_eq!(status, 200, "kill {kill}: {body}");
            let found = body.split("\"text\":\"").nth(1).unwrap().split('"').next().unwrap();
            let found: u64 = found.parse().unwrap();
            // The last one may have become durable without having been acknowledged.
            assert!(found == *version || found == *version + 1, "{found} after {version}");
            *version = found;
        }
        for pair in &pairs {
            for side in ["a", "b"] {
                let (status, _) = send(http, &format!("GET /fhir/Basic/{pair}{side}"), "").unwrap();
                assert_eq!(status, 200, "kill {kill}: {pair}{side}");
            }
        }
        let (_, found) = send(http, "GET /fhir/Basic?_count=500&_elements=id", "").unwrap();
        let sides = |side: &str| found.matches(&format!("{side}\",\"meta\"")).count();
        assert_eq!(sides("a"), sides("b"), "no transaction is there by half");
        node.end().unwrap();
    }
    assert!(pairs.len() >= KILLS * WRITES / 2, "{}", pairs.len());
}
