//! A line whose peer has to take what is written to it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Duration, Instant, Sleep, sleep_until};

use crate::transport::line::Line;

/// A line on which a write fails once the peer has taken nothing for as long as it may. What
/// reads and is silent is not hurried: the limits on heads and bodies do that.
pub(super) struct Hurried {
    line: Line,
    limit: Duration,
    /// Since a write waits: when it has waited for too long.
    due: Option<Pin<Box<Sleep>>>,
}

impl Hurried {
    pub(super) fn new(line: Line, limit: Duration) -> Self {
        Hurried { line, limit, due: None }
    }

    fn timed<T>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut Line>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let done = write(Pin::new(&mut self.line), cx);
        if done.is_ready() {
            self.due = None;
            return done;
        }
        let until = Instant::now() + self.limit;
        let due = self.due.get_or_insert_with(|| Box::pin(sleep_until(until)));
        match due.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Hurried {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_read(cx, buf)
    }
}

impl AsyncWrite for Hurried {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.timed(cx, |line, cx| line.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.timed(cx, AsyncWrite::poll_flush)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.timed(cx, AsyncWrite::poll_shutdown)
    }
}
