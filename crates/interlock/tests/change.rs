//! The configuration of a running node is changed from the command line, as an engineer does it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use xtask::trial::child::{Launch, Running};

/// A hospital's folder, with ports of its own.
struct Hospital {
    folder: tempfile::TempDir,
    http: SocketAddr,
}

/// An address on which nobody listens.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

impl Hospital {
    /// A hospital whose cabinet is at `peer`.
    fn new(peer: SocketAddr) -> Self {
        let hospital = Hospital { folder: tempfile::tempdir().unwrap(), http: free() };
        std::fs::create_dir(hospital.folder.path().join("channels")).unwrap();
        hospital.write("token", "0123456789abcdef0123456789abcdef");
        hospital.write("interlock.toml", &hospital.root("channel = \"to-a\"\n"));
        hospital.channel("pas", &inbound(free(), "accepts = []"));
        hospital.channel("lab", &inbound(free(), ""));
        let outbound =
            format!("direction = \"outbound\"\nconnect = \"{peer}\"\nresync = \"never\"\n");
        hospital.channel("to-a", &outbound);
        hospital
    }

    fn root(&self, cabinet: &str) -> String {
        format!(
            "[node]\ndata = \"data\"\nhttp = \"{}\"\n[site]\ncode = \"RXX\"\n[[site.cabinet]]\n\
             system = \"ADC\"\nstation = \"A\"\nwards = [\"WARDA\"]\n{cabinet}[[client]]\n\
             name = \"engineer\"\nroles = [\"admin\"]\ntoken = {{ file = \"token\" }}\n",
            self.http
        )
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.folder.path().join(file), text).unwrap();
    }

    fn channel(&self, name: &str, text: &str) {
        self.write(&format!("channels/{name}.toml"), text);
    }

    fn launch(&self, arguments: &[&str]) -> Launch {
        Launch {
            binary: PathBuf::from(env!("CARGO_BIN_EXE_interlock")),
            config: self.folder.path().join("interlock.toml"),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            log: self.folder.path().join("node.log"),
        }
    }

    fn start(&self, arguments: &[&str]) -> Running {
        self.launch(arguments).start().unwrap()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("node.log")).unwrap()
    }

    /// Runs a command on the configuration: whether it went well, and what it said.
    fn run(&self, command: &str, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_interlock"))
            .arg(command)
            .arg("--config")
            .arg(self.folder.path().join("interlock.toml"))
            .args(arguments)
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    }

    #[track_caller]
    fn done(&self, command: &str, arguments: &[&str]) -> String {
        let (right, said) = self.run(command, arguments);
        assert!(right, "{command}: {said}");
        said
    }

    #[track_caller]
    fn refused(&self, command: &str, arguments: &[&str], why: &str) {
        let (right, said) = self.run(command, arguments);
        assert!(!right && said.contains(why), "{command}: {said}");
    }
}

/// Asks the node itself to apply nothing but its first file, by a plan of any name.
fn apply_by(http: SocketAddr, root: &str, plan: &str) -> String {
    let root = root.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let body = format!("{{\"files\":{{\"interlock.toml\":\"{root}\"}},\"plan\":\"{plan}\"}}");
    let mut line = connect(http);
    let head = format!(
        "POST /admin/apply HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Authorization: Bearer 0123456789abcdef0123456789abcdef\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    line.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    line.read_to_string(&mut answer).unwrap();
    answer
}

fn inbound(address: SocketAddr, more: &str) -> String {
    format!("direction = \"inbound\"\nlisten = \"{address}\"\n{more}\n")
}

fn connect(address: SocketAddr) -> TcpStream {
    let line = TcpStream::connect(address).unwrap();
    line.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    line
}

/// The code with which an admission is acknowledged.
fn admit(line: &mut TcpStream, control_id: &str) -> String {
    let message = format!(
        "\x0bMSH|^~\\&|PAS|TRUST|INTERLOCK|RXX|20261120101500+0000||ADT^A01|{control_id}|P|2.5.1\r\
         EVN|A01|20261120101500+0000\rPID|1||{control_id}^^^RXX^MR||TEST^PATIENT||19800101|F\r\
         PV1|1|I|WARDA^BAY2^B03||||||||||||||||V{control_id}\r\x1c\r"
    );
    line.write_all(message.as_bytes()).unwrap();
    let (mut answer, mut part) = (Vec::new(), [0; 4096]);
    while !answer.ends_with(b"\x1c\r") {
        let count = line.read(&mut part).unwrap();
        assert!(count > 0, "the line was closed");
        answer.extend_from_slice(&part[..count]);
    }
    let answer = String::from_utf8(answer).unwrap();
    let code = answer.split("MSA|").nth(1).unwrap();
    code[..2].to_owned()
}

#[test]
fn a_running_node_is_changed_and_changed_back_without_a_restart() {
    let hospital = Hospital::new(free());
    let node = hospital.start(&[]);
    let (pas, new) = (node.channels["pas"], free());
    let mut lab = connect(node.channels["lab"]);
    assert_eq!(admit(&mut lab, "L1"), "AA");
    assert_eq!(admit(&mut connect(pas), "P1"), "AA");
    assert!(hospital.done("plan", &[]).starts_with("nothing would change\nplan "));

    hospital.channel("pas", &inbound(pas, "accepts = [\"RDE\"]"));
    hospital.channel("new", &inbound(new, ""));
    let said = hospital.done("plan", &[]);
    assert!(said.contains("+ channel new (it starts)\n"), "{said}");
    assert!(said.contains("~ channel pas (it finishes the message in work and starts anew)\n"));
    assert!(said.contains("    accepts: [] -> [\"RDE\"]\n"), "{said}");
    assert!(said.contains("1 added, 1 changed, 0 removed"), "{said}");
    assert_eq!(admit(&mut connect(pas), "P2"), "AA", "a plan changes nothing");

    let said = hospital.done("apply", &["--by", "N1001"]);
    assert!(said.contains("in force: entry "), "{said}");
    assert_eq!(admit(&mut connect(pas), "P3"), "AR", "orders alone are taken now");
    assert_eq!(admit(&mut connect(new), "N1"), "AA");
    assert_eq!(admit(&mut lab, "L2"), "AA", "the line of another channel stays open");

    let said = hospital.done("rollback", &["--list"]);
    assert!(said.contains("by N1001: + channel new, ~ channel pas\n"), "{said}");
    hospital.done("rollback", &[]);
    assert_eq!(admit(&mut connect(pas), "P4"), "AA");
    assert!(TcpStream::connect(new).is_err(), "the new channel is gone again");
    assert_eq!(admit(&mut lab, "L3"), "AA");
    hospital.refused("rollback", &[], "there is no configuration 1 before the one in force");

    node.kill().unwrap();
    let node = hospital.start(&[]);
    assert!(!node.channels.contains_key("new"), "what was applied is in force after a crash");
    assert!(
        hospital.log().contains("the files differ from what was applied"),
        "{}",
        hospital.log()
    );
    node.end().unwrap();
    let node = hospital.start(&["--apply"]);
    assert!(node.channels.contains_key("new"), "the files are in force where somebody says so");
    node.end().unwrap();
}

#[test]
fn messages_that_wait_are_never_lost_by_a_removal() {
    let hospital = Hospital::new(free());
    let node = hospital.start(&[]);
    assert_eq!(admit(&mut connect(node.channels["pas"]), "P1"), "AA");
    std::fs::remove_file(hospital.folder.path().join("channels/to-a.toml")).unwrap();
    hospital.refused("plan", &[], "there is no channel `to-a`");
    hospital.write("interlock.toml", &hospital.root(""));
    hospital.refused(
        "plan",
        &[],
        "- channel to-a (it finishes the message in work and ends; 1 mess",
    );
    hospital.refused("apply", &[], "or give them up with `--discard to-a`");
    hospital.refused("apply", &["--discard", "to-b"], "no messages wait on a removed channel");
    let said = hospital.done("apply", &["--by", "N1001", "--discard", "to-a"]);
    assert!(said.contains("in force: "), "{said}");
    assert!(hospital.done("plan", &[]).starts_with("nothing would change"));
    node.end().unwrap();
}

/// A cabinet that accepts everything, and what it was told.
fn cabinet() -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (told, heard) = channel();
    std::thread::spawn(move || {
        for line in listener.incoming() {
            let mut line = BufReader::new(line.unwrap());
            let mut message = Vec::new();
            while line.read_until(0x1c, &mut message).unwrap() > 0 {
                let text = String::from_utf8_lossy(&message).into_owned();
                message.clear();
                let Some(id) = text.split('|').nth(9) else { continue };
                let answer = format!(
                    "\x0bMSH|^~\\&|ADC|A|INTERLOCK|RXX|2026||ACK|a{id}|P|2.5.1\rMSA|AA|{id}\r\x1c\r"
                );
                line.get_mut().write_all(answer.as_bytes()).unwrap();
                if told.send(text).is_err() {
                    return;
                }
            }
        }
    });
    (address, heard)
}

#[test]
fn what_waits_on_a_removed_channel_is_kept_until_another_sends_it() {
    let hospital = Hospital::new(free());
    let node = hospital.start(&[]);
    assert_eq!(admit(&mut connect(node.channels["pas"]), "P1"), "AA");
    assert_eq!(admit(&mut connect(node.channels["pas"]), "P2"), "AA");
    std::fs::remove_file(hospital.folder.path().join("channels/to-a.toml")).unwrap();
    hospital.write("interlock.toml", &hospital.root(""));
    hospital.refused("apply", &[], "keep them until it is there again with `--hold to-a`");
    hospital.refused("apply", &["--move", "to-a=to-b"], "no outbound channel is called `to-b`");
    hospital.refused("apply", &["--move", "to-a"], "as old=new");
    hospital.done("apply", &["--by", "N1001", "--hold", "to-a"]);
    let kept = "  2 messages are kept for channel `to-a`, which is not there\n";
    let said = hospital.done("plan", &[]);
    assert!(said.starts_with("nothing would change\n") && said.contains(kept), "{said}");
    node.kill().unwrap();

    let node = hospital.start(&[]);
    hospital.channel("lab", &inbound(node.channels["lab"], "max_connections = 8"));
    let said = hospital.done("apply", &["--by", "N1001"]);
    assert!(said.contains(kept), "what was said once is not asked again: {said}");
    let (peer, heard) = cabinet();
    let outbound = format!("direction = \"outbound\"\nconnect = \"{peer}\"\nresync = \"never\"\n");
    hospital.channel("to-b", &outbound);
    hospital.done("apply", &["--by", "N1001", "--move", "to-a=to-b"]);
    for patient in ["P1", "P2"] {
        let told = heard.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(told.contains("|ADT^A01") && told.contains(patient), "{told}");
    }
    let said = hospital.done("plan", &[]);
    assert!(said.starts_with("nothing would change\nplan "), "{said}");
    hospital.refused("apply", &["--discard", "to-a"], "no messages wait on a removed channel");
    let said = hospital.done("rollback", &["--list"]);
    assert!(said.contains("2 messages of to-a kept"), "{said}");
    assert!(said.contains("2 messages of to-a go out on to-b"), "{said}");
    node.end().unwrap();
}

#[test]
fn another_time_to_keep_messages_needs_no_stop() {
    let hospital = Hospital::new(free());
    let node = hospital.start(&[]);
    let pas = node.channels["pas"];
    let mut line = connect(pas);
    assert_eq!(admit(&mut line, "P1"), "AA");
    hospital.channel("pas", &inbound(pas, "accepts = [\"ADT\"]\nretention_days = 30"));
    let said = hospital.done("plan", &[]);
    let effect = "starts anew; from now on its messages older than 30 days are removed for good)";
    assert!(said.contains(effect), "{said}");
    hospital.channel("pas", &inbound(pas, "accepts = []\nretention_days = 30"));
    let said = hospital.done("apply", &["--by", "N1001"]);
    assert!(said.contains("~ channel pas (it runs on; from now on its messages older"), "{said}");
    assert_eq!(admit(&mut line, "P2"), "AA", "the line stays open");
    node.end().unwrap();
}

#[test]
fn of_two_people_at_once_the_second_looks_again() {
    let hospital = Hospital::new(free());
    let node = hospital.start(&[]);
    let pas = node.channels["pas"];
    hospital.channel("pas", &inbound(pas, "max_connections = 8"));
    let said = hospital.done("plan", &[]);
    let plan = said.lines().last().unwrap().split(' ').nth(1).unwrap().to_owned();
    hospital.channel("pas", &inbound(pas, "max_connections = 16"));
    hospital.refused("apply", &["--plan", &plan], "the plan is out of date");
    hospital.done("apply", &[]);
    hospital.channel("pas", &inbound(pas, "max_connections = 8"));
    hospital.refused("apply", &["--plan", &plan], "the plan is out of date");
    let answer = apply_by(hospital.http, &hospital.root(""), &plan);
    assert!(answer.starts_with("HTTP/1.1 409 ") && answer.contains("plan-outdated"), "{answer}");
    assert_eq!(admit(&mut connect(pas), "P1"), "AA");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    hospital.channel("pas", &inbound(taken.local_addr().unwrap(), ""));
    hospital.refused("apply", &[], "it is not applied, and all runs as before");
    assert_eq!(admit(&mut connect(pas), "P2"), "AA");
    node.end().unwrap();
}

#[test]
fn without_a_node_the_data_folder_is_changed() {
    let hospital = Hospital::new(free());
    let node = hospital.start(&[]);
    node.end().unwrap();
    let new = free();
    hospital.channel("new", &inbound(new, ""));
    assert!(hospital.done("plan", &[]).contains("+ channel new"));
    hospital.done("apply", &["--by", "N1001"]);
    let node = hospital.start(&[]);
    assert_eq!(admit(&mut connect(new), "N1"), "AA");
    node.end().unwrap();
    hospital.done("rollback", &["--by", "N1001"]);
    let node = hospital.start(&[]);
    assert!(!node.channels.contains_key("new"));

    hospital.channel("pas", "direction = \"inbound\"\nlisten = ");
    node.end().unwrap();
    let node = hospital.start(&[]);
    assert_eq!(node.channels.len(), 2, "a file that was half written stops no start");
    assert!(hospital.log().contains("channels/pas.toml:2: "), "{}", hospital.log());
    node.end().unwrap();
}
