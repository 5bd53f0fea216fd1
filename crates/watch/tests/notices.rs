//! Notices over real sockets: a small mail server and a small web server that keep what they get.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use watch::{
    Board, Change, Deliver, Limits, Line, Mail, MailTls, Notifier, Pace, Reading, Way, Webhook,
};

/// Long enough for a busy machine; nothing waits so long where all is well.
const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough to see that nothing more comes, with the pace of these tests.
const QUIET: Duration = Duration::from_millis(400);

fn pace(between: Duration) -> Pace {
    Pace { gather: Duration::from_millis(50), between, retry: Duration::from_millis(20) }
}

/// What `peers` outbound channels, all of them down for an hour, change on a board.
fn storm(peers: usize) -> (Vec<Change>, usize) {
    let line = |number: usize| Line {
        name: format!("to-ward{number}"),
        way: Way::Out,
        down: true,
        last_seen: None,
        queue: 0,
        oldest: None,
        messages: 0,
        refused: 0,
        skew_s: None,
        certificate: None,
    };
    let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
    let lines: Vec<Line> = (1..=peers).map(line).collect();
    let reading =
        |second| Reading { at: at(second), started: at(0), lines: lines.clone(), disk: None };
    let mut board = Board::new(Limits::default());
    assert!(board.take(&reading(0)).is_empty());
    let changes = board.take(&reading(3600));
    assert_eq!(changes.len(), peers);
    (changes, board.alarms().len())
}

/// A mail server: what each letter said. It refuses the first `refusing` letters.
fn mail_server(refusing: usize) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (letters, received) = channel();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            if let Some(letter) = one_letter(stream.unwrap(), number < refusing) {
                letters.send(letter).unwrap();
            }
        }
    });
    (address, received)
}

/// SMTP as far as one letter needs it (RFC 5321).
fn one_letter(mut stream: TcpStream, refuse: bool) -> Option<String> {
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let mut say = |words: &str| stream.write_all(format!("{words}\r\n").as_bytes()).unwrap();
    say("220 mail.example ESMTP");
    let (mut line, mut letter, mut in_letter) = (String::new(), String::new(), false);
    loop {
        line.clear();
        if lines.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match (in_letter, line.trim_end()) {
            (true, ".") => {
                say("250 kept");
                return Some(letter);
            }
            (true, _) => letter.push_str(&line),
            (false, "DATA") => {
                say("354 go on");
                in_letter = true;
            }
            (false, command) if command.starts_with("MAIL") && refuse => say("451 later"),
            (false, "QUIT") => {
                say("221 bye");
                return None;
            }
            (false, _) => say("250 yes"),
        }
    }
}

/// A web server: the head and the body of each request, answered with `status`.
fn web_server(status: &'static str) -> (SocketAddr, Receiver<(String, serde_json::Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (requests, received) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if lines.read_line(&mut head).unwrap() == 0 {
                    break;
                }
            }
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
            });
            let mut body = vec![0; length.unwrap_or(0)];
            lines.read_exact(&mut body).unwrap();
            let answer = format!(
                "HTTP/1.1 {status}\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: \
                0\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).unwrap();
            requests.send((head, serde_json::from_slice(&body).unwrap())).unwrap();
        }
    });
    (address, received)
}

fn mail(address: SocketAddr) -> Box<dyn Deliver> {
    let host = address.ip().to_string();
    let to = ["oncall@hospital.example".to_owned(), "it@hospital.example".to_owned()];
    let server = (host.as_str(), address.port());
    Box::new(Mail::new(server, MailTls::None, None, None, "node@hospital.example", &to).unwrap())
}

#[test]
fn one_alarm_is_one_letter() {
    let (address, letters) = mail_server(0);
    let notifier =
        Notifier::start("RXX", pace(Duration::from_mins(1)), vec![mail(address)]).unwrap();
    let (changes, open) = storm(1);
    notifier.tell(Timestamp::UNIX_EPOCH, &changes, open);
    let letter = letters.recv_timeout(PATIENCE).unwrap();
    assert!(letter.contains("Subject: Interlock RXX: down began to-ward1"), "{letter}");
    assert!(letter.contains("oncall@hospital.example"), "{letter}");
    assert!(letter.contains("it@hospital.example"), "{letter}");
    assert!(letter.contains("BEGAN  to-ward1: down at 15 January 2027 09:00:00 GMT"), "{letter}");
    assert!(letters.recv_timeout(QUIET).is_err());
}

#[test]
fn a_storm_is_one_letter() {
    let (address, letters) = mail_server(0);
    let notifier =
        Notifier::start("RXX", pace(Duration::from_mins(1)), vec![mail(address)]).unwrap();
    let (changes, open) = storm(500);
    for part in changes.chunks(50) {
        notifier.tell(Timestamp::UNIX_EPOCH, part, open);
    }
    let letter = letters.recv_timeout(PATIENCE).unwrap();
    assert!(letter.contains("500 changes, 500 alarms open"), "{letter}");
    assert!(letter.contains("and 480 more"), "{letter}");
    // A second storm waits until it may be told of.
    notifier.tell(Timestamp::UNIX_EPOCH, &changes, open);
    assert!(letters.recv_timeout(QUIET).is_err());
}

#[test]
fn what_a_server_refuses_is_told_later_and_nothing_is_left_out() {
    let (address, letters) = mail_server(2);
    let notifier =
        Notifier::start("RXX", pace(Duration::from_millis(100)), vec![mail(address)]).unwrap();
    let (changes, open) = storm(3);
    notifier.tell(Timestamp::UNIX_EPOCH, &changes[..2], open);
    notifier.tell(Timestamp::UNIX_EPOCH, &changes[2..], open);
    let mut told = letters.recv_timeout(PATIENCE).unwrap();
    while let Ok(more) = letters.recv_timeout(QUIET) {
        told.push_str(&more);
    }
    for ward in ["to-ward1:", "to-ward2:", "to-ward3:"] {
        assert_eq!(told.matches(ward).count(), 1, "{ward} in {told}");
    }
}

#[test]
fn a_webhook_gets_the_same_as_json() {
    let (address, requests) = web_server("204 No Content");
    let hook = Webhook::new(&format!("http://{address}/alarms"), None, None).unwrap();
    let pace = pace(Duration::from_millis(50));
    let notifier = Notifier::start("RXX", pace, vec![Box::new(hook)]).unwrap();
    let (changes, open) = storm(2);
    notifier.tell(Timestamp::UNIX_EPOCH, &changes, open);
    let (head, body) = requests.recv_timeout(PATIENCE).unwrap();
    assert!(head.starts_with("POST /alarms HTTP/1.1\r\n"), "{head}");
    assert_eq!(body["site"], "RXX");
    assert_eq!(body["open"], 2);
    assert_eq!(body["changes"][0]["kind"], "down");
    assert_eq!(body["changes"][1]["change"], "began");
    assert!(requests.recv_timeout(QUIET).is_err());
}

#[test]
fn a_redirect_is_not_followed_and_does_not_count_as_told() {
    let (address, requests) = web_server("302 Found");
    let hook = Webhook::new(&format!("http://{address}/"), None, None).unwrap();
    let pace = pace(Duration::from_millis(50));
    let notifier = Notifier::start("RXX", pace, vec![Box::new(hook)]).unwrap();
    let (changes, open) = storm(1);
    notifier.tell(Timestamp::UNIX_EPOCH, &changes, open);
    for _ in 0..3 {
        requests.recv_timeout(PATIENCE).unwrap();
    }
}

#[test]
fn a_server_that_hangs_keeps_nobody_else_waiting() {
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, requests) = web_server("200 OK");
    let hook = Webhook::new(&format!("http://{address}/"), None, None).unwrap();
    let places = vec![mail(hanging.local_addr().unwrap()), Box::new(hook) as Box<dyn Deliver>];
    let notifier = Notifier::start("RXX", pace(Duration::from_secs(1)), places).unwrap();
    let (changes, open) = storm(1);
    notifier.tell(Timestamp::UNIX_EPOCH, &changes, open);
    requests.recv_timeout(Duration::from_secs(10)).unwrap();
}

#[test]
fn what_cannot_be_meant_is_refused_with_words() {
    let check = |error: &dyn std::fmt::Display, part: &str| {
        let text = error.to_string();
        assert!(text.contains(part), "{text}");
    };
    let hook = |url: &str, token: Option<&str>| {
        Webhook::new(url, token.map(str::to_owned), None).unwrap_err()
    };
    check(&hook("alarms.example", None), "no address");
    check(&hook("https:///path", None), "no address");
    check(&hook("http://alarms.example/", Some("secret")), "never sent without TLS");
    let bad = Webhook::new("https://alarms.example/", None, Some(b"no PEM")).unwrap_err();
    check(&bad, "cannot be read");
    let mail = |tls, login, to: &[String]| {
        Mail::new(("mail.example", 25), tls, login, None, "node@hospital.example", to).unwrap_err()
    };
    let one = ["oncall@hospital.example".to_owned()];
    let login = || Some(("node".to_owned(), "secret".to_owned()));
    check(&mail(MailTls::None, login(), &one), "never sent without TLS");
    check(&mail(MailTls::Starttls, None, &[]), "1 to 50");
    check(&mail(MailTls::Starttls, None, &["nobody".to_owned()]), "no e-mail address");
}
