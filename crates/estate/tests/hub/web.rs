//! The scripted node's HTTP: every removal is permitted, every administration is kept.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::{Shared, TOKEN};

pub(super) async fn serve(socket: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = socket.accept().await {
        let shared = shared.clone();
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream);
            while one(&mut stream, &shared).await.is_some() {}
        });
    }
}

/// Answers one request, in two writes and on every second line in chunks.
async fn one(stream: &mut BufReader<TcpStream>, shared: &Shared) -> Option<()> {
    let (mut path, mut key, mut token) = (String::new(), String::new(), String::new());
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(rest) = line.strip_prefix("POST ") {
            path = rest.split(' ').next()?.to_owned();
        }
        let Some((name, value)) = line.split_once(": ") else {
            continue;
        };
        match name {
            "Idempotency-Key" => value.clone_into(&mut key),
            "Authorization" => value.clone_into(&mut token),
            "Content-Length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let body = String::from_utf8(body).ok()?;
    let (status, answer) = if token == format!("Bearer {TOKEN}") {
        answer(shared, &path, &key, &body)
    } else {
        (401, "{}".to_owned())
    };
    let head = format!("HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\n");
    let tail = if length % 2 == 0 {
        format!("Content-Length: {}\r\n\r\n{answer}", answer.len())
    } else {
        format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{answer}\r\n0\r\n\r\n", answer.len())
    };
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.flush().await.ok()?;
    stream.write_all(tail.as_bytes()).await.ok()?;
    stream.flush().await.ok()
}

fn answer(shared: &Shared, path: &str, key: &str, body: &str) -> (u16, String) {
    let mut state = shared.state.lock().unwrap();
    let status = if path.ends_with("/completion") { 200 } else { 201 };
    if let Some((before, answer)) = state.requests.get(key) {
        if before == body {
            return (status, answer.clone());
        }
        let line = format!("the key {key} came with another body");
        state.problems.push(line);
        return (409, "{}".to_owned());
    }
    let asked: Value = serde_json::from_str(body).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let order = text(&asked["order"]["value"]);
    let answer = match path {
        "/cabinet/removals" => {
            let permit = format!("rxx.{}.1", state.requests.len() + 1);
            let line = json!({"permit": permit, "item": asked["item"], "for": order});
            line.to_string()
        }
        "/administrations" => {
            if asked["status"] != "not-done" {
                let (item, quantity) = (text(&asked["item"]["code"]), text(&asked["quantity"]));
                shared.administered(&mut state, &order, &item, &quantity);
            }
            json!({"administration": "rxx.1.1"}).to_string()
        }
        _ => {
            let permit = path.split('/').nth(3).unwrap_or_default();
            let known = state.requests.values().find_map(|(_, answer)| {
                let answer: Value = serde_json::from_str(answer).ok()?;
                (answer["permit"] == permit).then_some(answer)
            });
            match known {
                Some(known) if text(&asked["taken"]) != "0" => {
                    let (order, item) = (text(&known["for"]), text(&known["item"]));
                    shared.dispensed(&mut state, &order, &item, &text(&asked["taken"]));
                }
                Some(_) => {}
                None => state.problems.push(format!("no permit {permit}")),
            }
            "{}".to_owned()
        }
    };
    state.requests.insert(key.to_owned(), (body.to_owned(), answer.clone()));
    (status, answer)
}
