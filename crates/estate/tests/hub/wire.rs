//! The scripted node's MLLP, on both sides.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::Shared;

/// Reads one frame; `None` at the end of the line.
async fn frame(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    loop {
        if let Some(end) = buffer.windows(2).position(|pair| pair == [0x1C, 0x0D]) {
            let mut block: Vec<u8> = buffer.drain(..end + 2).collect();
            block.truncate(end);
            let begin = block.iter().rposition(|byte| *byte == 0x0B).map_or(0, |at| at + 1);
            return Some(block.split_off(begin));
        }
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.ok()?;
        if read == 0 {
            return None;
        }
        buffer.extend_from_slice(&chunk[..read]);
    }
}

pub(super) async fn serve(socket: TcpListener, channel: String, shared: Arc<Shared>) {
    while let Ok((mut stream, _)) = socket.accept().await {
        let (channel, shared) = (channel.clone(), shared.clone());
        tokio::spawn(async move {
            let mut buffer = Vec::new();
            while let Some(bytes) = frame(&mut stream, &mut buffer).await {
                let Some((control_id, code)) = shared.take(&channel, &bytes) else {
                    continue;
                };
                let ack =
                    format!("\x0bMSH|^~\\&|||||||ACK|R|P|2.5\rMSA|{code}|{control_id}\r\x1c\r");
                if stream.write_all(ack.as_bytes()).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Sends what comes, one after the other, each until it is acknowledged.
pub(super) async fn send(to: SocketAddr, mut queue: mpsc::UnboundedReceiver<(String, String)>) {
    let (mut line, mut buffer) = (None, Vec::new());
    while let Some((control_id, text)) = queue.recv().await {
        let block = [&[0x0B][..], text.as_bytes(), &[0x1C, 0x0D]].concat();
        loop {
            if line.is_none() {
                buffer.clear();
                line = TcpStream::connect(to).await.ok();
            }
            let Some(stream) = &mut line else {
                sleep(Duration::from_millis(20)).await;
                continue;
            };
            if stream.write_all(&block).await.is_ok() {
                let wait = Duration::from_millis(500);
                let answer = timeout(wait, frame(stream, &mut buffer)).await;
                let answer = answer.ok().flatten().unwrap_or_default();
                if String::from_utf8_lossy(&answer).contains(&format!("|{control_id}")) {
                    break;
                }
            }
            line = None;
            sleep(Duration::from_millis(20)).await;
        }
    }
}
