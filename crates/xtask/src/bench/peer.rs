//! A cabinet's computer that accepts everything at once, and tells when an order has come.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::node::told;

/// How long nothing comes from a node that has nothing left to send.
const QUIET: Duration = Duration::from_millis(500);

/// Two cabinets on a thread of their own, for as long as the program runs.
#[derive(Debug, Clone)]
pub(super) struct Peers {
    pub(super) addresses: [SocketAddr; 2],
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    received: AtomicU64,
    /// Orders that somebody waits for, by the placer's number.
    awaited: Mutex<HashMap<Vec<u8>, mpsc::Sender<Instant>>>,
}

impl Peers {
    /// Binds both and starts to accept.
    pub(super) fn start() -> Result<Peers, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(told)?;
        let bind = || runtime.block_on(TcpListener::bind("127.0.0.1:0")).map_err(told);
        let listeners = [bind()?, bind()?];
        let [first, second] = listeners.each_ref().map(TcpListener::local_addr);
        let addresses = [first.map_err(told)?, second.map_err(told)?];
        let shared = Arc::new(Shared::default());
        let peers = Peers { addresses, shared: Arc::clone(&shared) };
        std::thread::spawn(move || {
            let [first, second] = listeners.map(|listener| accept(listener, Arc::clone(&shared)));
            runtime.block_on(async { tokio::join!(first, second) });
        });
        Ok(peers)
    }

    /// How many messages have come.
    pub(super) fn received(&self) -> u64 {
        self.shared.received.load(Ordering::Relaxed)
    }

    /// Waits until nothing has come for a while.
    pub(super) fn wait_for_quiet(&self) {
        let mut before = self.received();
        loop {
            std::thread::sleep(QUIET);
            let now = self.received();
            if now == before {
                return;
            }
            before = now;
        }
    }

    /// Where the time will be told at which the order has come.
    pub(super) fn await_order(&self, number: &str) -> mpsc::Receiver<Instant> {
        let (tell, come) = mpsc::channel();
        let mut awaited = self.shared.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        awaited.insert(number.as_bytes().to_vec(), tell);
        come
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&shared)));
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let (mut input, mut out) = (Vec::with_capacity(16 * 1024), Vec::with_capacity(512));
    loop {
        while let Some(end) = memmem::find(&input, b"\x1C\x0D") {
            let rest = input.split_off(end + 2);
            let message = std::mem::replace(&mut input, rest);
            shared.take(&message);
            let control_id = message.split(|byte| *byte == b'|').nth(9).unwrap_or_default();
            out.clear();
            out.extend_from_slice(b"\x0BMSH|^~\\&|ADC|RXX|HUB|RXX|20261120101500+0000||ACK|");
            out.extend_from_slice(control_id);
            out.extend_from_slice(b"|P|2.5.1\rMSA|AA|");
            out.extend_from_slice(control_id);
            out.extend_from_slice(b"\r\x1C\x0D");
            stream.write_all(&out).await.ok()?;
        }
        if stream.read_buf(&mut input).await.ok()? == 0 {
            return None;
        }
    }
}

impl Shared {
    fn take(&self, message: &[u8]) {
        let come = Instant::now();
        self.received.fetch_add(1, Ordering::Relaxed);
        let Some(number) = order_number(message) else { return };
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tell) = awaited.remove(number) {
            // Whoever has stopped waiting need not know.
            let _ = tell.send(come);
        }
    }
}

/// ORC-2.1, the placer's number.
fn order_number(message: &[u8]) -> Option<&[u8]> {
    let orc = memmem::find(message, b"\rORC|")?;
    let field = message.get(orc + 5..)?.split(|byte| *byte == b'|').nth(1)?;
    field.split(|byte| *byte == b'^').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_known_by_its_placers_number() {
        let message = b"\x0BMSH|^~\\&|HUB\rORC|NW|7-3^EPMA|9^HUB\rRXE|1\r\x1C\x0D";
        assert_eq!(order_number(message), Some(b"7-3".as_slice()));
        assert_eq!(order_number(b"\x0BMSH|^~\\&|HUB\rPID|1\r"), None);
    }
}
