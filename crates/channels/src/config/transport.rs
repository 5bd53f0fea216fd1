//! How the bytes of a channel travel: the settings of its transport.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{AckWhen, Acknowledgement, ChannelConfig, ConfigError};
use crate::health::Direction;

/// How the bytes of a channel travel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// Framed over TCP: MLLP release 1.
    #[default]
    Mllp,
    /// One POST for each message: HL7 over HTTP.
    Http,
    /// Files in a folder.
    Files,
}

/// `[http]`: what HTTP needs to know beside the address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// The path of every request, from `/`.
    #[serde(default = "root")]
    pub path: String,
    /// The bearer token that a sender must show (inbound), or that we show (outbound).
    #[serde(default)]
    pub token: Option<KeySource>,
    /// What the body of a request is.
    #[serde(default)]
    pub format: HttpFormat,
}

/// What the body of a request is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HttpFormat {
    /// An HL7 v2 message, answered by its acknowledgement.
    #[default]
    Hl7,
    /// A FHIR Bundle as JSON, answered by a status (outbound).
    Fhir,
}

fn root() -> String {
    "/".to_owned()
}

impl Default for HttpConfig {
    fn default() -> Self {
        HttpConfig { path: root(), token: None, format: HttpFormat::default() }
    }
}

/// The fewest characters of a token: 32 hexadecimal digits are 128 bits.
const MIN_TOKEN_CHARS: usize = 32;

/// The most bytes of a path.
const MAX_PATH_BYTES: usize = 256;

impl HttpConfig {
    /// Reads the token, where one is named, for the channel `name`.
    pub(crate) fn read_token(&self, name: &str) -> Result<Option<String>, ConfigError> {
        let Some(source) = &self.token else {
            return Ok(None);
        };
        let unusable =
            |why: String| ConfigError::Secret { name: name.to_owned(), field: "token", why };
        let token = match source {
            KeySource::File(path) => std::fs::read_to_string(path)
                .map_err(|error| unusable(format!("{} cannot be read: {error}", path.display())))?,
            KeySource::Env(variable) => std::env::var(variable)
                .map_err(|_| unusable(format!("the environment has no variable {variable}")))?,
        };
        let token = token.trim();
        if token.len() < MIN_TOKEN_CHARS || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unusable(format!(
                "a token has {MIN_TOKEN_CHARS} characters or more, without spaces"
            )));
        }
        Ok(Some(token.to_owned()))
    }
}

/// `[files]`: where files lie. A path that is relative counts from the configuration's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesConfig {
    /// The folder that is watched (inbound), or into which files are written (outbound).
    pub folder: PathBuf,
    /// How the names of its files end.
    #[serde(default = "ending")]
    pub ending: String,
    /// How long a file must have kept its size and time to be taken, in seconds, 0 to 3600
    /// (inbound). 0 is for senders that rename a whole file into the folder.
    #[serde(default = "settle_s")]
    pub settle_s: u32,
    /// How often the folder is looked at, in milliseconds, 50 to 60000 (inbound).
    #[serde(default = "poll_ms")]
    pub poll_ms: u32,
    /// Whether each message is written as a batch of one, with FHS, BHS, BTS and FTS (outbound).
    #[serde(default)]
    pub envelope: bool,
    /// Several messages in one file, as a batch (outbound); none for a file for each message.
    #[serde(default)]
    pub batch: Option<BatchConfig>,
}

/// When the messages that wait are written as one batch: when there are enough of them, or the
/// oldest has waited long enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchConfig {
    /// The most messages of one file, 1 to 1000.
    #[serde(default = "batch_messages")]
    pub messages: u32,
    /// How long a message waits for others at most, in seconds, 1 to 86400.
    #[serde(default = "batch_age_s")]
    pub age_s: u32,
}

fn batch_messages() -> u32 {
    500
}

fn batch_age_s() -> u32 {
    60
}

fn ending() -> String {
    ".hl7".to_owned()
}

fn settle_s() -> u32 {
    5
}

fn poll_ms() -> u32 {
    1000
}

/// `[tls]`: TLS 1.2 or 1.3 under MLLP or HTTP. Files are PEM; a path that is relative
/// counts from the configuration's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// Our certificate and the ones between it and its authority, the own one first. Inbound
    /// channels need it; outbound ones where the peer asks for it.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// The private key of the certificate.
    #[serde(default)]
    pub key: Option<KeySource>,
    /// The authorities whose certificates are taken from the peer. Nobody else's are.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Whether a peer without a certificate is refused (inbound).
    #[serde(default = "yes")]
    pub require_client: bool,
    /// The name that the peer's certificate must be for (outbound), where that is not the host of
    /// `connect`.
    #[serde(default)]
    pub server_name: Option<String>,
}

fn yes() -> bool {
    true
}

/// Where a private key or a token is found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeySource {
    /// In a file; a key as PEM.
    File(PathBuf),
    /// In an environment variable; a key as PEM.
    Env(String),
}

impl ChannelConfig {
    /// Makes every relative path count from `folder`.
    pub fn beside(&mut self, folder: &Path) {
        let join = |path: &mut PathBuf| *path = folder.join(&*path);
        if let Some(tls) = &mut self.tls {
            tls.certificate.iter_mut().chain(&mut tls.ca).for_each(join);
            if let Some(KeySource::File(path)) = &mut tls.key {
                join(path);
            }
        }
        if let Some(HttpConfig { token: Some(KeySource::File(path)), .. }) = &mut self.http {
            join(path);
        }
        if let Some(files) = &mut self.files {
            join(&mut files.folder);
        }
    }

    /// Checks that the transport's settings fit each other and the direction. It reads no file.
    pub(super) fn check_transport(&self) -> Result<(), ConfigError> {
        let name = || self.name.clone();
        let inbound = self.direction == Direction::Inbound;
        let remedy = "remove it, or set the transport";
        if self.http.is_some() && self.transport != Transport::Http {
            return self.unfit("http", "is for `transport = \"http\"`", remedy);
        }
        if self.files.is_some() && self.transport != Transport::Files {
            return self.unfit("files", "is for `transport = \"files\"`", remedy);
        }
        if inbound && self.connections != 1 {
            let remedy = "leave it out; `max_connections` limits how many peers may make";
            return self.unfit("connections", "is for outbound channels", remedy);
        }
        if self.transport == Transport::Files {
            return self.check_files(inbound);
        }
        if inbound && self.listen.is_none() {
            return Err(ConfigError::NoListen(name()));
        }
        if !inbound && self.connect.is_none() {
            return Err(ConfigError::NoConnect(name()));
        }
        self.check_tls(inbound)?;
        if self.transport == Transport::Http { self.check_http(inbound) } else { Ok(()) }
    }

    fn unfit(
        &self,
        field: &'static str,
        why: &'static str,
        remedy: &'static str,
    ) -> Result<(), ConfigError> {
        Err(ConfigError::Unfit { name: self.name.clone(), field, why, remedy })
    }

    fn check_http(&self, inbound: bool) -> Result<(), ConfigError> {
        let http = self.http.clone().unwrap_or_default();
        let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'%');
        let path = &http.path;
        if !path.starts_with('/') || path.len() > MAX_PATH_BYTES || !path.bytes().all(fits) {
            let remedy = "write it from its `/`, as \"/hl7\", without `?`, `#` and `%`";
            return self.unfit("path", "is no path", remedy);
        }
        if http.format == HttpFormat::Fhir {
            self.check_fhir(inbound)?;
        }
        if inbound {
            let known = http.token.is_some()
                || self.tls.as_ref().is_some_and(|tls| tls.ca.is_some() && tls.require_client);
            let far = self.listen.is_some_and(|address| !address.ip().is_loopback());
            if far && !known {
                return self.unfit(
                    "listen",
                    "would let anybody send who reaches it",
                    "set `token` in [http], or [tls] with `ca`, or listen on 127.0.0.1",
                );
            }
            return Ok(());
        }
        let answered = self.accept_ack == AckWhen::Always;
        if self.acknowledgement == Acknowledgement::Enhanced && !answered {
            let why = "is not AL, and over HTTP every message is answered";
            return self.unfit("accept_ack", why, "leave it out");
        }
        Ok(())
    }

    fn check_fhir(&self, inbound: bool) -> Result<(), ConfigError> {
        if inbound {
            let remedy = "leave it out; FHIR comes in by the FHIR API of the node";
            return self.unfit("format", "is for outbound channels", remedy);
        }
        if self.script.is_some() {
            let why = "changes HL7 messages, and `format = \"fhir\"` writes none";
            return self.unfit("script", why, "remove it");
        }
        if self.acknowledgement == Acknowledgement::Enhanced {
            let why = "is enhanced, and `format = \"fhir\"` is answered by a status";
            return self.unfit("acknowledgement", why, "leave it out");
        }
        Ok(())
    }

    /// Whether its peer is told in FHIR.
    pub(crate) fn posts_fhir(&self) -> bool {
        self.http.as_ref().is_some_and(|http| http.format == HttpFormat::Fhir)
    }

    fn check_files(&self, inbound: bool) -> Result<(), ConfigError> {
        let none = "has no meaning with files";
        for (field, set) in [
            ("listen", self.listen.is_some()),
            ("connect", self.connect.is_some()),
            ("tls", self.tls.is_some()),
            ("connections", self.connections != 1),
        ] {
            if set {
                return self.unfit(field, none, "remove it");
            }
        }
        let Some(files) = &self.files else {
            let why = "is missing, and `transport = \"files\"` needs it";
            return self.unfit("files", why, "add [files] with `folder`");
        };
        if files.folder.as_os_str().is_empty() {
            return self.unfit("folder", "is empty", "write the path of a folder");
        }
        let ending = files.ending.as_bytes();
        let plain = ending.iter().skip(1).all(u8::is_ascii_alphanumeric);
        if ending.first() != Some(&b'.') || !(2..=16).contains(&ending.len()) || !plain {
            let why = "is no ending of a file's name";
            return self.unfit("ending", why, "write a dot and letters, as \".hl7\"");
        }
        let range =
            |field, range| Err(ConfigError::Range { name: self.name.clone(), field, range });
        if files.settle_s > 3600 {
            return range("settle_s", "0 to 3600");
        }
        if !(50..=60_000).contains(&files.poll_ms) {
            return range("poll_ms", "50 to 60000");
        }
        if let Some(batch) = files.batch {
            if inbound {
                return self.unfit("batch", "is for outbound channels", "remove it");
            }
            if !(1..=1000).contains(&batch.messages) {
                return range("batch.messages", "1 to 1000");
            }
            if !(1..=86_400).contains(&batch.age_s) {
                return range("batch.age_s", "1 to 86400");
            }
        }
        if inbound && files.envelope {
            return self.unfit("envelope", "is for outbound channels", "remove it");
        }
        if !inbound && self.acknowledgement == Acknowledgement::Enhanced {
            let why = "is enhanced, and a folder answers nothing";
            return self.unfit("acknowledgement", why, "leave it out");
        }
        Ok(())
    }

    fn check_tls(&self, inbound: bool) -> Result<(), ConfigError> {
        let Some(tls) = &self.tls else {
            return Ok(());
        };
        let missing =
            |field, why| Err(ConfigError::TlsNeeds { name: self.name.clone(), field, why });
        match (&tls.certificate, &tls.key) {
            (None, None) if inbound => missing("certificate", "peers check it"),
            (Some(_), None) => missing("key", "a certificate is proven by it"),
            (None, Some(_)) => missing("certificate", "there is a key for it"),
            _ if tls.ca.is_none() && !inbound => missing("ca", "the peer is checked by it"),
            _ if tls.ca.is_none() && tls.require_client => {
                missing("ca", "clients are checked by it, unless `require_client = false`")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;

    fn check(change: impl Fn(&mut ChannelConfig), direction: Direction, expect: Option<&str>) {
        let mut config = match direction {
            Direction::Inbound => {
                ChannelConfig::inbound("x", "127.0.0.1:0".parse().unwrap(), Dialect::default())
            }
            Direction::Outbound => ChannelConfig::outbound("x", "h:1", Dialect::default()),
        };
        change(&mut config);
        let found = config.check().err().map(|error| error.to_string());
        match expect {
            None => assert_eq!(found, None),
            Some(words) => assert!(found.as_ref().is_some_and(|f| f.contains(words)), "{found:?}"),
        }
    }

    fn tls(text: &str) -> Option<TlsConfig> {
        toml::from_str(text).ok()
    }

    #[test]
    fn the_settings_of_a_transport_fit_each_other() {
        use Direction::{Inbound, Outbound};
        let both = "certificate = \"c\"\nkey = { file = \"k\" }";
        let all = format!("{both}\nca = \"a\"");
        check(|c| c.tls = tls(&all), Inbound, None);
        check(|c| c.tls = tls(&all), Outbound, None);
        check(|c| c.tls = tls("ca = \"a\""), Outbound, None);
        check(|c| c.tls = tls("ca = \"a\""), Inbound, Some("`certificate`"));
        check(|c| c.tls = tls(both), Outbound, Some("`ca`"));
        check(|c| c.tls = tls(both), Inbound, Some("require_client"));
        check(|c| c.tls = tls(&format!("{both}\nrequire_client = false")), Inbound, None);
        check(|c| c.tls = tls("certificate = \"c\""), Inbound, Some("`key`"));
    }

    #[test]
    fn http_is_for_those_who_are_known() {
        use Direction::{Inbound, Outbound};
        let http = |text: &str| {
            let http = toml::from_str(text).ok();
            move |c: &mut ChannelConfig| {
                (c.transport, c.http) = (Transport::Http, http.clone());
            }
        };
        let far = |text: &str| {
            let set = http(text);
            move |c: &mut ChannelConfig| {
                set(c);
                c.listen = Some("0.0.0.0:8081".parse().unwrap());
            }
        };
        check(http("path = \"/hl7\""), Inbound, None);
        check(http(""), Outbound, None);
        check(http("path = \"hl7\""), Inbound, Some("`path` is no path"));
        check(http("path = \"/hl7?x\""), Outbound, Some("`path` is no path"));
        check(far(""), Inbound, Some("`listen` would let anybody send"));
        check(far("token = { env = \"T\" }"), Inbound, None);
        check(|c| c.http = Some(HttpConfig::default()), Inbound, Some("transport = \"http\""));
        let enhanced = |c: &mut ChannelConfig| {
            http("")(c);
            c.acknowledgement = Acknowledgement::Enhanced;
            c.accept_ack = AckWhen::OnError;
        };
        check(enhanced, Outbound, Some("`accept_ack` is not AL"));
        let fhir = http("format = \"fhir\"");
        check(&fhir, Outbound, None);
        check(&fhir, Inbound, Some("`format` is for outbound channels"));
        let both = |c: &mut ChannelConfig| {
            fhir(c);
            c.acknowledgement = Acknowledgement::Enhanced;
        };
        check(both, Outbound, Some("answered by a status"));
    }

    #[test]
    fn files_need_a_folder_and_no_address() {
        use Direction::{Inbound, Outbound};
        let files = |text: &str| {
            let files = toml::from_str(text).ok();
            move |c: &mut ChannelConfig| {
                (c.transport, c.listen, c.connect) = (Transport::Files, None, None);
                c.files = files.clone();
            }
        };
        check(files("folder = \"in\""), Inbound, None);
        check(files("folder = \"out\"\nenvelope = true"), Outbound, None);
        let several = |c: &mut ChannelConfig| {
            files("folder = \"out\"")(c);
            c.connections = 2;
        };
        check(several, Outbound, Some("`connections` has no meaning with files"));
        check(files(""), Inbound, Some("`files` is missing"));
        check(files("folder = \"\""), Inbound, Some("`folder` is empty"));
        check(files("folder = \"in\"\nending = \"hl7\""), Inbound, Some("`ending`"));
        check(files("folder = \"in\"\nending = \".a/b\""), Inbound, Some("`ending`"));
        check(files("folder = \"in\"\nsettle_s = 4000"), Inbound, Some("0 to 3600"));
        check(files("folder = \"in\"\npoll_ms = 1"), Inbound, Some("50 to 60000"));
        check(files("folder = \"in\"\nenvelope = true"), Inbound, Some("`envelope`"));
        check(files("folder = \"out\"\nbatch = { messages = 9 }"), Outbound, None);
        check(files("folder = \"in\"\nbatch = {}"), Inbound, Some("`batch` is for outbound"));
        let batch = |text: &str| files(&format!("folder = \"out\"\nbatch = {{ {text} }}"));
        check(batch("messages = 1001"), Outbound, Some("`batch.messages` is outside 1 to 1000"));
        check(batch("age_s = 0"), Outbound, Some("`batch.age_s` is outside 1 to 86400"));
        let listening = |c: &mut ChannelConfig| {
            files("folder = \"in\"")(c);
            c.listen = Some("127.0.0.1:1".parse().unwrap());
        };
        check(listening, Inbound, Some("`listen` has no meaning with files"));
        let enhanced = |c: &mut ChannelConfig| {
            files("folder = \"out\"")(c);
            c.acknowledgement = Acknowledgement::Enhanced;
        };
        check(enhanced, Outbound, Some("a folder answers nothing"));
    }

    #[test]
    fn paths_count_from_the_configuration() {
        let mut config = ChannelConfig::outbound("x", "h:1", Dialect::default());
        config.tls = tls("ca = \"a.pem\"\ncertificate = \"/c.pem\"\nkey = { file = \"k.pem\" }");
        config.beside(Path::new("/etc/x"));
        let tls = config.tls.unwrap();
        assert_eq!(tls.ca.unwrap(), Path::new("/etc/x/a.pem"));
        assert_eq!(tls.certificate.unwrap(), Path::new("/c.pem"));
        assert_eq!(tls.key.unwrap(), KeySource::File("/etc/x/k.pem".into()));
    }
}
