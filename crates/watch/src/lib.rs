//! What is wrong with a node, and who is told.
//!
//! The assembly takes a [`Reading`] of the node every few seconds. [`rules`] compares it with the
//! [`Limits`], the [`Board`] turns what they find into alarms that begin and end, and the
//! [`Notifier`] tells people by e-mail and webhook: a storm of alarms is one notice. Nothing here
//! knows a patient: a reading is names of channels, counts and times. [`exposition`] and [`traces`]
//! write figures and spans as other programs read them.

mod board;
pub mod exposition;
mod limits;
mod mail;
mod notice;
mod notifier;
mod post;
mod reading;
pub mod rules;
pub mod traces;
mod webhook;
mod window;

pub use board::{Alarm, Board, Change};
pub use limits::{LimitError, Limits, LineLimits};
pub use mail::{Mail, MailError, MailTls};
pub use notice::Notice;
pub use notifier::{Deliver, DeliverError, Notifier, Pace};
pub use post::{Post, PostError};
pub use reading::{Disk, Line, Reading, Way};
pub use webhook::Webhook;
