//! Notices as JSON to an address.

use std::time::Duration;

use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::notice::Notice;
use crate::notifier::{Deliver, DeliverError};

/// How long the other side may take for all of it.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Why a webhook was not told.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The address cannot be used.
    #[error("`{0}` is no address of a webhook; write `https://host/path`")]
    Address(String),
    /// The certificate of a private authority cannot be read.
    #[error("the certificate authority for the webhook cannot be read: {0}")]
    Authority(Box<ureq::Error>),
    /// A token would go over an open line.
    #[error("a token is never sent without TLS; write `https://`")]
    OpenToken,
    /// It could not be reached, or did not say that it took the notice.
    #[error("{0}")]
    Peer(Box<ureq::Error>),
}

/// An address that is told.
#[derive(Debug)]
pub struct Webhook {
    agent: ureq::Agent,
    url: String,
    token: Option<String>,
}

impl Webhook {
    /// An address; `token` goes along as a bearer token, `authority` is the certificate of a
    /// private authority as PEM, in place of the public ones. It follows no redirect: where a
    /// notice goes is for the configuration alone to say.
    pub fn new(
        url: &str,
        token: Option<String>,
        authority: Option<&[u8]>,
    ) -> Result<Self, WebhookError> {
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        if host.is_none_or(|rest| rest.is_empty() || rest.starts_with('/')) {
            return Err(WebhookError::Address(url.to_owned()));
        }
        if token.is_some() && !url.starts_with("https://") {
            return Err(WebhookError::OpenToken);
        }
        let mut tls = TlsConfig::builder();
        if let Some(pem) = authority {
            let authority = Certificate::from_pem(pem)
                .map_err(|error| WebhookError::Authority(Box::new(error)))?;
            tls = tls.root_certs(RootCerts::new_with_certs(&[authority]));
        }
        let agent = ureq::Agent::config_builder()
            .tls_config(tls.build())
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .build()
            .new_agent();
        Ok(Webhook { agent, url: url.to_owned(), token })
    }
}

impl Deliver for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn deliver(&self, notice: &Notice) -> Result<(), DeliverError> {
        let body = serde_json::to_string(notice).expect("a notice is plain values");
        let mut request = self.agent.post(&self.url).content_type("application/json");
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let answer = request.send(body).map_err(|error| WebhookError::Peer(Box::new(error)))?;
        // A redirect that is not followed is an answer, and means that nobody was told.
        if answer.status().is_success() {
            return Ok(());
        }
        let error = ureq::Error::StatusCode(answer.status().as_u16());
        Err(WebhookError::Peer(Box::new(error)).into())
    }
}
