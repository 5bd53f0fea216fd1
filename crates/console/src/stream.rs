//! The event stream of one viewer: the parts of the page that changed.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_core::Stream;
use jiff::Timestamp;
use medicines::{Access, Request};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval_at, sleep_until};

use crate::door::{Token, Visitor};
use crate::live::{UPDATE_EVERY, Watching};
use crate::pages::Console;
use crate::render::Frame;

/// How long a browser waits before it connects again, in milliseconds.
const RETRY_MS: u32 = 3_000;
/// How often a comment is sent, so that a connection that is dead is found out whatever happens.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Updates that wait for a viewer with a slow connection; what is older is left out.
const AHEAD: usize = 2;

/// What one viewer has been sent, and what comes next.
struct Viewer {
    console: Arc<Console>,
    token: Token,
    visitor: Visitor,
    out: mpsc::Sender<Bytes>,
    last: Option<Arc<Frame>>,
}

/// The body of the stream. It ends when the viewer goes, the session ends or the node stops.
pub(crate) fn body(
    console: Arc<Console>,
    watching: Watching,
    token: Token,
    visitor: Visitor,
) -> Body {
    let (out, waiting) = mpsc::channel(AHEAD);
    tokio::spawn(Viewer { console, token, visitor, out, last: None }.run(watching));
    Body::from_stream(Events(waiting))
}

struct Events(mpsc::Receiver<Bytes>);

impl Stream for Events {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|bytes| bytes.map(Ok))
    }
}

/// Why a stream goes on no longer.
enum End {
    /// The viewer has gone.
    Gone,
    /// The viewer has to be told this.
    Told(&'static str),
}

impl Viewer {
    async fn run(mut self, watching: Watching) {
        if let Err(End::Told(event)) = self.watch(watching).await {
            // Whoever has gone meanwhile needs no farewell.
            let _ = self.out.send(Bytes::from(format!("event: {event}\ndata:\n\n"))).await;
        }
    }

    async fn watch(&mut self, mut watching: Watching) -> Result<(), End> {
        self.send(format!("retry: {RETRY_MS}\n\n")).await?;
        let node = Arc::clone(&self.console.node);
        let mut stopped = node.stopped();
        let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        let session_end = sleep_until(self.visitor.until.into());
        tokio::pin!(session_end);
        let mut not_before = Instant::now();
        loop {
            let newest = watching.frames.borrow_and_update().clone();
            if let Some(frame) = newest {
                self.check_session(node.now()).await?;
                self.show(frame).await?;
                not_before = Instant::now() + UPDATE_EVERY;
            }
            tokio::select! {
                changed = next(&mut watching.frames, not_before) => {
                    changed.map_err(|_| End::Told("stopped"))?;
                }
                _ = heartbeat.tick() => self.send(":\n\n".to_owned()).await?,
                () = &mut session_end => return Err(End::Told("signed-out")),
                () = &mut stopped => return Err(End::Told("stopped")),
                () = self.out.closed() => return Err(End::Gone),
            }
        }
    }

    /// Sends what differs from what this viewer has.
    async fn show(&mut self, frame: Arc<Frame>) -> Result<(), End> {
        let text = events(&frame, self.last.as_deref());
        self.last = Some(frame);
        self.send(text).await
    }

    async fn send(&self, text: String) -> Result<(), End> {
        self.out.send(Bytes::from(text)).await.map_err(|_| End::Gone)
    }

    /// A session may have been ended elsewhere, and a long look is journalled again.
    async fn check_session(&mut self, now: Timestamp) -> Result<(), End> {
        let door = &self.console.door;
        let visitor = door.visitor(&self.token, std::time::Instant::now());
        self.visitor = visitor.ok_or(End::Told("signed-out"))?;
        if self.visitor.look_is_due {
            let look = Request::See(vec![look(&self.visitor.name, now)]);
            if self.console.node.note(look, &self.visitor.name).await.is_err() {
                door.look_again(&self.token);
                return Err(End::Told("stopped"));
            }
        }
        Ok(())
    }
}

/// Waits for a frame that comes at `not_before` or later.
async fn next(
    frames: &mut watch::Receiver<Option<Arc<Frame>>>,
    not_before: Instant,
) -> Result<(), watch::error::RecvError> {
    sleep_until(not_before).await;
    frames.changed().await
}

/// A look at the live loop, as the journal keeps it.
pub(crate) fn look(who: &str, at: Timestamp) -> Access {
    Access {
        who: who.to_owned(),
        what: "console".to_owned(),
        patient: None,
        resource_type: None,
        detail: Some("live-loop".to_owned()),
        reason: None,
        at,
    }
}

/// One event for each part that differs. The first line of its data is the part's name, the rest
/// its HTML.
fn events(frame: &Frame, last: Option<&Frame>) -> String {
    let mut text = String::new();
    for part in &frame.parts {
        if last.is_some_and(|last| last.has(part)) {
            continue;
        }
        text.push_str("event: part\ndata: ");
        text.push_str(part.name);
        text.push('\n');
        // A line of data ends with any of CR, LF and CRLF, so that each needs its own beginning.
        for line in part.html.split(['\n', '\r']).filter(|line| !line.trim().is_empty()) {
            text.push_str("data: ");
            text.push_str(line);
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{LiveLoop, WardRow};

    #[test]
    fn only_what_changed_is_sent_and_every_line_is_data() {
        let mut view = LiveLoop::default();
        let first = Frame::of(&view, None);
        let ward = "A\r\ndata: b\n\nevent: c".to_owned();
        view.wards.push(WardRow { ward, patients: 3, ..WardRow::default() });
        let second = Frame::of(&view, Some(&first));

        assert_eq!(events(&first, None).matches("event: part\n").count(), first.parts.len());
        assert_eq!(events(&first, Some(&first)), "");
        let changed = events(&second, Some(&first));
        assert_eq!(changed.matches("\n\n").count(), 1, "one event: {changed}");
        assert!(changed.starts_with("event: part\ndata: wards\ndata: "), "{changed}");
        let mut lines = changed.trim_end().lines().skip(1);
        assert!(lines.all(|line| line.starts_with("data: ")), "{changed}");
        assert!(!changed.contains('\r'));
    }
}
