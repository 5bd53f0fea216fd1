//! The session's cookie (RFC 6265).

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};

use super::{SESSION_LIFETIME, Token};

const NAME: &str = "interlock-session";
/// The most bytes of a request's cookies that are looked through.
const MAX_COOKIE_BYTES: usize = 8 * 1024;

/// The session that a request names.
pub(crate) fn session_of(headers: &HeaderMap) -> Option<Token> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter(|value| value.len() <= MAX_COOKIE_BYTES)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            (name == NAME).then(|| Token::read(value)).flatten()
        })
}

/// The cookie that names a session.
///
/// It is marked `Secure` where the request came over TLS, which a proxy in front of the node says
/// with `X-Forwarded-Proto`; a false word there can only make it stricter.
pub(crate) fn cookie(token: &Token, request: &HeaderMap) -> HeaderValue {
    made(token.as_str(), SESSION_LIFETIME.as_secs(), request)
}

/// The cookie that makes a browser forget its session.
pub(crate) fn without_session(request: &HeaderMap) -> HeaderValue {
    made("", 0, request)
}

fn made(value: &str, seconds: u64, request: &HeaderMap) -> HeaderValue {
    let tls = request.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
    let secure = if tls { "; Secure" } else { "" };
    let text =
        format!("{NAME}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::try_from(text).expect("hexadecimal digits and fixed words are a header value")
}
