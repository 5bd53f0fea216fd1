//! `[watch]`: from where on something is an alarm, and who is told.

use std::path::{Path, PathBuf};

use ::watch::{Deliver, Limits, Mail, MailTls, Post, Webhook};
use serde::Deserialize;

use crate::secret::SecretSource;

/// `[watch]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WatchEntry {
    /// `[watch.limits]`
    pub limits: Limits,
    /// `[watch.mail]`
    pub mail: Option<MailEntry>,
    /// `[watch.webhook]`
    pub webhook: Option<WebhookEntry>,
    /// `[watch.traces]`
    pub traces: Option<TracesEntry>,
}

/// `[watch.mail]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailEntry {
    /// The mail server's name.
    pub host: String,
    /// Its port; 587 for STARTTLS, 465 for TLS, 25 without.
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub tls: MailTls,
    /// The certificate of a private authority, as PEM.
    pub authority: Option<PathBuf>,
    /// Who logs in.
    pub user: Option<String>,
    /// With which password.
    pub password: Option<SecretSource>,
    /// The sender of the notices.
    pub from: String,
    /// Who gets them.
    pub to: Vec<String>,
}

/// `[watch.webhook]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookEntry {
    /// The address that is told by POST.
    pub url: String,
    /// A bearer token.
    pub token: Option<SecretSource>,
    /// The certificate of a private authority, as PEM.
    pub authority: Option<PathBuf>,
}

/// `[watch.traces]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TracesEntry {
    /// The address of a collector that takes OTLP over HTTP in JSON, with its path.
    pub url: String,
    /// A bearer token.
    pub token: Option<SecretSource>,
    /// The certificate of a private authority, as PEM.
    pub authority: Option<PathBuf>,
    /// Of so many entries one is told; all of them unless given.
    #[serde(default = "all")]
    pub one_in: u64,
}

fn all() -> u64 {
    1
}

impl WatchEntry {
    /// The places that are told. The error says what to do.
    pub fn places(&self, folder: &Path) -> Result<Vec<Box<dyn Deliver>>, String> {
        let mut places: Vec<Box<dyn Deliver>> = Vec::new();
        if let Some(mail) = &self.mail {
            places.push(Box::new(mail.place(folder)?));
        }
        if let Some(hook) = &self.webhook {
            places.push(Box::new(hook.place(folder)?));
        }
        Ok(places)
    }

    /// The collector of traces, and of how many entries one is told. The error says what to do.
    pub fn collector(&self, folder: &Path) -> Result<Option<(Post, u64)>, String> {
        let Some(traces) = &self.traces else { return Ok(None) };
        let TracesEntry { url, token, authority: file, one_in } = traces;
        if *one_in == 0 {
            return Err("one_in: 0 of them is none; write 1 for all, or leave it out".to_owned());
        }
        let token = token.as_ref().map(|token| token.read(folder)).transpose()?;
        let authority = authority(folder, file.as_deref())?;
        let place = Post::new(url, token, authority.as_deref()).map_err(|e| e.to_string())?;
        Ok(Some((place, *one_in)))
    }
}

impl MailEntry {
    fn place(&self, folder: &Path) -> Result<Mail, String> {
        let login = match (&self.user, &self.password) {
            (None, None) => None,
            (Some(user), Some(password)) => Some((user.clone(), password.read(folder)?)),
            _ => return Err("a login has a `user` and a `password`: give both or none".to_owned()),
        };
        let authority = authority(folder, self.authority.as_deref())?;
        let port = self.port.unwrap_or(match self.tls {
            MailTls::Starttls => 587,
            MailTls::Tls => 465,
            MailTls::None => 25,
        });
        let server = (self.host.as_str(), port);
        Mail::new(server, self.tls, login, authority.as_deref(), &self.from, &self.to)
            .map_err(|error| error.to_string())
    }
}

impl WebhookEntry {
    fn place(&self, folder: &Path) -> Result<Webhook, String> {
        let token = self.token.as_ref().map(|token| token.read(folder)).transpose()?;
        let authority = authority(folder, self.authority.as_deref())?;
        Webhook::new(&self.url, token, authority.as_deref()).map_err(|error| error.to_string())
    }
}

fn authority(folder: &Path, file: Option<&Path>) -> Result<Option<Vec<u8>>, String> {
    let Some(file) = file else { return Ok(None) };
    let read = std::fs::read(folder.join(file));
    read.map(Some).map_err(|error| format!("{} cannot be read: {error}", file.display()))
}
