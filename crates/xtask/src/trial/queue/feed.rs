//! The PAS of the queue trial: changes of patients, many a second, over several connections.

use std::net::SocketAddr;
use std::ops::Range;
use std::thread;
use std::time::Duration;

use super::Settings;
use crate::trial::wire::{Line, framed, read_ack};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// How many messages are on their way on one connection.
const WINDOW: usize = 64;
/// Of how many messages one is for the destination that is well.
const OTHERS: u64 = 50;

/// Sends the messages of these numbers, and gives back how many for the other destination went
/// with them. The messages of one patient all go over the same connection, in order.
pub(super) fn pour(to: SocketAddr, settings: &Settings, range: Range<u64>) -> Result<u64, String> {
    let lines: Vec<_> = (0..settings.connections)
        .map(|line| {
            let (range, settings) = (range.clone(), settings.clone());
            thread::spawn(move || pour_one(to, &settings, range, line))
        })
        .collect();
    let mut others = 0;
    for line in lines {
        others += line.join().map_err(|_| "a connection's thread ended".to_owned())??;
    }
    Ok(others)
}

fn pour_one(
    to: SocketAddr,
    settings: &Settings,
    range: Range<u64>,
    number: u64,
) -> Result<u64, String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut line = Line::open(to, PATIENCE).map_err(failed)?;
    let mut others = 0;
    let mut waiting = 0;
    let own = range.filter(|n| n % settings.patients % settings.connections == number);
    for n in own {
        let mut bytes = framed(message(settings, n, "DOWN", "D").as_bytes());
        waiting += 1;
        if n % OTHERS == 0 {
            bytes.extend(framed(message(settings, n, "WELL", "W").as_bytes()));
            (others, waiting) = (others + 1, waiting + 1);
        }
        line.send(&bytes).map_err(failed)?;
        while waiting >= WINDOW {
            accepted(&mut line)?;
            waiting -= 1;
        }
    }
    for _ in 0..waiting {
        accepted(&mut line)?;
    }
    Ok(others)
}

fn accepted(line: &mut Line) -> Result<(), String> {
    let frame = line.frame().map_err(|error| error.to_string())?;
    match read_ack(&frame) {
        Some(ack) if ack.code == "AA" => Ok(()),
        _ => Err(format!("the node answers {}", String::from_utf8_lossy(&frame))),
    }
}

/// The `n`th message: each changes the bed of its patient, so that each is told.
fn message(settings: &Settings, n: u64, ward: &str, kind: &str) -> String {
    let (patient, turn) = (n % settings.patients, n / settings.patients);
    // Not every turn of the other ward is told, so that each is an admission of its own.
    let event = if turn == 0 || kind == "W" { "A01" } else { "A08" };
    format!(
        "MSH|^~\\&|PAS|TRUST|INTERLOCK|RXX|20261120101500+0000||ADT^{event}|{kind}{n}|P|2.5.1\r\
         EVN|{event}|20261120101500+0000\r\
         PID|1||{kind}{patient}^^^RXX^MR||TEST^PATIENT||19800101|F\r\
         PV1|1|I|{ward}^BAY2^B{turn}||||||||||||||||V{kind}{patient}\r"
    )
}
