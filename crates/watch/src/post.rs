//! JSON to an address of somebody else's, by a client that blocks.

use std::time::Duration;

use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// How long the other side may take for all of it.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Why an address was not told.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The address cannot be used.
    #[error("`{0}` is no address; write `https://host/path`")]
    Address(String),
    /// The certificate of a private authority cannot be read.
    #[error("the certificate authority cannot be read: {0}")]
    Authority(Box<ureq::Error>),
    /// A token would go over an open line.
    #[error("a token is never sent without TLS; write `https://`")]
    OpenToken,
    /// It could not be reached, or did not say that it took what was sent.
    #[error("{0}")]
    Peer(Box<ureq::Error>),
}

/// An address that is told.
#[derive(Debug)]
pub struct Post {
    agent: ureq::Agent,
    url: String,
    token: Option<String>,
}

impl Post {
    /// An address; `token` goes along as a bearer token, `authority` is the certificate of a
    /// private authority as PEM, in place of the public ones. It follows no redirect: where
    /// something goes is for the configuration alone to say.
    pub fn new(
        url: &str,
        token: Option<String>,
        authority: Option<&[u8]>,
    ) -> Result<Self, PostError> {
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        if host.is_none_or(|rest| rest.is_empty() || rest.starts_with('/')) {
            return Err(PostError::Address(url.to_owned()));
        }
        if token.is_some() && !url.starts_with("https://") {
            return Err(PostError::OpenToken);
        }
        let mut tls = TlsConfig::builder();
        if let Some(pem) = authority {
            let authority = Certificate::from_pem(pem)
                .map_err(|error| PostError::Authority(Box::new(error)))?;
            tls = tls.root_certs(RootCerts::new_with_certs(&[authority]));
        }
        let agent = ureq::Agent::config_builder()
            .tls_config(tls.build())
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .build()
            .new_agent();
        Ok(Post { agent, url: url.to_owned(), token })
    }

    /// Sends a JSON text, and waits until it was taken.
    pub fn send(&self, body: String) -> Result<(), PostError> {
        let mut request = self.agent.post(&self.url).content_type("application/json");
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let answer = request.send(body).map_err(|error| PostError::Peer(Box::new(error)))?;
        // A redirect that is not followed is an answer, and means that nobody was told.
        if answer.status().is_success() {
            return Ok(());
        }
        let error = ureq::Error::StatusCode(answer.status().as_u16());
        Err(PostError::Peer(Box::new(error)))
    }
}
