//! Sockets that notice when the other side is gone without a word.
//!
//! A peer that lost its power or its route closes nothing. TCP's own probes find that out on a
//! quiet line; when they begin and how often they come is the system's setting.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};

/// How many connections the system may keep ready for a listener.
const BACKLOG: u32 = 1024;

/// Listens on `address`. Connections that are accepted inherit the probes of the listener.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address)?;
    // On other systems this would let two nodes listen on one address.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Connects to `host:port`, to the first of its addresses that answers.
pub(super) async fn connect(address: &str) -> io::Result<TcpStream> {
    let mut failed = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in lookup_host(address).await? {
        match socket(address)?.connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_keepalive(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_ends_of_a_connection_are_probed() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (ours, theirs) = tokio::join!(connect(&address), listener.accept());
        for stream in [ours.unwrap(), theirs.unwrap().0] {
            let socket = TcpSocket::from_std_stream(stream.into_std().unwrap());
            assert!(socket.keepalive().unwrap());
        }
    }

    #[tokio::test]
    async fn a_peer_that_is_not_there_is_an_error() {
        let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        assert!(connect(&address).await.is_err());
        assert!(connect("no port").await.is_err());
    }
}
