//! A node with real channels and a real engine, and a cabinet that follows a script.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use channels::dialect::Dialect;
use channels::{
    ChannelConfig, ChannelHealth, Channels, Health, OnUnknown, Resync, Running, Setting,
};
use engine::{Clock, Command, Engine, Options};
use fhir::Id;
use hl7v2::mllp::{Decoder, Event, encode};
use medicines::cases::{Case, CaseKind, Resolution};
use medicines::deliveries::DeliveryState;
use medicines::{Answer, Cabinet, Request, Site};
use record::DeliveryView;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Long enough for any machine; a test that works does not wait for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A site with one cabinet, whose profile goes out on the channel `cabinets`.
pub(crate) fn site() -> Site {
    Site {
        code: "RXX".to_owned(),
        cabinets: vec![Cabinet {
            system: "ADC".to_owned(),
            station: "WARDC1".to_owned(),
            wards: vec!["WARDC".to_owned()],
            channel: Some("cabinets".to_owned()),
        }],
        ..Site::default()
    }
}

pub(crate) fn engine(dir: &Path) -> Engine {
    let dir = dir.to_owned();
    // It blocks, so it starts outside the runtime.
    std::thread::spawn(move || try_engine(&dir)).join().unwrap().unwrap()
}

/// Starts an engine on the calling thread.
#[expect(clippy::default_trait_access, reason = "the journal's own words stay behind the engine")]
pub(crate) fn try_engine(dir: &Path) -> Result<Engine, engine::Error> {
    let options = Options {
        journal: dir.join("journal"),
        record: dir.join("record"),
        site: site(),
        clock: Clock::system(),
        durability: Default::default(),
    };
    Engine::start(options)
}

/// What the scripted cabinet does with a message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    /// Answers with this code.
    Answer(&'static str),
    /// Answers about another message, then about this one.
    WrongThenRight,
    /// Answers about another message only.
    Wrong,
    /// Sends something that is no acknowledgement, then answers.
    Babble,
    /// Says nothing.
    Silent,
    /// Says nothing in time, and answers once the other side has given up.
    Late,
    /// Closes the connection.
    Close,
}

#[derive(Default)]
struct Log {
    messages: Vec<String>,
    connections: usize,
}

/// The patient of whom no message is answered, and what is done instead.
type Poison = Option<(&'static str, Act)>;

/// A cabinet.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    log: Arc<Mutex<Log>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peer {
    /// Follows the script, one act for each message, and answers AA after its end.
    pub(crate) async fn start(script: &[Act]) -> Self {
        Self::on("127.0.0.1:0".parse().unwrap(), script).await
    }

    /// Acts so on every message about the patient of this hospital number, and answers AA to all
    /// others.
    pub(crate) async fn poisoned(number: &'static str, act: Act) -> Self {
        Self::serve("127.0.0.1:0".parse().unwrap(), &[], Some((number, act))).await
    }

    pub(crate) async fn on(address: SocketAddr, script: &[Act]) -> Self {
        Self::serve(address, script, None).await
    }

    async fn serve(address: SocketAddr, script: &[Act], poison: Poison) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Mutex::new(Log::default()));
        let script = Arc::new(Mutex::new(script.iter().copied().collect::<VecDeque<_>>()));
        let shared = Arc::clone(&log);
        let task = tokio::spawn(async move {
            let mut lines = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                shared.lock().unwrap().connections += 1;
                lines.spawn(line(stream, Arc::clone(&shared), Arc::clone(&script), poison));
            }
        });
        Peer { address, log, task }
    }

    /// The messages that came, with line feeds between segments.
    pub(crate) fn messages(&self) -> Vec<String> {
        self.log.lock().unwrap().messages.clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.log.lock().unwrap().messages.len()
    }

    pub(crate) fn connections(&self) -> usize {
        self.log.lock().unwrap().connections
    }

    /// The first hospital number of each message.
    pub(crate) fn patients(&self) -> Vec<String> {
        let number = |text: &String| {
            let start = text.find("PID|1||").expect("every message has a patient") + 7;
            text[start..].split('^').next().unwrap_or_default().to_owned()
        };
        self.messages().iter().map(number).collect()
    }

    /// The control id of each message.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.messages().iter().map(|text| field(text, 9)).collect()
    }

    /// Waits until `count` messages have come.
    pub(crate) async fn wait(&self, count: usize) {
        until("the peer has its messages", || self.messages().len() >= count).await;
    }
}

fn field(message: &str, number: usize) -> String {
    message.split('|').nth(number).unwrap_or_default().to_owned()
}

async fn line(
    mut stream: TcpStream,
    log: Arc<Mutex<Log>>,
    script: Arc<Mutex<VecDeque<Act>>>,
    poison: Poison,
) {
    let mut decoder = Decoder::default();
    let mut input = [0; 4096];
    loop {
        for event in decoder.by_ref() {
            let Event::Frame(frame) = event else { panic!("{event:?}") };
            let text = String::from_utf8(frame).unwrap().replace('\r', "\n");
            log.lock().unwrap().messages.push(text.clone());
            let poisoned = poison.filter(|(number, _)| text.contains(&format!("|{number}^")));
            let scripted = script.lock().unwrap().pop_front().unwrap_or(Act::Answer("AA"));
            let act = poisoned.map_or(scripted, |(_, act)| act);
            if !perform(act, &text, &mut stream).await {
                return;
            }
        }
        match stream.read(&mut input).await {
            Ok(count) if count > 0 => decoder.push(&input[..count]),
            _ => return,
        }
    }
}

async fn perform(act: Act, message: &str, stream: &mut TcpStream) -> bool {
    let id = field(message, 9);
    let mut out = Vec::new();
    match act {
        Act::Answer(code) => out = ack(code, &id),
        Act::WrongThenRight => {
            out = ack("AA", "another");
            out.extend(ack("AA", &id));
        }
        Act::Wrong => out = ack("AA", "another"),
        Act::Babble => {
            out = b"noise".to_vec();
            out.extend(encode(b"MSH|^~\\&|ADC\r").unwrap());
            out.extend(ack("CA", &id));
        }
        Act::Silent => {}
        Act::Late => {
            // The other side closes when it gives up.
            let _ = timeout(PATIENCE, stream.read(&mut [0; 16])).await;
            out = ack("AA", &id);
        }
        Act::Close => return false,
    }
    stream.write_all(&out).await.is_ok()
}

fn ack(code: &str, id: &str) -> Vec<u8> {
    let error = if code.ends_with('E') { "ERR||PID^1^3|204^TEST PATIENT unknown|E\r" } else { "" };
    let text = format!(
        "MSH|^~\\&|ADC|W|INTERLOCK|RXX|20261120101500||ACK|a1|P|2.5.1\rMSA|{code}|{id}\r{error}"
    );
    encode(text.as_bytes()).unwrap()
}

/// A node: an inbound channel `pas`, and the outbound channel `cabinets`.
pub(crate) struct Node {
    pub(crate) engine: Engine,
    pub(crate) running: Running,
}

pub(crate) fn outbound(peer: SocketAddr, on_unknown: OnUnknown, resync: Resync) -> ChannelConfig {
    let mut config = ChannelConfig::outbound("cabinets", peer.to_string(), Dialect::default());
    config.on_unknown = on_unknown;
    config.resync = resync;
    config.ack_timeout_s = 1;
    config
}

pub(crate) async fn node(engine: &Engine, cabinets: ChannelConfig) -> Node {
    let any = "127.0.0.1:0".parse().unwrap();
    let pas = ChannelConfig::inbound("pas", any, Dialect::default());
    let setting = Setting {
        site: "RXX".to_owned(),
        processing_id: "P".to_owned(),
        seed: 7,
        health: Health::new(),
    };
    let running = Channels::start(engine, vec![pas, cabinets], setting).await.unwrap();
    Node { engine: engine.clone(), running }
}

impl Node {
    /// Sends a message on the inbound channel; gives the acknowledgement back.
    pub(crate) async fn tell(&self, message: &str) -> String {
        let stream = TcpStream::connect(self.running.addresses["pas"]).await.unwrap();
        exchange(stream, &encode(message.as_bytes()).unwrap()).await.expect("an answer")
    }

    /// Tells of a patient; each call is a message of its own.
    pub(crate) async fn admit(&self, event: &str, number: &str, control_id: &str) {
        let ack = self.tell(&adt(event, number, control_id)).await;
        assert!(ack.contains("MSA|AA|"), "{ack}");
    }

    pub(crate) fn health(&self) -> ChannelHealth {
        self.running.health().get("cabinets", self.engine.clock().now()).unwrap()
    }

    /// The deliveries, oldest first.
    pub(crate) fn deliveries(&self) -> Vec<DeliveryView> {
        let readers = self.engine.readers();
        let mut found = readers.get().unwrap().latest_deliveries(None, 1000).unwrap();
        found.reverse();
        found
    }

    pub(crate) fn states(&self) -> Vec<DeliveryState> {
        self.deliveries().iter().map(|view| view.state).collect()
    }

    /// The open cases.
    pub(crate) fn cases(&self) -> Vec<Case> {
        let readers = self.engine.readers();
        let found = readers.get().unwrap().open_cases(None, None, 1000).unwrap();
        found.into_iter().map(|view| view.case).collect()
    }

    /// The one open case, which is about a message that was not answered.
    pub(crate) fn unanswered(&self) -> Case {
        let [case] = self.cases().try_into().expect("one open case");
        assert_eq!(case.kind, CaseKind::UnknownOutcome);
        case
    }

    /// Somebody settles a case.
    pub(crate) async fn settle(&self, case: &Id, words: &str) {
        let resolution =
            Resolution { case: case.clone(), by: "N1001".to_owned(), resolution: words.to_owned() };
        let request = Request::Resolve(resolution);
        let command = Command::internal("N1001", self.engine.clock().now(), request);
        let answer = self.engine.submit(command).await.unwrap().answer;
        assert_eq!(answer, Answer::Done, "{words}");
    }

    /// Waits until the deliveries stand so, oldest first.
    pub(crate) async fn stand(&self, states: &[DeliveryState]) {
        until(&format!("{states:?}, not {:?}", self.states()), || self.states() == states).await;
    }
}

pub(crate) fn adt(event: &str, number: &str, control_id: &str) -> String {
    format!(
        "MSH|^~\\&|PAS|TRUST|INTERLOCK|RXX|20261120101500+0000||ADT^{event}|{control_id}|P|2.5.1\r\
         EVN|{event}|20261120101500+0000\r\
         PID|1||{number}^^^RXX^MR||TEST^PATIENT||19800101|F\r\
         PV1|1|I|WARDC^BAY2^B03||||||||||||||||V{number}\r"
    )
}

/// Sends bytes and waits for one framed answer; `None` where the other side closes instead.
pub(crate) async fn exchange(mut stream: TcpStream, bytes: &[u8]) -> Option<String> {
    stream.write_all(bytes).await.unwrap();
    let mut decoder = Decoder::default();
    let mut input = [0; 4096];
    loop {
        for event in decoder.by_ref() {
            if let Event::Frame(frame) = event {
                return Some(String::from_utf8(frame).unwrap());
            }
        }
        let read = timeout(PATIENCE, stream.read(&mut input)).await.expect("an answer in time");
        match read {
            Ok(count) if count > 0 => decoder.push(&input[..count]),
            _ => return None,
        }
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, so: impl Fn() -> bool) {
    let waiting = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(PATIENCE, waiting).await.is_ok(), "never: {what}");
}
