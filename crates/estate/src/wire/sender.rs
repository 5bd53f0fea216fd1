//! The sending end of a link: lock-step, and the same message again until it is acknowledged.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::malformed::malformed;
use super::mllp::{Frames, framed};
use super::outbox::{Outbox, Outgoing};
use super::text::Text;
use crate::book::Finding;
use crate::chance::{Chance, generator};
use crate::faults::Faults;
use crate::stage::Stage;

/// How long an acknowledgement may take, in real time.
const ACK_TIMEOUT: Duration = Duration::from_secs(20);
/// How long an answer to something that is no message is waited for.
const MALFORMED_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a sender waits before it calls again.
const AGAIN: Duration = Duration::from_millis(40);

/// Sends what waits in an outbox.
pub(crate) struct Sender {
    link: String,
    application: &'static str,
    to: SocketAddr,
    outbox: Arc<Outbox>,
    stage: Arc<Stage>,
    rng: StdRng,
    line: Option<Frames<TcpStream>>,
}

/// What the node said to a message.
struct Acknowledged {
    code: String,
    text: String,
}

impl Sender {
    pub(crate) fn new(
        link: &str,
        application: &'static str,
        to: SocketAddr,
        outbox: Arc<Outbox>,
        stage: Arc<Stage>,
    ) -> Self {
        let rng = generator(stage.config.seed, &format!("faults of {link}"));
        Sender { link: link.to_owned(), application, to, outbox, stage, rng, line: None }
    }

    /// Sends until it is dropped.
    pub(crate) async fn run(mut self) {
        loop {
            let overtake = {
                let reorder = self.faults().reorder;
                self.rng.per_mille(reorder)
            };
            let message = self.outbox.next(overtake).await;
            for (subject, count) in &message.needs {
                self.stage.told.reaches(*subject, *count).await;
            }
            self.stage.count(&self.link, |counts| counts.sent += 1);
            let said = self.until_acknowledged(&message).await;
            self.note(&message, &said);
            let repeat = self.faults().repeat;
            if self.rng.per_mille(repeat) {
                self.stage.count(&self.link, |counts| counts.repeated += 1);
                let again = self.until_acknowledged(&message).await;
                if is_error(&again.code) != is_error(&said.code) {
                    let (link, path) = (self.link.clone(), message.control_id.clone());
                    self.stage.finding(Finding::AnsweredOtherwise { link, path });
                }
            }
            self.outbox.finished(&message);
        }
    }

    fn faults(&self) -> Faults {
        self.stage.board.of(&self.link)
    }

    fn note(&self, message: &Outgoing, said: &Acknowledged) {
        let rejected = is_error(&said.code);
        self.stage.count(&self.link, |counts| {
            counts.acked += 1;
            counts.rejected += u64::from(rejected);
        });
        if rejected {
            self.stage.finding(Finding::Rejected {
                link: self.link.clone(),
                message: message.control_id.clone(),
                code: format!("{} {}", said.code, said.text),
            });
        }
    }

    async fn until_acknowledged(&mut self, message: &Outgoing) -> Acknowledged {
        let mut first = true;
        loop {
            if self.stage.board.is_cut(&self.link) {
                self.line = None;
                sleep(AGAIN).await;
                continue;
            }
            if !first {
                self.stage.count(&self.link, |counts| counts.resent += 1);
            }
            if let Ok(Some(said)) = self.send(message).await {
                return said;
            }
            self.line = None;
            first = false;
            sleep(AGAIN).await;
        }
    }

    async fn connected(&mut self) -> io::Result<&mut Frames<TcpStream>> {
        if self.line.is_none() {
            let stream = TcpStream::connect(self.to).await?;
            stream.set_nodelay(true)?;
            self.line = Some(Frames::new(stream));
        }
        self.line.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Sends once; `None` where no acknowledgement came.
    async fn send(&mut self, message: &Outgoing) -> io::Result<Option<Acknowledged>> {
        let faults = self.faults();
        if self.rng.per_mille(faults.delay) {
            let wait = self.rng.random_range(0..=faults.delay_ms);
            sleep(Duration::from_millis(u64::from(wait))).await;
        }
        if self.rng.per_mille(faults.malformed) {
            self.send_malformed(message).await?;
        }
        let mut frame = framed(&message.bytes);
        let dropped = self.rng.per_mille(faults.drop);
        let in_the_middle = dropped && self.rng.per_mille(500);
        if in_the_middle {
            frame.truncate(self.rng.random_range(1..frame.len()));
        }
        let line = self.connected().await?;
        line.line().write_all(&frame).await?;
        line.line().flush().await?;
        if dropped {
            self.stage.count(&self.link, |counts| counts.dropped += 1);
            return Ok(None);
        }
        let control_id = message.control_id.as_str();
        let answer = timeout(ACK_TIMEOUT, acknowledgement(line, control_id)).await;
        answer.unwrap_or(Ok(None))
    }

    async fn send_malformed(&mut self, message: &Outgoing) -> io::Result<()> {
        let (bytes, answer) = malformed(&mut self.rng, self.application, &message.control_id);
        self.stage.count(&self.link, |counts| counts.malformed += 1);
        let line = self.connected().await?;
        line.line().write_all(&bytes).await?;
        let wait = if answer { ACK_TIMEOUT } else { MALFORMED_TIMEOUT };
        let read = timeout(wait, line.next()).await;
        // Whatever came back, the next message begins on a line of which nothing is left unread.
        if !(answer && matches!(read, Ok(Ok(Some(_))))) {
            self.line = None;
        }
        Ok(())
    }
}

fn is_error(code: &str) -> bool {
    !matches!(code, "AA" | "CA")
}

/// Reads until the acknowledgement of this message; an older one is passed over.
async fn acknowledgement(
    line: &mut Frames<TcpStream>,
    control_id: &str,
) -> io::Result<Option<Acknowledged>> {
    while let Some(bytes) = line.next().await? {
        let Some(text) = Text::read(&bytes) else {
            continue;
        };
        if text.get("MSA", 2, 1) == control_id {
            let (code, words) = (text.get("MSA", 1, 1), text.get("ERR", 8, 1));
            let words = if words.is_empty() { text.get("MSA", 3, 1) } else { words };
            return Ok(Some(Acknowledged { code, text: words }));
        }
    }
    Ok(None)
}
