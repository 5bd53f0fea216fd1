//! Serving over TCP, with limits on everything that a peer can hold on to.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::middleware::from_fn_with_state;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower_http::limit::RequestBodyLimitLayer;

use crate::body::MAX_BODY_BYTES;
use crate::patience::Patience;
use crate::routes::assemble;
use crate::state::ApiState;
use crate::turns::{self, Turns};

/// The most connections at the same time; more wait to be accepted.
const MAX_CONNECTIONS: usize = 1024;
/// The most time from a connection, or the end of an answer on it, to the end of the next head.
const HEAD_TIME: Duration = Duration::from_secs(20);
/// The most time in which a peer takes nothing of what waits to be written to it.
const WRITE_TIME: Duration = Duration::from_secs(30);
/// The most bytes of a request's head.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// The most header lines of a request.
const MAX_HEADERS: usize = 64;
/// How long requests under way have to end when the server stops.
const DRAIN_TIME: Duration = Duration::from_secs(10);
/// The pause after a connection could not be accepted, for instance for want of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The interface, with whatever else is served on the same port.
#[derive(Clone)]
pub struct Server {
    state: ApiState,
    others: Option<Router>,
}

impl Server {
    /// A server of the interface alone.
    pub fn new(state: ApiState) -> Self {
        Server { state, others: None }
    }

    /// Serves these routes too: whatever is not of the interface goes to them.
    #[must_use]
    pub fn with(mut self, routes: impl Into<Router>) -> Self {
        let routes = routes.into();
        self.others = Some(match self.others {
            None => routes,
            Some(others) => others.merge(routes),
        });
        self
    }

    /// Everything as one router, with the limits on requests.
    pub fn into_router(self) -> Router {
        let limit = RequestBodyLimitLayer::new(MAX_BODY_BYTES);
        let in_turn = from_fn_with_state(Turns::of_others(), turns::others);
        let others = self.others.map(|others| others.layer(in_turn).layer(limit));
        assemble(&self.state, others)
    }

    /// Serves until `shutdown` resolves; then takes no more connections, lets the requests under
    /// way end within [`DRAIN_TIME`], and returns.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send,
    ) -> io::Result<()> {
        serve(listener, self.into_router(), shutdown).await
    }
}

/// Serves a router with the limits on connections. Each request has the peer's address as the
/// extension `ConnectInfo<SocketAddr>`. See [`Server::serve`].
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let turns = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        while connections.try_join_next().is_some() {}
        let accept = async {
            let turn = Arc::clone(&turns).acquire_owned().await.ok();
            (listener.accept().await, turn)
        };
        let (accepted, turn) = tokio::select! {
            accepted = accept => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let from_peer = FromPeer::new(router.clone(), peer);
                let connection = graceful.watch(connection(stream, from_peer, WRITE_TIME));
                connections.spawn(async move {
                    let _turn = turn;
                    // A peer that breaks off or is too slow ends its own connection alone.
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection ended early");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIME, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way when the server stopped");
    }
    Ok(())
}

type Connection = http1::Connection<TokioIo<Patience<TcpStream>>, FromPeer>;

fn connection(stream: TcpStream, service: FromPeer, write_time: Duration) -> Connection {
    // An answer is small and is waited for: it goes out at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection delays its answers");
    }
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(Patience::new(stream, write_time)), service)
}

/// The routes, for the requests of one connection.
#[derive(Debug, Clone)]
struct FromPeer {
    router: TowerToHyperService<Router>,
    peer: SocketAddr,
}

impl FromPeer {
    fn new(router: Router, peer: SocketAddr) -> Self {
        FromPeer { router: TowerToHyperService::new(router), peer }
    }
}

type Answering = TowerToHyperService<Router>;

impl Service<hyper::Request<Incoming>> for FromPeer {
    type Response = <Answering as Service<hyper::Request<Incoming>>>::Response;
    type Error = <Answering as Service<hyper::Request<Incoming>>>::Error;
    type Future = <Answering as Service<hyper::Request<Incoming>>>::Future;

    fn call(&self, mut request: hyper::Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(ConnectInfo(self.peer));
        self.router.call(request)
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::{sleep, timeout};

    use super::*;

    /// More than the buffers of a connection hold.
    const MUCH: usize = 64 * 1024 * 1024;

    /// A connection on which much was asked for, and its peer.
    async fn asked_for_much(write_time: Duration) -> (Connection, TcpStream) {
        let router = Router::new().route("/", get(async || vec![b'x'; MUCH]));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let head = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        peer.write_all(head).await.unwrap();
        let (stream, from) = listener.accept().await.unwrap();
        (connection(stream, FromPeer::new(router, from), write_time), peer)
    }

    #[tokio::test]
    async fn a_peer_that_takes_nothing_does_not_keep_its_connection() {
        let (connection, peer) = asked_for_much(Duration::from_millis(50)).await;
        let ended = timeout(Duration::from_secs(30), connection).await;
        assert!(ended.expect("it ends").is_err(), "not all was taken");
        drop(peer);
    }

    #[tokio::test]
    async fn a_peer_that_is_slow_gets_everything() {
        let (connection, mut peer) = asked_for_much(Duration::from_secs(10)).await;
        let reading = tokio::spawn(async move {
            let (mut total, mut buffer) = (0, vec![0; 1024 * 1024]);
            loop {
                let bytes = peer.read(&mut buffer).await.unwrap();
                if bytes == 0 {
                    return total;
                }
                total += bytes;
                sleep(Duration::from_millis(1)).await;
            }
        });
        connection.await.unwrap();
        assert!(reading.await.unwrap() > MUCH);
    }
}
