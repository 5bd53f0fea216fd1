//! How one channel is set up.

mod transport;

use std::net::SocketAddr;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

pub use transport::{
    BatchConfig, FilesConfig, HttpConfig, HttpFormat, KeySource, TlsConfig, Transport,
};

use crate::dialect::{Dialect, RuleError};
use crate::health::Direction;
use crate::inbound::InboundChannel;
use crate::outbound::Voice;
use crate::script::{Script, ScriptError};
use crate::transport::{TlsError, TlsIdentity};

/// The largest message that a channel may be told to accept, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// The longest that a channel may be told to wait for an acknowledgement, in seconds.
pub const MAX_ACK_TIMEOUT_S: u32 = 600;

/// The most connections that an outbound channel may make to its peer.
pub(crate) const MAX_OUT_CONNECTIONS: u32 = 32;

/// How often a message that is not answered is sent again before a person has to decide about it,
/// where the configuration does not say.
pub const MAX_RESENDS: u32 = 10;

/// How often a message that is refused is sent again, where the configuration does not say.
pub const MAX_RETRIES: u32 = 5;

/// The longest that a channel may be told to wait for an application acknowledgement, in seconds:
/// a week.
pub const MAX_APPLICATION_ACK_TIMEOUT_S: u32 = 7 * 24 * 60 * 60;

/// The most that a channel may be told to send a message again.
pub const MOST_RESENDS: u32 = 1000;

/// What a sender does about a message that was sent and not answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnUnknown {
    /// Sends it again with the same control id, after the messages of other patients that wait,
    /// and holds it for a person when that went on for too long
    /// ([`ChannelConfig::max_resends`]). The peer must notice a repeat by its control id, as
    /// HL7 2.5.1 §2.9.3.2 has it; a peer that does not needs [`OnUnknown::Hold`].
    #[default]
    Resend,
    /// Opens a case and leaves it until a person has decided. The patient's later messages wait
    /// behind it, those of other patients go on.
    #[serde(alias = "ask")]
    Hold,
}

/// What a sender does about a message that the peer refuses (AE, AR, CE, CR).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnRefused {
    /// Opens a case and goes on: the message is not sent again, and the patient's later messages
    /// do not wait.
    #[default]
    Skip,
    /// Parks it with a case. The patient's later messages wait behind it until a person has
    /// decided, those of other patients go on.
    Hold,
    /// Sends it again after growing waits, [`ChannelConfig::max_retries`] times, then parks it as
    /// [`OnRefused::Hold`] does. The patient's later messages wait meanwhile.
    Retry,
}

/// How a channel asks its peer to acknowledge (HL7 2.5.1 §2.9.2 and §2.9.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Acknowledgement {
    /// MSH-15 and MSH-16 are empty; one acknowledgement ends the matter.
    #[default]
    Original,
    /// MSH-15 and MSH-16 say what is wanted, and both obligations are followed to their ends.
    Enhanced,
}

/// When an acknowledgement is asked for (HL7 table 0155).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
pub enum AckWhen {
    /// Always.
    #[default]
    #[serde(rename = "AL")]
    Always,
    /// Never.
    #[serde(rename = "NE")]
    Never,
    /// Only on an error or a rejection: silence means success.
    #[serde(rename = "ER")]
    OnError,
    /// Only on success: silence may mean anything.
    #[serde(rename = "SU")]
    OnSuccess,
}

impl AckWhen {
    /// The code as it is sent.
    pub fn code(self) -> &'static str {
        match self {
            AckWhen::Always => "AL",
            AckWhen::Never => "NE",
            AckWhen::OnError => "ER",
            AckWhen::OnSuccess => "SU",
        }
    }
}

/// What a patient's next message waits for, in enhanced mode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NextAfter {
    /// That the peer has stored the one before it.
    #[default]
    Commit,
    /// That the peer's application has answered the one before it.
    Application,
}

/// What an inbound channel does while a queue that it feeds is full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenFull {
    /// Takes nothing in and acknowledges nothing until there is room: the sender keeps its
    /// messages and their order.
    #[default]
    Withhold,
    /// Keeps the message parked with a case and answers AR: the sender can go on, and a person
    /// replays the message when there is room.
    Park,
}

/// What a sequence number (MSH-13) means to an inbound channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SequenceNumbers {
    /// The sender uses the sequence number protocol (HL7 2.5.1 §2.9.4), which is not spoken here:
    /// the message is refused.
    #[default]
    Refuse,
    /// The sender fills the field in and expects nothing.
    Ignore,
}

/// How long a queue may become before its sources are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueLimit {
    /// The most open messages.
    #[serde(default)]
    pub messages: Option<u64>,
    /// The greatest age of the oldest open message, in seconds.
    #[serde(default)]
    pub age_s: Option<u64>,
}

/// Which messages of an inbound channel go on to other systems as they came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardWhich {
    /// Those that nothing here acts on.
    #[default]
    Unmapped,
    /// All that are taken.
    All,
}

/// When a sender asks for the whole profile to be sent again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resync {
    /// On the first connection after a start and after the peer was gone: nobody knows what it
    /// has kept.
    #[default]
    Reconnect,
    /// Never: the peer keeps what it was told.
    Never,
}

/// What becomes of a result, a document, a request for a test or an appointment whose patient
/// the PAS has not told of. An order or an administration of a medicine is always parked then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownPatients {
    /// It is parked until somebody replays it.
    #[default]
    Park,
    /// It makes the patient known, with what its PID tells.
    Create,
}

/// One channel.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelConfig {
    /// Its name, unique within the node. A file of its own leaves it out: the file's name is it.
    #[serde(default)]
    pub name: String,
    /// Which way messages flow.
    pub direction: Direction,
    /// How its bytes travel.
    #[serde(default)]
    pub transport: Transport,
    /// Where it listens (inbound); port 0 takes any free one.
    #[serde(default)]
    pub listen: Option<SocketAddr>,
    /// The peer's `host:port` (outbound).
    #[serde(default)]
    pub connect: Option<String>,
    /// How many connections it makes to the peer (outbound), 1 to 32. One
    /// patient's messages keep their order and are never on their way twice; those of different
    /// patients go side by side.
    #[serde(default = "connections")]
    pub connections: u32,
    /// TLS on its connections.
    #[serde(default)]
    pub tls: Option<TlsConfig>,
    /// What HTTP needs to know (with [`Transport::Http`]).
    #[serde(default)]
    pub http: Option<HttpConfig>,
    /// Where its files lie (with [`Transport::Files`]).
    #[serde(default)]
    pub files: Option<FilesConfig>,
    /// How its peer speaks.
    #[serde(default)]
    pub dialect: Dialect,
    /// The file name of the script that its messages run through after the rules of the dialect,
    /// in the folder `scripts` of the configuration: `latin.rhai`.
    #[serde(default)]
    pub script: Option<String>,
    /// That script compiled, by whoever reads the configuration ([`ChannelConfig::compile`]).
    #[serde(skip)]
    pub compiled: Option<Script>,
    /// The message types that it takes (inbound): `ADT`, or `RDE^O11` for one event alone. Empty
    /// takes all that are handled.
    #[serde(default)]
    pub accepts: Vec<String>,
    /// What becomes of a result, a document, a request or an appointment of a patient who is not
    /// known (inbound).
    #[serde(default)]
    pub unknown_patients: UnknownPatients,
    /// How long an acknowledgement may take (outbound), in seconds, 1 to 600.
    #[serde(default = "ack_timeout_s")]
    pub ack_timeout_s: u32,
    /// What to do about a message that is not answered (outbound).
    #[serde(default)]
    pub on_unknown: OnUnknown,
    /// How often a message that the peer took whole and did not answer is sent again, 1 to 1000
    /// (outbound, with [`OnUnknown::Resend`]). After that it is held, with a case, until a person
    /// has decided. A peer that cannot be reached does not count.
    #[serde(default = "max_resends")]
    pub max_resends: u32,
    /// What to do about a message that is refused (outbound).
    #[serde(default)]
    pub on_refused: OnRefused,
    /// How often a message that is refused is sent again, 1 to 1000 (outbound, with
    /// [`OnRefused::Retry`]).
    #[serde(default = "max_retries")]
    pub max_retries: u32,
    /// How the peer is asked to acknowledge (outbound).
    #[serde(default)]
    pub acknowledgement: Acknowledgement,
    /// When it shall say that it has stored a message: MSH-15 (outbound, enhanced).
    #[serde(default)]
    pub accept_ack: AckWhen,
    /// When its application shall answer: MSH-16 (outbound, enhanced).
    #[serde(default)]
    pub application_ack: AckWhen,
    /// The inbound channel on which its application answers; none where it does so on the
    /// connection on which it was told (outbound, enhanced).
    #[serde(default)]
    pub application_ack_from: Option<String>,
    /// How long its application may take, in seconds, 1 to a week (outbound, enhanced).
    #[serde(default = "application_ack_timeout_s")]
    pub application_ack_timeout_s: u32,
    /// What a patient's next message waits for (outbound, enhanced).
    #[serde(default)]
    pub next_after: NextAfter,
    /// How long its queue may become before the channels that feed it hold back (outbound).
    #[serde(default)]
    pub queue_limit: QueueLimit,
    /// The outbound channels whose full queues this channel tells its sender of (inbound).
    #[serde(default)]
    pub feeds: Vec<String>,
    /// The outbound channels to which messages go on as they came (inbound).
    #[serde(default)]
    pub forward_to: Vec<String>,
    /// Which messages go on (inbound).
    #[serde(default)]
    pub forward: ForwardWhich,
    /// How it tells (inbound).
    #[serde(default)]
    pub when_full: WhenFull,
    /// What a sequence number in a message means (inbound).
    #[serde(default)]
    pub sequence_numbers: SequenceNumbers,
    /// When to send the whole profile again (outbound).
    #[serde(default)]
    pub resync: Resync,
    /// The largest message that it takes (inbound), in bytes, at most 16 MiB.
    #[serde(default = "max_message_bytes")]
    pub max_message_bytes: usize,
    /// The most connections at a time (inbound), 1 to 4096.
    #[serde(default = "max_connections")]
    pub max_connections: usize,
    /// For how many days its messages stay readable (inbound), from 1; for ever without it.
    #[serde(default)]
    pub retention_days: Option<u32>,
}

fn connections() -> u32 {
    1
}

fn ack_timeout_s() -> u32 {
    30
}

fn max_resends() -> u32 {
    MAX_RESENDS
}

fn max_retries() -> u32 {
    MAX_RETRIES
}

fn application_ack_timeout_s() -> u32 {
    3600
}

fn max_message_bytes() -> usize {
    1024 * 1024
}

fn max_connections() -> usize {
    128
}

/// Why a channel's configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The name is empty or too long.
    #[error("channel `{0}`: a name has 1 to 64 characters; give it another one")]
    Name(String),
    /// Two channels have the same name.
    #[error("channel `{0}` is there twice; rename one")]
    Twice(String),
    /// An inbound channel has no address to listen on.
    #[error("channel `{0}` is inbound and needs `listen`; write listen = \"0.0.0.0:2575\"")]
    NoListen(String),
    /// An outbound channel has no peer.
    #[error(
        "channel `{0}` is outbound and needs `connect`; write connect = \"cabinets.example:2575\""
    )]
    NoConnect(String),
    /// A channel names another one that is not there, or goes the other way.
    #[error(
        "channel `{name}`: `{field}` names `{other}`, and no {direction} channel has that name; \
         correct the name"
    )]
    NoSuch {
        /// The channel.
        name: String,
        /// The field.
        field: &'static str,
        /// What it names.
        other: String,
        /// Which way the other one has to go.
        direction: &'static str,
    },
    /// A rule of its dialect cannot be meant.
    #[error("channel `{0}`: in its dialect, {1}")]
    Rule(String, RuleError),
    /// It names a script that is not there.
    #[error("channel `{0}`: its `script` names `{1}`, which is not there; write scripts/{1}")]
    NoScript(String, String),
    /// Its script cannot be used.
    #[error("channel `{0}`: its `script` cannot be used: {1}")]
    Script(String, ScriptError),
    /// A setting of `tls` is missing.
    #[error("channel `{name}`: `tls` needs `{field}`: {why}; add it")]
    TlsNeeds {
        /// The channel.
        name: String,
        /// What is missing.
        field: &'static str,
        /// What for.
        why: &'static str,
    },
    /// A certificate or key cannot be used.
    #[error("channel `{name}`: {error}")]
    Tls {
        /// The channel.
        name: String,
        /// Why.
        error: TlsError,
    },
    /// A setting does not fit the transport or the others.
    #[error("channel `{name}`: `{field}` {why}; {remedy}")]
    Unfit {
        /// The channel.
        name: String,
        /// The setting.
        field: &'static str,
        /// Why.
        why: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// A token cannot be read.
    #[error(
        "channel `{name}`: `{field}` cannot be used: {why}; give it by {{ file = \"…\" }} or \
         {{ env = \"NAME\" }}"
    )]
    Secret {
        /// The channel.
        name: String,
        /// The setting.
        field: &'static str,
        /// Why, without the secret.
        why: String,
    },
    /// Two channels use the same folder.
    #[error("channel `{name}`: `folder` is that of channel `{other}` too; give each one its own")]
    Folder {
        /// The channel.
        name: String,
        /// The other.
        other: String,
    },
    /// A number is outside its range.
    #[error("channel `{name}`: `{field}` is outside {range}; write a number within it")]
    Range {
        /// The channel.
        name: String,
        /// The field.
        field: &'static str,
        /// What it may be.
        range: &'static str,
    },
}

impl ConfigError {
    /// Whether nothing but time has made it wrong, as a certificate of ours that has ended. What
    /// was right when it was applied must not keep a node from starting with its other channels.
    pub fn is_of_time(&self) -> bool {
        matches!(
            self,
            ConfigError::Tls { error: TlsError::Expired { .. } | TlsError::NotYet { .. }, .. }
        )
    }
}

impl ChannelConfig {
    /// An inbound channel with everything else as it is by default.
    pub fn inbound(name: &str, listen: SocketAddr, dialect: Dialect) -> Self {
        let mut config = Self::plain(name, Direction::Inbound, dialect);
        config.listen = Some(listen);
        config
    }

    /// An outbound channel with everything else as it is by default.
    pub fn outbound(name: &str, connect: impl Into<String>, dialect: Dialect) -> Self {
        let mut config = Self::plain(name, Direction::Outbound, dialect);
        config.connect = Some(connect.into());
        config
    }

    fn plain(name: &str, direction: Direction, dialect: Dialect) -> Self {
        ChannelConfig {
            name: name.to_owned(),
            direction,
            listen: None,
            connect: None,
            connections: connections(),
            tls: None,
            transport: Transport::default(),
            http: None,
            files: None,
            dialect,
            script: None,
            compiled: None,
            accepts: Vec::new(),
            unknown_patients: UnknownPatients::default(),
            ack_timeout_s: ack_timeout_s(),
            on_unknown: OnUnknown::default(),
            max_resends: max_resends(),
            on_refused: OnRefused::default(),
            max_retries: max_retries(),
            acknowledgement: Acknowledgement::default(),
            accept_ack: AckWhen::default(),
            application_ack: AckWhen::default(),
            application_ack_from: None,
            application_ack_timeout_s: application_ack_timeout_s(),
            next_after: NextAfter::default(),
            queue_limit: QueueLimit::default(),
            feeds: Vec::new(),
            forward_to: Vec::new(),
            forward: ForwardWhich::default(),
            when_full: WhenFull::default(),
            sequence_numbers: SequenceNumbers::default(),
            resync: Resync::default(),
            max_message_bytes: max_message_bytes(),
            max_connections: max_connections(),
            retention_days: None,
        }
    }

    /// How long an acknowledgement may take.
    pub fn ack_timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.ack_timeout_s))
    }

    /// How long the peer's application may take to answer.
    pub fn application_ack_timeout(&self) -> Duration {
        Duration::from_secs(u64::from(self.application_ack_timeout_s))
    }

    /// What reads its messages, on a site with that ODS code. `processing_id` is the value of
    /// MSH-11 in force; empty takes any.
    pub fn reader(&self, site: &str, processing_id: &str) -> InboundChannel {
        let dialect = self.dialect.clone();
        InboundChannel::new(&self.name, dialect, site, &self.accepts, processing_id)
            .creating_patients(self.unknown_patients == UnknownPatients::Create)
            .ignoring_sequence_numbers(self.sequence_numbers == SequenceNumbers::Ignore)
            .forwarding(&self.forward_to, self.forward == ForwardWhich::All)
            .with_script(self.compiled.clone())
    }

    /// What writes its messages, on a site with that ODS code. `processing_id` is the value of
    /// MSH-11 in force; empty sends `P`.
    pub fn voice(&self, site: &str, processing_id: &str) -> Voice {
        let voice = Voice::new(self.dialect.clone(), site, processing_id)
            .with_script(self.compiled.clone());
        let voice = if self.posts_fhir() { voice.in_fhir() } else { voice };
        match self.acknowledgement {
            Acknowledgement::Enhanced => voice.asking(self.accept_ack, self.application_ack),
            Acknowledgement::Original => voice,
        }
    }

    /// Compiles its script, whose text the caller has read.
    pub fn compile(&mut self, source: &str) -> Result<(), ConfigError> {
        let name = self.script.as_deref().unwrap_or_default();
        let compiled = Script::compile(name, source);
        let wrong = |error| ConfigError::Script(self.name.clone(), error);
        self.compiled = Some(compiled.map_err(wrong)?);
        Ok(())
    }

    /// Checks the ranges and that what the direction needs is there.
    pub fn check(&self) -> Result<(), ConfigError> {
        let name = || self.name.clone();
        let range = |field, range| ConfigError::Range { name: name(), field, range };
        if self.name.is_empty() || self.name.len() > 64 {
            return Err(ConfigError::Name(name()));
        }
        self.dialect.check().map_err(|error| ConfigError::Rule(name(), error))?;
        if let (Some(script), None) = (&self.script, &self.compiled) {
            return Err(ConfigError::NoScript(name(), script.clone()));
        }
        match () {
            () if !(1..=MAX_ACK_TIMEOUT_S).contains(&self.ack_timeout_s) => {
                Err(range("ack_timeout_s", "1 to 600"))
            }
            () if !(1..=MOST_RESENDS).contains(&self.max_resends) => {
                Err(range("max_resends", "1 to 1000"))
            }
            () if !(1..=MOST_RESENDS).contains(&self.max_retries) => {
                Err(range("max_retries", "1 to 1000"))
            }
            () if !(1..=MAX_APPLICATION_ACK_TIMEOUT_S)
                .contains(&self.application_ack_timeout_s) =>
            {
                Err(range("application_ack_timeout_s", "1 to 604800"))
            }
            () if self.queue_limit.messages == Some(0) || self.queue_limit.age_s == Some(0) => {
                Err(range("queue_limit", "1 and more"))
            }
            () if !(1024..=MAX_MESSAGE_BYTES).contains(&self.max_message_bytes) => {
                Err(range("max_message_bytes", "1024 to 16777216"))
            }
            () if !self.forward_to.is_empty() && self.direction == Direction::Outbound => {
                Err(ConfigError::Unfit {
                    name: name(),
                    field: "forward_to",
                    why: "is for inbound channels",
                    remedy: "write it at the channel on which the messages come",
                })
            }
            () if (1..self.forward_to.len())
                .any(|at| self.forward_to[..at].contains(&self.forward_to[at])) =>
            {
                Err(ConfigError::Unfit {
                    name: name(),
                    field: "forward_to",
                    why: "names a channel twice",
                    remedy: "name each one once",
                })
            }
            () if !(1..=MAX_OUT_CONNECTIONS).contains(&self.connections) => {
                Err(range("connections", "1 to 32"))
            }
            () if !(1..=4096).contains(&self.max_connections) => {
                Err(range("max_connections", "1 to 4096"))
            }
            () => self.check_transport(),
        }
    }

    /// Reads the certificates, the key and the token that it names and checks that they can be used
    /// at `now`: an own certificate that has expired would be refused by every peer. Gives when the
    /// own one expires, where there is one.
    pub fn check_certificates(&self, now: Timestamp) -> Result<Option<Timestamp>, ConfigError> {
        if let Some(http) = &self.http {
            http.read_token(&self.name)?;
        }
        let Some(tls) = &self.tls else {
            return Ok(None);
        };
        let checked = TlsIdentity::checked(tls, now);
        checked.map_err(|error| ConfigError::Tls { name: self.name.clone(), error })
    }
}

/// Checks what channels say of each other.
pub fn check_together(channels: &[ChannelConfig]) -> Result<(), ConfigError> {
    let find = |name: &str, direction: Direction| {
        channels.iter().any(|other| other.name == name && other.direction == direction)
    };
    for channel in channels {
        let no_such = |field, other: &String, direction| ConfigError::NoSuch {
            name: channel.name.clone(),
            field,
            other: other.clone(),
            direction,
        };
        if let Some(from) = &channel.application_ack_from
            && !find(from, Direction::Inbound)
        {
            return Err(no_such("application_ack_from", from, "inbound"));
        }
        if let Some(to) = channel.feeds.iter().find(|to| !find(to, Direction::Outbound)) {
            return Err(no_such("feeds", to, "outbound"));
        }
        if let Some(to) = channel.forward_to.iter().find(|to| !find(to, Direction::Outbound)) {
            return Err(no_such("forward_to", to, "outbound"));
        }
        let fhir = |to: &&ChannelConfig| channel.forward_to.contains(&to.name) && to.posts_fhir();
        if let Some(other) = channels.iter().find(fhir) {
            return Err(ConfigError::Unfit {
                name: other.name.clone(),
                field: "format",
                why: "is FHIR, and what is forwarded to it is HL7 as it came",
                remedy: "forward to a channel of its own",
            });
        }
        let enhanced = |other: &&ChannelConfig| {
            channel.forward_to.contains(&other.name)
                && other.acknowledgement == Acknowledgement::Enhanced
        };
        if let Some(other) = channels.iter().find(enhanced) {
            return Err(ConfigError::Unfit {
                name: other.name.clone(),
                field: "acknowledgement",
                why: "is enhanced, and what is forwarded to it keeps its own MSH-15 and MSH-16",
                remedy: "leave it out, or forward to a channel of its own",
            });
        }
    }
    let mut folders: Vec<(PathBuf, &str)> = Vec::new();
    for channel in channels {
        let Some(files) = &channel.files else { continue };
        let own = plain(&files.folder);
        if let Some((_, other)) = folders.iter().find(|(folder, _)| *folder == own) {
            let (name, other) = (channel.name.clone(), (*other).to_owned());
            return Err(ConfigError::Folder { name, other });
        }
        folders.push((own, &channel.name));
    }
    Ok(())
}

/// The one spelling of a folder: without `.`, `..` and links, as far as it is there already.
fn plain(folder: &Path) -> PathBuf {
    let mut spelled = std::env::current_dir().unwrap_or_default();
    for part in folder.components() {
        match part {
            Component::ParentDir => drop(spelled.pop()),
            Component::CurDir => {}
            other => spelled.push(other),
        }
        spelled = spelled.canonicalize().unwrap_or(spelled);
    }
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_checked() {
        let inbound =
            || ChannelConfig::inbound("pas", "127.0.0.1:0".parse().unwrap(), Dialect::default());
        let outbound = || ChannelConfig::outbound("adc", "127.0.0.1:1", Dialect::default());
        assert_eq!(inbound().check(), Ok(()));
        assert_eq!(outbound().check(), Ok(()));
        let check = |change: fn(&mut ChannelConfig), expected: &str| {
            let mut config = inbound();
            change(&mut config);
            assert!(config.check().unwrap_err().to_string().contains(expected), "{expected}");
        };
        check(|config| config.name.clear(), "1 to 64");
        check(|config| config.listen = None, "needs `listen`");
        check(|config| config.direction = Direction::Outbound, "needs `connect`");
        check(|config| config.ack_timeout_s = 0, "ack_timeout_s");
        check(|config| config.max_resends = 0, "max_resends");
        check(|config| config.max_resends = 1001, "max_resends");
        check(|config| config.max_retries = 0, "max_retries");
        check(|config| config.application_ack_timeout_s = 604_801, "application_ack_timeout_s");
        check(|config| config.queue_limit.messages = Some(0), "queue_limit");
        check(|config| config.max_message_bytes = usize::MAX, "max_message_bytes");
        check(|config| config.max_connections = 0, "max_connections");
        check(|config| config.connections = 0, "`connections` is outside 1 to 32");
        check(|config| config.connections = 2, "`connections` is for outbound channels");
        check(|config| config.script = Some("x.rhai".into()), "write scripts/x.rhai");
        check(
            |config| config.dialect = toml::from_str("[[clear]]\nfield = \"MSH-1\"").unwrap(),
            "in its dialect, a rule changes MSH-1",
        );
        let mut scripted = inbound();
        scripted.script = Some("x.rhai".into());
        let wrong = scripted.compile("let x = ;").unwrap_err().to_string();
        assert!(wrong.contains("`script` cannot be used: line 1 of x.rhai"), "{wrong}");
        scripted.compile("let x = 1;").unwrap();
        assert_eq!(scripted.check(), Ok(()));
    }

    #[test]
    fn a_folder_is_one_however_it_is_spelled() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        std::fs::create_dir(root.join("in")).unwrap();
        std::os::unix::fs::symlink(root.join("in"), root.join("link")).unwrap();
        let channel = |name: &str, folder: &str| {
            let mut config = ChannelConfig::plain(name, Direction::Inbound, Dialect::default());
            config.transport = Transport::Files;
            config.files = Some(FilesConfig { folder: root.join(folder), ..Default::default() });
            config
        };
        for (one, other, same) in [
            ("in", "in/", true),
            ("in", "./in", true),
            ("in", "out/../in", true),
            ("in", "link", true),
            ("link/new", "in/new", true),
            ("new/a", "new/./a", true),
            ("in", "out", false),
            ("in", "in/a", false),
        ] {
            let checked = check_together(&[channel("a", one), channel("b", other)]);
            assert_eq!(checked.is_err(), same, "{one} {other}: {checked:?}");
        }
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let config: ChannelConfig = serde_json::from_str(
            r#"{"name":"adc","direction":"outbound","connect":"adc.example:2575"}"#,
        )
        .unwrap();
        assert_eq!(config.check(), Ok(()));
        assert_eq!(config.ack_timeout(), Duration::from_secs(30));
        assert_eq!(config.on_unknown, OnUnknown::Resend);
        assert_eq!(config.max_resends, MAX_RESENDS);
        assert_eq!(config.resync, Resync::Reconnect);
        let unknown = r#"{"name":"adc","direction":"outbound","conect":"x"}"#;
        assert!(serde_json::from_str::<ChannelConfig>(unknown).is_err());
    }
}
