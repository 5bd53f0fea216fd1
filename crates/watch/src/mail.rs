//! Notices by e-mail.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport};
use serde::Deserialize;

use crate::notice::Notice;
use crate::notifier::{Deliver, DeliverError};

/// How long a mail server may take for one command.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The most people that one node writes to.
const MOST_RECIPIENTS: usize = 50;

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailTls {
    /// By STARTTLS, which must be there (RFC 3207).
    #[default]
    Starttls,
    /// From the first byte (RFC 8314).
    Tls,
    /// Not at all: only for a relay on the same machine.
    None,
}

/// Why mail cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// An address cannot be read.
    #[error("`{0}` is no e-mail address; write `name@example.org`")]
    Address(String),
    /// Nobody, or too many, would get it.
    #[error("a notice goes to 1 to 50 addresses; list them in `to`")]
    Recipients,
    /// The certificate of the server's authority cannot be used.
    #[error("the certificate authority for the mail server cannot be used: {0}")]
    Authority(lettre::transport::smtp::Error),
    /// A password would go over an open line.
    #[error("a password is never sent without TLS; set `tls` to \"starttls\" or \"tls\"")]
    OpenPassword,
    /// The message cannot be written.
    #[error("the message cannot be written: {0}")]
    Message(#[from] lettre::error::Error),
    /// The server could not be reached or refused.
    #[error("{0}")]
    Server(#[from] lettre::transport::smtp::Error),
}

/// A mail server and who gets notices by it.
#[derive(Debug)]
pub struct Mail {
    transport: SmtpTransport,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Mail {
    /// A mail server at `host` and `port`. `login` is a user and a password; `authority` the
    /// certificate of a private authority as PEM, in place of the public ones.
    pub fn new(
        (host, port): (&str, u16),
        tls: MailTls,
        login: Option<(String, String)>,
        authority: Option<&[u8]>,
        from: &str,
        to: &[String],
    ) -> Result<Self, MailError> {
        if login.is_some() && tls == MailTls::None {
            return Err(MailError::OpenPassword);
        }
        if to.is_empty() || to.len() > MOST_RECIPIENTS {
            return Err(MailError::Recipients);
        }
        let protect = match tls {
            MailTls::None => Tls::None,
            MailTls::Starttls => Tls::Required(parameters(host, authority)?),
            MailTls::Tls => Tls::Wrapper(parameters(host, authority)?),
        };
        let mut builder =
            SmtpTransport::builder_dangerous(host).port(port).tls(protect).timeout(Some(TIMEOUT));
        if let Some((user, password)) = login {
            builder = builder.credentials(Credentials::new(user, password));
        }
        let to = to.iter().map(|address| mailbox(address)).collect::<Result<_, _>>()?;
        Ok(Mail { transport: builder.build(), from: mailbox(from)?, to })
    }
}

fn parameters(host: &str, authority: Option<&[u8]>) -> Result<TlsParameters, MailError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(pem) = authority {
        let authority = Certificate::from_pem(pem).map_err(MailError::Authority)?;
        builder = builder.add_root_certificate(authority);
    }
    builder.build().map_err(MailError::Authority)
}

fn mailbox(address: &str) -> Result<Mailbox, MailError> {
    address.parse().map_err(|_| MailError::Address(address.to_owned()))
}

impl Deliver for Mail {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn deliver(&self, notice: &Notice) -> Result<(), DeliverError> {
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(notice.subject())
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            message = message.to(to.clone());
        }
        let message = message.body(notice.text()).map_err(MailError::from)?;
        self.transport.send(&message).map_err(MailError::from)?;
        Ok(())
    }
}
