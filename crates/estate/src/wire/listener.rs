//! The receiving end of a link: reads frames, acts on each message once, acknowledges.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::mllp::{Frames, framed};
use super::text::{Segment, Text, message};
use crate::book::Finding;
use crate::chance::{Chance, generator};
use crate::clock::local_stamp;
use crate::site::DialectFacts;
use crate::stage::Stage;

/// How many control ids a receiver remembers.
const MAX_REMEMBERED: usize = 50_000;
/// The most lines that a receiver keeps open.
const MAX_LINES: usize = 16;
/// How often a receiver looks whether its line was cut.
const LOOK: Duration = Duration::from_millis(25);

/// What is answered to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// AA.
    Accepted,
    /// AE, with why: the message makes no sense.
    Error(String),
    /// AE with the code of an unknown key: whom or what it is about is not here any more.
    Unknown(String),
}

/// The code of an unknown key identifier (HL7 table 0357).
const UNKNOWN_KEY: [&str; 3] = ["204", "Unknown key identifier", "HL70357"];

/// What a receiver does with a message that it sees for the first time.
pub(crate) type Handler = Arc<dyn Fn(&Text) -> Reply + Send + Sync>;

/// What was answered to which control id.
#[derive(Default)]
struct Remembered {
    replies: HashMap<String, (u64, Reply)>,
    order: VecDeque<String>,
}

/// A receiver.
#[derive(Clone)]
pub(crate) struct Listener {
    link: String,
    dialect: DialectFacts,
    stage: Arc<Stage>,
    handler: Handler,
    remembered: Arc<Mutex<Remembered>>,
}

impl Listener {
    pub(crate) fn new(
        link: &str,
        dialect: DialectFacts,
        stage: Arc<Stage>,
        handler: Handler,
    ) -> Self {
        Listener { link: link.to_owned(), dialect, stage, handler, remembered: Arc::default() }
    }

    /// Listens until it is dropped.
    pub(crate) async fn run(self, listener: TcpListener) {
        let mut lines = JoinSet::new();
        let mut count = 0_u64;
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                sleep(LOOK).await;
                continue;
            };
            while lines.try_join_next().is_some() {}
            if self.stage.board.is_cut(&self.link) || lines.len() >= MAX_LINES {
                continue;
            }
            count += 1;
            let name = format!("line {count} of {}", self.link);
            let rng = generator(self.stage.config.seed, &name);
            let listener = self.clone();
            lines.spawn(async move {
                // A line that breaks is the caller's to build again.
                let _ = listener.serve(stream, rng).await;
            });
        }
    }

    async fn serve(self, stream: TcpStream, mut rng: StdRng) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut frames = Frames::new(stream);
        loop {
            let bytes = tokio::select! {
                read = frames.next() => read?,
                () = sleep(LOOK) => {
                    if self.stage.board.is_cut(&self.link) {
                        return Ok(());
                    }
                    continue;
                }
            };
            let Some(bytes) = bytes else { return Ok(()) };
            if self.stage.board.is_cut(&self.link) {
                return Ok(());
            }
            self.stage.heard();
            let faults = self.stage.board.of(&self.link);
            if rng.per_mille(faults.delay) {
                let wait = rng.random_range(0..=faults.delay_ms);
                sleep(Duration::from_millis(u64::from(wait))).await;
            }
            let silent = rng.per_mille(faults.unanswered);
            if silent && rng.per_mille(500) {
                continue;
            }
            let answer = self.answer(&bytes);
            if silent {
                continue;
            }
            if rng.per_mille(faults.drop) {
                self.stage.count(&self.link, |counts| counts.dropped += 1);
                return Ok(());
            }
            frames.line().write_all(&framed(answer.as_bytes())).await?;
        }
    }

    /// Acts on the message unless it was heard before, and writes the acknowledgement.
    fn answer(&self, bytes: &[u8]) -> String {
        let Some(text) = Text::read(bytes) else {
            self.stage.finding(Finding::NotUnderstood {
                link: self.link.clone(),
                what: "bytes without a message header".to_owned(),
            });
            return self.acknowledgement(None, &Reply::Error("no message header".to_owned()));
        };
        let reply = self.once(&text, bytes);
        self.acknowledgement(Some(&text), &reply)
    }

    fn once(&self, text: &Text, bytes: &[u8]) -> Reply {
        let control_id = text.get("MSH", 10, 1);
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let digest = hasher.finish();
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, reply)) = remembered.replies.get(&control_id) {
            self.stage.count(&self.link, |counts| counts.heard_again += 1);
            if *known != digest {
                let (link, what) = (self.link.clone(), format!("{control_id} is used twice"));
                self.stage.finding(Finding::NotUnderstood { link, what });
            }
            return reply.clone();
        }
        let reply = (self.handler)(text);
        self.stage.count(&self.link, |counts| counts.heard += 1);
        if let Reply::Error(why) = &reply {
            let (link, what) = (self.link.clone(), format!("{control_id}: {why}"));
            self.stage.finding(Finding::NotUnderstood { link, what });
        }
        remembered.order.push_back(control_id.clone());
        remembered.replies.insert(control_id, (digest, reply.clone()));
        if remembered.order.len() > MAX_REMEMBERED
            && let Some(oldest) = remembered.order.pop_front()
        {
            remembered.replies.remove(&oldest);
        }
        reply
    }

    fn acknowledgement(&self, to: Option<&Text>, reply: &Reply) -> String {
        let of = |field, component| to.map_or(String::new(), |to| to.get("MSH", field, component));
        let kind = format!("ACK^{}", of(9, 2));
        let header = Segment::new("MSH")
            .put(3, self.dialect.application)
            .put(4, &self.stage.config.site_code)
            .put(5, &of(3, 1))
            .put(6, &of(4, 1))
            .put(7, &local_stamp(self.stage.now()))
            .raw(9, kind.trim_end_matches('^').to_owned())
            .put(10, &format!("R{}", of(10, 1)))
            .put(11, "P")
            .put(12, self.dialect.version);
        let (code, why) = match reply {
            Reply::Accepted => ("AA", ""),
            Reply::Error(why) | Reply::Unknown(why) => ("AE", why.as_str()),
        };
        let answer = Segment::new("MSA").put(1, code).put(2, &of(10, 1)).put(3, why);
        let unknown = matches!(reply, Reply::Unknown(_));
        match (unknown, self.dialect.version >= "2.5") {
            // ERR-3 came with 2.5; before, MSA-6 told the condition.
            (true, true) => {
                let error = Segment::new("ERR").parts(3, &UNKNOWN_KEY).put(4, "E");
                message(&[header, answer, error])
            }
            (true, false) => message(&[header, answer.parts(6, &UNKNOWN_KEY)]),
            (false, _) => message(&[header, answer]),
        }
    }
}
