//! The ePMA and the cabinets that the node tells: they acknowledge everything and remember the
//! removals that they were told of.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::trial::wire::{field, framed, take_frame};

/// The control ids under which each removal was told.
pub(super) type Told = BTreeMap<String, BTreeSet<String>>;

/// A listener that acknowledges all that it is told. Its threads end with the process.
#[derive(Debug)]
pub(super) struct Sink {
    address: SocketAddr,
    told: Arc<Mutex<Told>>,
}

impl Sink {
    /// Listens on a free port of the loopback.
    pub(super) fn start() -> Result<Sink, String> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        let told: Arc<Mutex<Told>> = Arc::default();
        let book = Arc::clone(&told);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let book = Arc::clone(&book);
                thread::spawn(move || serve(stream, &book));
            }
        });
        Ok(Sink { address, told })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The removals that it was told of (ORC-3 of RDS^O13), with the control ids.
    pub(super) fn told(&self) -> Told {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(mut stream: TcpStream, told: &Mutex<Told>) {
    let mut buffer = Vec::new();
    let mut input = [0; 8192];
    // A line that breaks is the node's end; it comes again.
    let _ = stream.set_nodelay(true);
    while let Ok(count @ 1..) = stream.read(&mut input) {
        buffer.extend_from_slice(&input[..count]);
        while let Some(message) = take_frame(&mut buffer) {
            let control_id = field(&message, "MSH", 10);
            if field(&message, "MSH", 9).starts_with("RDS") {
                let filler = field(&message, "ORC", 3);
                let id = filler.split('^').next().unwrap_or_default().to_owned();
                let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                told.entry(id).or_default().insert(control_id.clone());
            }
            let ack = format!(
                "MSH|^~\\&|PEER|RXX|INTERLOCK|RXX|||ACK|A{control_id}|P|2.5.1\r\
                 MSA|AA|{control_id}\r"
            );
            if stream.write_all(&framed(ack.as_bytes())).is_err() {
                return;
            }
        }
    }
}
