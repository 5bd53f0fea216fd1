//! A peer whose behaviour is a function of what it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hl7v2::mllp::{Decoder, Event, encode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::rig::until;

/// What a peer does about a message.
pub(crate) enum Say {
    /// Sends this message on the same connection.
    Now(String),
    /// Closes the connection.
    Close,
}

type Mind = dyn Fn(usize, &str) -> Vec<Say> + Send + Sync;

#[derive(Default)]
struct Log {
    messages: Vec<String>,
    connections: usize,
    line: Option<mpsc::UnboundedSender<Say>>,
}

/// A peer. Dropping it closes everything.
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
    /// `mind` gets how many messages came before, and the message.
    pub(crate) async fn start(
        mind: impl Fn(usize, &str) -> Vec<Say> + Send + Sync + 'static,
    ) -> Self {
        Self::on("127.0.0.1:0".parse().unwrap(), mind).await
    }

    pub(crate) async fn on(
        address: SocketAddr,
        mind: impl Fn(usize, &str) -> Vec<Say> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Mutex::new(Log::default()));
        let (shared, mind): (_, Arc<Mind>) = (Arc::clone(&log), Arc::new(mind));
        let task = tokio::spawn(async move {
            let mut lines = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (says, said) = mpsc::unbounded_channel();
                let mut log = shared.lock().unwrap();
                log.connections += 1;
                log.line = Some(says.clone());
                drop(log);
                lines.spawn(line(stream, Arc::clone(&shared), Arc::clone(&mind), says, said));
            }
        });
        Peer { address, log, task }
    }

    /// Says something on the newest connection without being asked.
    pub(crate) fn say(&self, text: String) {
        let line = self.log.lock().unwrap().line.clone().unwrap();
        line.send(Say::Now(text)).unwrap();
    }

    /// The messages that came.
    pub(crate) fn messages(&self) -> Vec<String> {
        self.log.lock().unwrap().messages.clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.log.lock().unwrap().messages.len()
    }

    pub(crate) fn connections(&self) -> usize {
        self.log.lock().unwrap().connections
    }

    /// The hospital number and the event of each message, as `H1 A08`.
    pub(crate) fn told(&self) -> Vec<String> {
        self.messages().iter().map(|text| format!("{} {}", number(text), event(text))).collect()
    }

    pub(crate) async fn wait(&self, count: usize) {
        until("the peer has its messages", || self.count() >= count).await;
    }
}

async fn line(
    stream: TcpStream,
    log: Arc<Mutex<Log>>,
    mind: Arc<Mind>,
    says: mpsc::UnboundedSender<Say>,
    mut said: mpsc::UnboundedReceiver<Say>,
) {
    let (mut reading, mut writing) = stream.into_split();
    let mut decoder = Decoder::default();
    let mut input = [0; 4096];
    loop {
        for event in decoder.by_ref() {
            let Event::Frame(frame) = event else { continue };
            let text = String::from_utf8(frame).unwrap();
            let before = {
                let mut log = log.lock().unwrap();
                log.messages.push(text.clone());
                log.messages.len() - 1
            };
            for say in mind(before, &text) {
                says.send(say).unwrap();
            }
        }
        tokio::select! {
            read = reading.read(&mut input) => match read {
                Ok(count) if count > 0 => decoder.push(&input[..count]),
                _ => return,
            },
            Some(say) = said.recv() => match say {
                Say::Now(text) => {
                    if writing.write_all(&encode(text.as_bytes()).unwrap()).await.is_err() {
                        return;
                    }
                }
                Say::Close => return,
            },
        }
    }
}

/// MSH-10.
pub(crate) fn id(message: &str) -> String {
    message.split('|').nth(9).unwrap_or_default().to_owned()
}

/// The first hospital number in PID-3.
pub(crate) fn number(message: &str) -> String {
    let start = message.find("PID|1||").expect("every message has a patient") + 7;
    message[start..].split('^').next().unwrap_or_default().to_owned()
}

/// MSH-9.2.
pub(crate) fn event(message: &str) -> String {
    let kind = message.split('|').nth(8).unwrap_or_default();
    kind.split('^').nth(1).unwrap_or_default().to_owned()
}

/// An acknowledgement of the message with that control id.
pub(crate) fn ack(code: &str, id: &str) -> String {
    conditional(code, id, "a1", "")
}

/// The same with a control id of its own and MSH-15.
pub(crate) fn conditional(code: &str, id: &str, own: &str, accept: &str) -> String {
    let error = if code.ends_with('E') { "ERR||PID^1^3|204^unknown|E\r" } else { "" };
    format!(
        "MSH|^~\\&|ADC|W|INTERLOCK|RXX|20261120101500||ACK|{own}|P|2.5.1|||{accept}\r\
         MSA|{code}|{id}\r{error}"
    )
}

/// A peer's answer to everything.
pub(crate) fn accepts(_: usize, message: &str) -> Vec<Say> {
    vec![Say::Now(ack("AA", &id(message)))]
}
