//! What a peer's status says of a message that it did not answer with an acknowledgement.

use hyper::StatusCode;

use crate::transport::client::LinkError;

/// Three things can be meant. A status about the content says that this message is refused, and
/// another one may do. A status about the line (who asks, where, how often, whether the peer is
/// there) says that the message was not looked at: it waits, and the channel is down until that
/// is mended. Everything else leaves open what the peer did with it, as does success without an
/// acknowledgement; a redirect is never followed.
pub(super) fn judge(status: StatusCode) -> LinkError {
    match status.as_u16() {
        400 => LinkError::Rejected("http-400"),
        406 => LinkError::Rejected("http-406"),
        409 => LinkError::Rejected("http-409"),
        413 => LinkError::Rejected("http-413"),
        415 => LinkError::Rejected("http-415"),
        422 => LinkError::Rejected("http-422"),
        300..=399 => LinkError::Refused("http-redirect"),
        401 => LinkError::Refused("http-401"),
        403 => LinkError::Refused("http-403"),
        404 => LinkError::Refused("http-404"),
        405 => LinkError::Refused("http-405"),
        407 => LinkError::Refused("http-407"),
        408 => LinkError::Refused("http-408"),
        410 => LinkError::Refused("http-410"),
        411 => LinkError::Refused("http-411"),
        421 => LinkError::Refused("http-421"),
        426 => LinkError::Refused("http-426"),
        429 => LinkError::Refused("http-429"),
        431 => LinkError::Refused("http-431"),
        501 => LinkError::Refused("http-501"),
        503 => LinkError::Refused("http-503"),
        505 => LinkError::Refused("http-505"),
        200..=299 => LinkError::Unclear("http-no-acknowledgement"),
        500 => LinkError::Unclear("http-500"),
        502 => LinkError::Unclear("http-502"),
        504 => LinkError::Unclear("http-504"),
        _ => LinkError::Unclear("http-odd-status"),
    }
}

/// The same where the peer answers by its status alone, so that success says that it was taken.
pub(super) fn judge_alone(status: StatusCode) -> LinkError {
    match status.as_u16() {
        200 => LinkError::Taken("http-200"),
        201 => LinkError::Taken("http-201"),
        202 => LinkError::Taken("http-202"),
        204 => LinkError::Taken("http-204"),
        _ if status.is_success() => LinkError::Taken("http-2xx"),
        _ => judge(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_says_one_of_three_things() {
        let check = |statuses: &[u16], expected: fn(LinkError) -> bool| {
            for &status in statuses {
                let judged = judge(StatusCode::from_u16(status).unwrap());
                assert!(expected(judged), "{status}: {judged:?}");
            }
        };
        check(&[400, 413, 415, 422], |judged| matches!(judged, LinkError::Rejected(_)));
        check(&[302, 401, 403, 404, 429, 503], |judged| matches!(judged, LinkError::Refused(_)));
        check(&[200, 202, 204, 418, 500, 502, 504, 599], |judged| {
            matches!(judged, LinkError::Unclear(_))
        });
        for status in [200, 201, 202, 204, 206] {
            let judged = judge_alone(StatusCode::from_u16(status).unwrap());
            assert!(matches!(judged, LinkError::Taken(_)), "{status}: {judged:?}");
        }
        let judged = judge_alone(StatusCode::from_u16(500).unwrap());
        assert!(matches!(judged, LinkError::Unclear(_)), "{judged:?}");
    }
}
