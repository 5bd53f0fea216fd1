//! Style sheets, scripts and pictures, embedded in the program.

use std::borrow::Cow;

use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use rust_embed::{Embed, EmbeddedFile};

use crate::words::hex;

/// How long a browser may use an asset before it asks whether it has changed: one hour. Their
/// addresses stay the same over releases, so that they cannot be kept for good.
const CACHING: &str = "public, max-age=3600";

/// The NHS.UK look, which `make assets` puts there. Without it the pages are plain but work.
#[derive(Embed)]
#[folder = "../../assets/dist"]
#[allow_missing = true]
struct Dist;

/// What belongs to the console itself.
#[derive(Embed)]
#[folder = "assets"]
struct Own;

/// `GET /assets/{path}`.
pub(crate) async fn serve(Path(path): Path<String>, request: HeaderMap) -> Response {
    let Some(file) = Own::get(&path).or_else(|| Dist::get(&path)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = tag(&file);
    let headers = [(ETAG, tag.as_str()), (CACHE_CONTROL, CACHING)];
    if request.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let body = match file.data {
        Cow::Borrowed(bytes) => axum::body::Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    ([(CONTENT_TYPE, content_type(&path))], headers, body).into_response()
}

/// The first 16 hexadecimal digits of the file's SHA-256, as an entity tag.
fn tag(file: &EmbeddedFile) -> String {
    format!("\"{}\"", hex(&file.metadata.sha256_hash()[..8]))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The program carries the NHS.UK style sheet, its pictures and its licence, and no script
    /// but its own. The folder may be absent, so what is in it is judged and not that it is.
    #[test]
    fn only_what_the_pages_use_is_embedded() {
        for path in Dist::iter() {
            let used = ["nhsuk-frontend.css", "NOTICES.txt"].contains(&&*path)
                || path.starts_with("images/");
            assert!(used, "{path}");
            assert_ne!(content_type(&path), "application/octet-stream", "{path}");
        }
        let mut own: Vec<_> = Own::iter().collect();
        own.sort();
        assert_eq!(own, ["console.css", "console.js", "mark.svg"]);
    }
}
