//! How the bytes of a channel travel: the settings of its transport.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{ChannelConfig, ConfigError};
use crate::health::Direction;

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

/// Where a private key is found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeySource {
    /// In a PEM file.
    File(PathBuf),
    /// As PEM in an environment variable.
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
    }

    /// Checks that the transport's settings fit each other and the direction. It reads no file.
    pub(super) fn check_transport(&self) -> Result<(), ConfigError> {
        let name = || self.name.clone();
        match self.direction {
            Direction::Inbound if self.listen.is_none() => Err(ConfigError::NoListen(name())),
            Direction::Outbound if self.connect.is_none() => Err(ConfigError::NoConnect(name())),
            direction => self.check_tls(direction == Direction::Inbound),
        }
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
