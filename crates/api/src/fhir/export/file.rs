//! A file of an export: sent as it is read, compressed where the caller takes that.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;
use hyper::body::Frame;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::job::State;
use super::kickoff::{exports, still_permitted};
use super::status::no_such_job;
use crate::audit::{Look, look};
use crate::door::Caller;
use crate::fhir::dress::takes_gzip;
use crate::fhir::{CHANNEL, Failure};
use crate::problem::{Problem, code};
use crate::state::ApiState;

/// The bytes that are read at a time.
const CHUNK_BYTES: usize = 64 << 10;
/// How many of them wait for a peer that is slower.
const CHUNKS: usize = 4;
/// The type of the files.
const FHIR_NDJSON: &str = "application/fhir+ndjson";

/// `GET /fhir/_export/{job}/{file}`.
pub(crate) async fn get(
    Shared(api): Shared<ApiState>,
    caller: Caller,
    Path((id, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let exports = exports(&api)?;
    let entry = exports.of(caller.name(), &id).ok_or_else(no_such_job)?;
    let output = entry.job.files.iter().find(|output| output.name == name);
    let output = output.filter(|_| entry.job.state == State::Done).ok_or_else(no_such_job)?;
    still_permitted(&caller, &entry.job.asked.scope, output)?;
    let Ok(turn) = Arc::clone(&exports.0.downloads).try_acquire_owned() else {
        let detail = "As many files are sent as may be at the same time: ask again in a moment.";
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, code::TOO_COSTLY, detail);
        return Err(problem.into());
    };
    // The name is one that the job itself gave.
    let path: PathBuf = exports.0.folder.join(&entry.job.id).join(format!("{}.gz", output.name));
    let seen = Look {
        channel: CHANNEL,
        what: "export",
        resource_type: output.kind.parse().ok(),
        detail: format!("_export/{}/{}", entry.job.id, output.name),
        patients: BTreeSet::new(),
    };
    look(&api, &caller, seen).await?;
    let packed = takes_gzip(&headers);
    let (send, chunks) = channel(CHUNKS);
    let opened = tokio::task::spawn_blocking(move || File::open(path)).await;
    let file = opened.map_err(|_| Problem::internal())?.map_err(|_| no_such_job())?;
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        if packed { pump(file, &send) } else { pump(GzDecoder::new(file), &send) }
    });
    let mut response = Body::new(Chunks(chunks)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(FHIR_NDJSON));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

/// Sends all that is read, until the peer has gone.
fn pump(mut from: impl Read, to: &Sender<io::Result<Bytes>>) {
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        let read = match from.read(&mut chunk) {
            Ok(0) => return,
            Ok(read) => {
                chunk.truncate(read);
                Ok(Bytes::from(chunk))
            }
            Err(error) => Err(error),
        };
        // A body that ends with an error ends its connection: the peer does not take it for whole.
        let failed = read.is_err();
        if to.blocking_send(read).is_err() || failed {
            return;
        }
    }
}

/// What is read, as a body.
struct Chunks(Receiver<io::Result<Bytes>>);

impl hyper::body::Body for Chunks {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}
