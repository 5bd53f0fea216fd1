//! Serving over TCP, with limits on everything that a peer can hold on to.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower_http::limit::RequestBodyLimitLayer;

use crate::problem::{Problem, code};
use crate::routes::{assemble, style_of};
use crate::state::ApiState;

/// The most connections at the same time; more wait to be accepted.
const MAX_CONNECTIONS: usize = 1024;
/// The most requests that are worked on at the same time; more wait for their turn.
const MAX_REQUESTS: usize = 256;
/// The most time from a connection, or the end of an answer on it, to the end of the next head.
const HEAD_TIME: Duration = Duration::from_secs(20);
/// The most time from the end of a request's head to the beginning of its answer.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// The most bytes of a request's head.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// The most header lines of a request.
const MAX_HEADERS: usize = 64;
/// The most bytes of a body for routes that are not of the interface, in bytes.
const MAX_OTHER_BODY_BYTES: usize = 1024 * 1024;
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
        let limit = RequestBodyLimitLayer::new(MAX_OTHER_BODY_BYTES);
        let others = self.others.map(|others| others.layer(limit));
        let turns = Arc::new(Semaphore::new(MAX_REQUESTS));
        assemble(&self.state, others).layer(from_fn_with_state(turns, in_turn))
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

/// Serves a router with the limits on connections. See [`Server::serve`].
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
            Ok((stream, _)) => {
                let connection = graceful.watch(connection(stream, router.clone()));
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

type Connection = http1::Connection<TokioIo<TcpStream>, TowerToHyperService<Router>>;

fn connection(stream: TcpStream, router: Router) -> Connection {
    // An answer is small and is waited for: it goes out at once.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection delays its answers");
    }
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
}

/// Lets a limited number of requests in at the same time, each for a limited time.
async fn in_turn(State(turns): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    let style = style_of(request.uri());
    let answered = async {
        // The semaphore is never closed, so the only outcome is a turn.
        let _turn = turns.acquire().await.ok();
        next.run(request).await
    };
    tokio::time::timeout(REQUEST_TIME, answered).await.unwrap_or_else(|_| {
        let detail = "The node did not answer in time. What was asked may have been done: ask \
                      again with the same Idempotency-Key.";
        style.answer(Problem::new(StatusCode::SERVICE_UNAVAILABLE, code::TIME_OUT, detail))
    })
}
