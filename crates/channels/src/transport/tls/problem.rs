//! What went wrong between two sides of TLS, as codes for people.

use std::io;

use rustls::{AlertDescription as Alert, CertificateError as C, Error};

/// The code of what ended a handshake or a connection.
pub(in crate::transport) fn code_of(error: &io::Error) -> &'static str {
    match tls_error(error) {
        Some(error) => code(error),
        None => "tls-broken-off",
    }
}

/// Whether the peer has refused us: then it has looked at nothing that was sent to it, since a
/// side that refuses a certificate never reads what was written under it (RFC 8446 §4.4.2.4).
pub(in crate::transport) fn is_refusal(error: &io::Error) -> bool {
    matches!(
        tls_error(error),
        Some(Error::AlertReceived(
            Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied
                | Alert::CertificateRequired
                | Alert::HandshakeFailure
        ))
    )
}

fn tls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

fn code(error: &Error) -> &'static str {
    match error {
        Error::NoCertificatesPresented => "tls-no-client-certificate",
        Error::InvalidCertificate(why) => match why {
            C::Expired | C::ExpiredContext { .. } => "tls-peer-certificate-expired",
            C::NotValidYet | C::NotValidYetContext { .. } => "tls-peer-certificate-not-yet-valid",
            C::NotValidForName | C::NotValidForNameContext { .. } => "tls-wrong-name",
            C::UnknownIssuer => "tls-unknown-authority",
            C::Revoked => "tls-peer-certificate-revoked",
            _ => "tls-bad-peer-certificate",
        },
        Error::AlertReceived(Alert::CertificateExpired) => "tls-peer-says-ours-expired",
        Error::AlertReceived(Alert::UnknownCA) => "tls-peer-says-unknown-authority",
        Error::AlertReceived(Alert::CertificateRequired) => "tls-peer-wants-certificate",
        Error::AlertReceived(_) => "tls-refused-by-peer",
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => "tls-not-spoken",
        Error::PeerIncompatible(_) => "tls-no-common-version",
        _ => "tls-failed",
    }
}
