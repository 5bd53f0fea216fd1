//! The floor under durable ingest: a server that does nothing but make a message durable.
//!
//! MLLP in, the bytes appended to a file, one `fdatasync` for all that waited, a constant
//! acknowledgement out. It runs as a process of its own on the same kind of runtime as the node.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitCode};

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use super::figures::say;
use super::node::{Process, told};

/// The hidden word of the command line that runs the floor's server.
pub(super) const WORD: &str = "--floor-server";

/// The most messages behind one sync, as in the node.
const BATCH: usize = 256;

/// A message that waits for its sync.
type Waiting = (Vec<u8>, oneshot::Sender<()>);

/// Starts the server in a process of its own, appending to `file`.
pub(super) fn start(file: &Path) -> Result<(Process, SocketAddr), String> {
    let program = std::env::current_exe().map_err(told)?;
    let mut command = Command::new(program);
    command.args(["bench", WORD]).arg(file);
    let process = Process::start(&mut command)?;
    let last = process.said.last().and_then(|line| line.strip_prefix("ready: "));
    let address = last.ok_or("the floor does not say where it is")?.parse().map_err(told)?;
    Ok((process, address))
}

/// The server's process.
pub(super) fn serve(file: &str) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let served = runtime.map_err(told).and_then(|runtime| runtime.block_on(listen(file)));
    if let Err(why) = served {
        eprintln!("the floor has ended: {why}");
    }
    ExitCode::FAILURE
}

async fn listen(file: &str) -> Result<(), String> {
    let file = File::options().create(true).append(true).open(file).map_err(told)?;
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(told)?;
    let (messages, waiting) = mpsc::channel(4096);
    std::thread::spawn(move || write(file, waiting));
    say(&format!("ready: {}", listener.local_addr().map_err(told)?));
    loop {
        let (stream, _) = listener.accept().await.map_err(told)?;
        tokio::spawn(answer(stream, messages.clone()));
    }
}

/// Appends all that waits, syncs once, and lets all go. A failed write ends the process.
fn write(mut file: File, mut waiting: mpsc::Receiver<Waiting>) {
    let (mut batch, mut bytes): (Vec<Waiting>, _) = (Vec::with_capacity(BATCH), Vec::new());
    while waiting.blocking_recv_many(&mut batch, BATCH) > 0 {
        bytes.clear();
        for (message, _) in &batch {
            bytes.extend_from_slice(message);
        }
        if let Err(error) = file.write_all(&bytes).and_then(|()| file.sync_data()) {
            eprintln!("the floor cannot write: {error}");
            std::process::exit(1);
        }
        for (_, done) in batch.drain(..) {
            // Whoever has gone needs no answer.
            let _ = done.send(());
        }
    }
}

async fn answer(mut stream: TcpStream, messages: mpsc::Sender<Waiting>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let (mut input, mut out) = (Vec::with_capacity(16 * 1024), Vec::with_capacity(512));
    loop {
        let end = loop {
            if let Some(end) = memmem::find(&input, b"\x1C\x0D") {
                break end;
            }
            if stream.read_buf(&mut input).await.ok()? == 0 {
                return None;
            }
        };
        let rest = input.split_off(end + 2);
        let message = std::mem::replace(&mut input, rest);
        let control_id = message.split(|byte| *byte == b'|').nth(9).unwrap_or_default().to_vec();
        let (done, durable) = oneshot::channel();
        messages.send((message, done)).await.ok()?;
        durable.await.ok()?;
        out.clear();
        out.extend_from_slice(b"\x0BMSH|^~\\&|FLOOR|RXX|EPMA|RXX|20261120101500+0000||ACK|");
        out.extend_from_slice(&control_id);
        out.extend_from_slice(b"|P|2.5.1\rMSA|AA|");
        out.extend_from_slice(&control_id);
        out.extend_from_slice(b"\r\x1C\x0D");
        stream.write_all(&out).await.ok()?;
    }
}
