//! The listener against peers that behave and peers that do not, over real sockets.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use channels::transport::{Limits, Listener, Reply, Service, Stopper, Unserved};
use channels::{Direction, Meter};
use hl7v2::mllp::{Decoder, Ending, Event, encode};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Long enough for any machine; a test that works does not wait for it.
const PATIENCE: Duration = Duration::from_secs(20);

const LIMIT: usize = 4096;

/// Answers each message with `ok ` and the message, in order; keeps what it saw.
#[derive(Clone, Default)]
struct Echo {
    seen: Arc<Mutex<Vec<String>>>,
}

impl Echo {
    fn saw(&self, text: &str) {
        self.seen.lock().unwrap().push(text.to_owned());
    }
}

impl Service for Echo {
    fn message(&self, message: Vec<u8>) -> impl Future<Output = Result<Reply, Unserved>> + Send {
        let text = String::from_utf8(message).unwrap();
        self.saw(&text);
        async move {
            tokio::task::yield_now().await;
            match text.as_str() {
                "stop" => Err(Unserved::Stopped),
                "full" => Err(Unserved::NoRoom),
                "silent" => Ok(Reply::default()),
                _ => Ok(answer(&format!("ok {text}"))),
            }
        }
    }

    fn oversized(
        &self,
        head: Vec<u8>,
        limit: usize,
    ) -> impl Future<Output = Result<Reply, Unserved>> + Send {
        self.saw(&format!("oversized {} {limit}", head.len()));
        std::future::ready(Ok(answer("too long")))
    }
}

fn answer(text: &str) -> Reply {
    Reply { answers: vec![text.as_bytes().to_vec()], refused: false }
}

struct Rig {
    address: SocketAddr,
    echo: Echo,
    meter: Meter,
    stopper: Stopper,
    task: tokio::task::JoinHandle<()>,
}

fn rig(connections: usize) -> Rig {
    rig_with(Limits::new(LIMIT, connections))
}

fn rig_with(limits: Limits) -> Rig {
    let echo = Echo::default();
    let meter = Meter::new("test".into(), Direction::Inbound);
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.address();
    let (stopper, stop) = Stopper::new();
    let task = tokio::spawn(listener.run(echo.clone(), limits, meter.clone(), stop));
    Rig { address, echo, meter, stopper, task }
}

struct Peer {
    stream: TcpStream,
    decoder: Decoder,
}

impl Peer {
    async fn connect(rig: &Rig) -> Self {
        let stream = TcpStream::connect(rig.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Peer { stream, decoder: Decoder::new(1 << 20, Ending::Proper) }
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// The next answer, or `None` when the other side closed.
    async fn answer(&mut self) -> Option<String> {
        let mut input = [0; 4096];
        loop {
            match self.decoder.next() {
                Some(Event::Frame(frame)) => return Some(String::from_utf8(frame).unwrap()),
                Some(other) => panic!("{other:?}"),
                None => {}
            }
            let read = timeout(PATIENCE, self.stream.read(&mut input)).await.expect("in time");
            match read {
                Ok(count) if count > 0 => self.decoder.push(&input[..count]),
                _ => return None,
            }
        }
    }
}

fn frame(text: &str) -> Vec<u8> {
    encode(text.as_bytes()).unwrap()
}

/// Waits until something is so.
async fn until(what: &str, so: impl Fn() -> bool) {
    let waiting = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect(what);
}

#[tokio::test]
async fn split_and_joined_frames_are_answered_in_order() {
    let rig = rig(8);
    let mut peer = Peer::connect(&rig).await;
    let all: Vec<u8> = (0..50).flat_map(|n| frame(&format!("m{n}"))).collect();
    for piece in all.chunks(7) {
        peer.send(piece).await;
    }
    for n in 0..50 {
        assert_eq!(peer.answer().await.as_deref(), Some(format!("ok m{n}").as_str()));
    }
    let health = rig.meter.read(Timestamp::UNIX_EPOCH);
    assert_eq!((health.sent, health.errors, health.connections), (50, 0, 1));
}

#[tokio::test]
async fn noise_half_frames_and_oversized_ones_are_counted_and_the_line_goes_on() {
    let rig = rig(8);
    let mut peer = Peer::connect(&rig).await;
    peer.send(b"hello\r\n").await;
    peer.send(b"\x0Bhalf").await;
    peer.send(&frame("one")).await;
    assert_eq!(peer.answer().await.as_deref(), Some("ok one"));
    peer.send(&frame(&"x".repeat(LIMIT * 5))).await;
    assert_eq!(peer.answer().await.as_deref(), Some("too long"));
    peer.send(&frame("two")).await;
    assert_eq!(peer.answer().await.as_deref(), Some("ok two"));
    peer.send(b"\x0Bhalf again").await;
    drop(peer);
    until("noise, two halves, one oversized", || rig.meter.read(Timestamp::UNIX_EPOCH).errors == 4)
        .await;
    let seen = rig.echo.seen.lock().unwrap().clone();
    assert_eq!(seen[0], "one");
    assert!(seen[1].starts_with("oversized "), "{seen:?}");
    assert!(seen[1].ends_with(&LIMIT.to_string()), "{seen:?}");
    assert_eq!(seen[2..], ["two"]);
}

#[tokio::test]
async fn what_needs_no_answer_gets_none() {
    let rig = rig(8);
    let mut peer = Peer::connect(&rig).await;
    peer.send(&[frame("silent"), frame("loud")].concat()).await;
    assert_eq!(peer.answer().await.as_deref(), Some("ok loud"));
}

#[tokio::test]
async fn a_stopped_engine_closes_the_line_without_an_answer() {
    let rig = rig(8);
    let mut peer = Peer::connect(&rig).await;
    peer.send(&[frame("one"), frame("stop"), frame("two")].concat()).await;
    assert_eq!(peer.answer().await.as_deref(), Some("ok one"));
    assert_eq!(peer.answer().await, None);
    assert_eq!(*rig.echo.seen.lock().unwrap(), ["one", "stop"]);
    wait_for(&rig, Some("node-stopped")).await;
}

#[tokio::test]
async fn a_line_that_is_closed_for_want_of_room_says_so() {
    let rig = rig(4);
    let mut peer = Peer::connect(&rig).await;
    peer.send(&frame("full")).await;
    assert_eq!(peer.answer().await, None);
    wait_for(&rig, Some("queue-full")).await;
}

/// Waits until the last error of the channel is this one.
async fn wait_for(rig: &Rig, error: Option<&str>) {
    let is = || rig.meter.read(Timestamp::UNIX_EPOCH).last_error == error;
    let wait = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("{error:?} is not the last error"));
}

#[tokio::test]
async fn connections_are_limited() {
    let rig = rig(2);
    let mut first = Peer::connect(&rig).await;
    let mut second = Peer::connect(&rig).await;
    for peer in [&mut first, &mut second] {
        peer.send(&frame("x")).await;
        assert_eq!(peer.answer().await.as_deref(), Some("ok x"));
    }
    let mut third = Peer::connect(&rig).await;
    assert_eq!(third.answer().await, None);
    assert_eq!(rig.meter.read(Timestamp::UNIX_EPOCH).last_error, Some("connection-limit"));
    drop(first);
    until("a place is free", || rig.meter.read(Timestamp::UNIX_EPOCH).connections == 1).await;
    let mut fourth = Peer::connect(&rig).await;
    fourth.send(&frame("y")).await;
    assert_eq!(fourth.answer().await.as_deref(), Some("ok y"));
}

#[tokio::test]
async fn the_connection_that_is_silent_the_longest_makes_room_for_a_new_one() {
    let rig = rig_with(Limits { yield_after: Duration::ZERO, ..Limits::new(LIMIT, 2) });
    let mut first = Peer::connect(&rig).await;
    let mut second = Peer::connect(&rig).await;
    for (peer, other) in [(&mut first, "1"), (&mut second, "2")] {
        peer.send(&frame(other)).await;
        assert!(peer.answer().await.is_some());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The first is the older one, but spoke last.
    first.send(&frame("again")).await;
    assert!(first.answer().await.is_some());
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut third = Peer::connect(&rig).await;
    third.send(&frame("3")).await;
    assert_eq!(third.answer().await.as_deref(), Some("ok 3"));
    assert_eq!(second.answer().await, None);
    first.send(&frame("still")).await;
    assert_eq!(first.answer().await.as_deref(), Some("ok still"));
    until("two are left", || rig.meter.read(Timestamp::UNIX_EPOCH).connections == 2).await;
}

#[tokio::test]
async fn a_message_that_does_not_end_is_not_waited_for_like_a_quiet_line() {
    let frame_limit = Duration::from_millis(50);
    let check = async |begin: &[u8]| {
        let limits = Limits { frame: frame_limit, ..Limits::new(LIMIT, 2) };
        let rig = rig_with(limits);
        let mut peer = Peer::connect(&rig).await;
        peer.send(begin).await;
        while peer.answer().await.is_some() {}
        let code = Some("message-timeout");
        until("it is told", || rig.meter.read(Timestamp::UNIX_EPOCH).last_error == code).await;
    };
    check(b"\x0B").await;
    check(b"\x0Bhalf").await;
    check(&[b"\x0B".as_slice(), &[b'x'; LIMIT * 2]].concat()).await;
    check(&[frame("one"), b"\x0B".to_vec()].concat()).await;
}

#[tokio::test]
async fn a_line_on_which_a_message_is_always_arriving_has_time_for_each() {
    let limits = Limits { frame: Duration::from_secs(1), ..Limits::new(LIMIT, 2) };
    let rig = rig_with(limits);
    let mut peer = Peer::connect(&rig).await;
    // Each piece ends one message and begins the next.
    peer.send(b"\x0Bm0").await;
    for n in 1..=12 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        peer.send(format!("\x1C\r\x0Bm{n}").as_bytes()).await;
        assert_eq!(peer.answer().await, Some(format!("ok m{}", n - 1)));
    }
}

#[tokio::test]
async fn a_stop_closes_lines_between_messages() {
    let rig = rig(8);
    let mut idle = Peer::connect(&rig).await;
    let mut inside = Peer::connect(&rig).await;
    for peer in [&mut idle, &mut inside] {
        peer.send(&frame("x")).await;
        assert_eq!(peer.answer().await.as_deref(), Some("ok x"));
    }
    inside.send(b"\x0Bhalf").await;
    rig.stopper.stop();
    assert_eq!(idle.answer().await, None);
    assert_eq!(inside.answer().await, None);
    timeout(PATIENCE, rig.task).await.expect("the listener ends").unwrap();
    assert!(TcpStream::connect(rig.address).await.is_err(), "nobody listens any more");
}

/// How many messages a second the listener answers over 64 lines, clients in the same process.
/// Run by hand: `cargo nextest run -p channels --release --run-ignored only`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a check"]
async fn speed_of_the_listener_alone() {
    let rig = rig(64);
    let message = frame(&"MSH|^~\\&|".repeat(100));
    let began = std::time::Instant::now();
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let mut peer = Peer::connect(&rig).await;
        let message = message.clone();
        clients.spawn(async move {
            for _ in 0..2000 {
                peer.send(&message).await;
                peer.answer().await.unwrap();
            }
        });
    }
    clients.join_all().await;
    println!("{:.0} messages a second", 128_000.0 / began.elapsed().as_secs_f64());
}
