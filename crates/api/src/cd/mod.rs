//! Controlled drugs: the registers, and what is entered in them outside cabinets.

pub(crate) mod acts;
mod deeds;
pub(crate) mod lists;
pub(crate) mod page;
pub(crate) mod registers;
pub(crate) mod step;
pub(crate) mod witness;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use crate::problem::{Problem, code};

/// The name of the source from which the engine has what comes this way.
pub(crate) const CHANNEL: &str = "cd";

/// What a table is sent as (RFC 4180 §3).
const CSV_TYPE: &str = "text/csv; charset=utf-8; header=present";

/// How a register is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
}

/// The form that the query or else the Accept header asks for.
fn form(asked: Option<&str>, headers: &HeaderMap) -> Result<Form, Problem> {
    match asked {
        Some("json") => Ok(Form::Json),
        Some("csv") => Ok(Form::Csv),
        Some(_) => {
            let detail = "format: json or csv; pdf of one page of a register.";
            Err(Problem::bad(code::BAD_QUERY, detail))
        }
        None => {
            let csv = first_choice(headers).eq_ignore_ascii_case("text/csv");
            Ok(if csv { Form::Csv } else { Form::Json })
        }
    }
}

/// Whether the query or else the Accept header asks for a PDF.
fn asks_for_pdf(asked: Option<&str>, headers: &HeaderMap) -> bool {
    match asked {
        Some(asked) => asked == "pdf",
        None => first_choice(headers).eq_ignore_ascii_case("application/pdf"),
    }
}

/// The type that the Accept header names first.
fn first_choice(headers: &HeaderMap) -> &str {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.unwrap_or_default().split([',', ';']).next().unwrap_or_default().trim()
}

/// A table as a file.
fn csv(table: String, name: &'static str) -> Response {
    file(table, CSV_TYPE, name)
}

/// Something to be kept, by its type and its name.
fn file(content: impl IntoResponse, kind: &'static str, name: &'static str) -> Response {
    let mut response = content.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}
