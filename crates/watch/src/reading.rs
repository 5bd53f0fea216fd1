//! What was measured of a node at one time.

use jiff::Timestamp;

/// Which way messages flow on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The peer speaks to us.
    In,
    /// We speak to the peer.
    Out,
}

/// One channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// Which way it goes.
    pub way: Way,
    /// Whether the peer cannot be reached.
    pub down: bool,
    /// When the peer last said something whole.
    pub last_seen: Option<Timestamp>,
    /// How many messages wait.
    pub queue: u64,
    /// Since when the oldest of them waits.
    pub oldest: Option<Timestamp>,
    /// Messages taken (in) or sent (out) since the node started.
    pub messages: u64,
    /// How many of these were refused.
    pub refused: u64,
    /// How far the peer's clock is ahead of ours by its last message, in seconds; below zero where
    /// it is behind.
    pub skew_s: Option<i64>,
    /// When the first certificate of this channel, ours or the peer's, stops being good.
    pub certificate: Option<Timestamp>,
}

/// The disk that the data folder is on, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// What is free for the node.
    pub free: u64,
    /// Its size.
    pub size: u64,
}

/// A node at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// When it was taken.
    pub at: Timestamp,
    /// When the node started: a channel cannot have been silent for longer.
    pub started: Timestamp,
    /// Its channels.
    pub lines: Vec<Line>,
    /// Its disk, where it could be asked.
    pub disk: Option<Disk>,
}
