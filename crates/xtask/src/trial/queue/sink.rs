//! A destination of the queue trial: it acknowledges all that it is told and remembers its order.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::Settings;
use crate::trial::wire::{field, framed, take_frame};

/// The most patients out of order that are named.
const MOST_NAMED: usize = 10;

#[derive(Debug, Default)]
struct Book {
    count: u64,
    distinct: u64,
    /// The last turn of each patient, and whether all came in order up to there.
    turns: BTreeMap<String, (u64, bool)>,
}

/// A destination. Its threads end with the process.
#[derive(Debug)]
pub(super) struct Sink {
    address: SocketAddr,
    closed: Option<TcpListener>,
    book: Arc<Mutex<Book>>,
}

impl Sink {
    /// Holds an address on which nobody answers yet.
    pub(super) fn bind() -> Result<Sink, String> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        // Nobody listens there until `listen`: what connects is refused.
        drop(listener);
        Ok(Sink { address, closed: None, book: Arc::default() })
    }

    /// One that listens.
    pub(super) fn start() -> Result<Sink, String> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        Ok(Sink { address, closed: Some(listener), book: Arc::default() }.listen_on())
    }

    /// The destination is back.
    pub(super) fn listen(mut self) -> Result<Sink, String> {
        let listener = TcpListener::bind(self.address).map_err(|error| error.to_string())?;
        self.closed = Some(listener);
        Ok(self.listen_on())
    }

    fn listen_on(mut self) -> Sink {
        let book = Arc::clone(&self.book);
        if let Some(listener) = self.closed.take() {
            thread::spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    let book = Arc::clone(&book);
                    thread::spawn(move || serve(stream, &book));
                }
            });
        }
        self
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many messages came.
    pub(super) fn count(&self) -> u64 {
        self.book().count
    }

    /// How many messages came, without repeats.
    pub(super) fn distinct(&self) -> u64 {
        self.book().distinct
    }

    /// The patients whose messages came out of order, or not all.
    pub(super) fn disorder(&self, settings: &Settings) -> Vec<String> {
        let book = self.book();
        let mut found = Vec::new();
        for patient in 0..settings.patients.min(settings.messages) {
            let last = (settings.messages - 1 - patient) / settings.patients;
            let name = format!("D{patient}");
            if book.turns.get(&name) != Some(&(last, true)) && found.len() < MOST_NAMED {
                found.push(format!("{name}: {:?} of {last}", book.turns.get(&name)));
            }
        }
        found
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(mut stream: TcpStream, book: &Mutex<Book>) {
    let mut buffer = Vec::new();
    let mut input = [0; 8192];
    // A line that breaks is the node's end; it comes again.
    let _ = stream.set_nodelay(true);
    while let Ok(count @ 1..) = stream.read(&mut input) {
        buffer.extend_from_slice(&input[..count]);
        while let Some(message) = take_frame(&mut buffer) {
            note(&message, &mut book.lock().unwrap_or_else(PoisonError::into_inner));
            let id = field(&message, "MSH", 10);
            let ack = format!("MSH|^~\\&|P|R|I|R|||ACK|A{id}|P|2.5.1\rMSA|AA|{id}\r");
            if stream.write_all(&framed(ack.as_bytes())).is_err() {
                return;
            }
        }
    }
}

/// The bed tells the turn: each comes after the one before it, or is the last one again.
fn note(message: &[u8], book: &mut Book) {
    let patient = field(message, "PID", 3).split('^').next().unwrap_or_default().to_owned();
    let bed = field(message, "PV1", 3);
    let turn = bed.split('^').nth(2).and_then(|bed| bed.strip_prefix('B')?.parse::<u64>().ok());
    let turn = turn.unwrap_or(u64::MAX);
    book.count += 1;
    match book.turns.get_mut(&patient) {
        None => {
            book.distinct += 1;
            book.turns.insert(patient, (turn, turn == 0));
        }
        Some((last, _)) if *last == turn => {}
        Some((last, ordered)) => {
            *ordered &= turn == *last + 1;
            *last = turn;
            book.distinct += 1;
        }
    }
}
