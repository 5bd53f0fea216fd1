//! From where on something is an alarm.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The longest time that a limit may be set to, in minutes: four weeks.
const MOST_MINUTES: u32 = 28 * 24 * 60;

/// The limits of a node. Every limit can be set for one channel alone; 0 switches it off.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// How long an inbound channel may say nothing, in minutes.
    pub silence_min: u32,
    /// How long the peer of an outbound channel may be out of reach, in minutes.
    pub down_min: u32,
    /// How many messages may wait for one peer.
    pub queue_depth: u64,
    /// How long the oldest of them may wait, in minutes.
    pub queue_age_min: u32,
    /// How many of a hundred messages may be refused, counted over a quarter of an hour in which
    /// there were at least twenty.
    pub refused_percent: u32,
    /// How far a peer's clock may be from ours, in seconds.
    pub skew_s: u32,
    /// How long before its end a certificate is to be renewed, in days.
    pub certificate_days: u32,
    /// How much of the disk has to be free, in percent.
    pub disk_free_percent: u32,
    /// What is different for one channel, by its name.
    pub channel: BTreeMap<String, LineLimits>,
}

/// What is different for one channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LineLimits {
    /// See [`Limits::silence_min`].
    pub silence_min: Option<u32>,
    /// See [`Limits::down_min`].
    pub down_min: Option<u32>,
    /// See [`Limits::queue_depth`].
    pub queue_depth: Option<u64>,
    /// See [`Limits::queue_age_min`].
    pub queue_age_min: Option<u32>,
    /// See [`Limits::refused_percent`].
    pub refused_percent: Option<u32>,
    /// See [`Limits::skew_s`].
    pub skew_s: Option<u32>,
    /// See [`Limits::certificate_days`].
    pub certificate_days: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            silence_min: 60,
            down_min: 2,
            queue_depth: 1000,
            queue_age_min: 15,
            refused_percent: 20,
            skew_s: 120,
            certificate_days: 30,
            disk_free_percent: 10,
            channel: BTreeMap::new(),
        }
    }
}

/// A limit that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// A time is longer than four weeks.
    #[error("`{0}` is longer than four weeks, and nobody would be told in time; write less")]
    TooLong(&'static str),
    /// A share is more than everything.
    #[error("`{0}` is a share of a hundred; write 0 to 100")]
    Percent(&'static str),
    /// A channel that is not there has limits.
    #[error("there is no channel `{0}`; name one of: {1}")]
    NoChannel(String, String),
}

impl Limits {
    /// Checks the ranges, and that every channel that has limits of its own is one of `channels`.
    pub fn check(&self, channels: &[&str]) -> Result<(), LimitError> {
        for (name, own) in &self.channel {
            if !channels.contains(&name.as_str()) {
                return Err(LimitError::NoChannel(name.clone(), channels.join(", ")));
            }
            self.clone().with(own).ranges()?;
        }
        self.ranges()
    }

    fn ranges(&self) -> Result<(), LimitError> {
        let times = [
            ("silence_min", self.silence_min),
            ("down_min", self.down_min),
            ("queue_age_min", self.queue_age_min),
        ];
        let shares = [
            ("refused_percent", self.refused_percent),
            ("disk_free_percent", self.disk_free_percent),
        ];
        if let Some((name, _)) = times.iter().find(|(_, minutes)| *minutes > MOST_MINUTES) {
            return Err(LimitError::TooLong(name));
        }
        match shares.iter().find(|(_, percent)| *percent > 100) {
            Some((name, _)) => Err(LimitError::Percent(name)),
            None => Ok(()),
        }
    }

    /// The limits of one channel.
    #[must_use]
    pub fn of(&self, channel: &str) -> Limits {
        let plain = Limits { channel: BTreeMap::new(), ..*self };
        match self.channel.get(channel) {
            Some(own) => plain.with(own),
            None => plain,
        }
    }

    fn with(mut self, own: &LineLimits) -> Limits {
        self.silence_min = own.silence_min.unwrap_or(self.silence_min);
        self.down_min = own.down_min.unwrap_or(self.down_min);
        self.queue_depth = own.queue_depth.unwrap_or(self.queue_depth);
        self.queue_age_min = own.queue_age_min.unwrap_or(self.queue_age_min);
        self.refused_percent = own.refused_percent.unwrap_or(self.refused_percent);
        self.skew_s = own.skew_s.unwrap_or(self.skew_s);
        self.certificate_days = own.certificate_days.unwrap_or(self.certificate_days);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Result<(), &str>) {
        let limits: Limits = serde_json::from_str(json).unwrap();
        let found = limits.check(&["pas", "epma"]).map_err(|error| error.to_string());
        assert_eq!(found.as_ref().map_err(String::as_str).copied(), expected);
    }

    #[test]
    fn limits_are_checked() {
        check("{}", Ok(()));
        check(r#"{"silence_min":0,"channel":{"pas":{"silence_min":15}}}"#, Ok(()));
        check(
            r#"{"silence_min":99999}"#,
            Err("`silence_min` is longer than four weeks, and nobody would be told in time; \
                write less"),
        );
        check(
            r#"{"channel":{"epma":{"refused_percent":101}}}"#,
            Err("`refused_percent` is a share of a hundred; write 0 to 100"),
        );
        check(
            r#"{"channel":{"pass":{}}}"#,
            Err("there is no channel `pass`; name one of: pas, epma"),
        );
        assert!(serde_json::from_str::<Limits>(r#"{"silence":1}"#).is_err());
    }

    #[test]
    fn a_channel_may_have_its_own() {
        let limits: Limits =
            serde_json::from_str(r#"{"silence_min":60,"channel":{"pas":{"silence_min":0}}}"#)
                .unwrap();
        assert_eq!(limits.of("pas").silence_min, 0);
        assert_eq!(limits.of("epma").silence_min, 60);
        assert_eq!(limits.of("pas").queue_depth, limits.queue_depth);
    }
}
