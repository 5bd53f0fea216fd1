//! Batch, decide, append, apply, answer; timers; subscriptions to the journal's progress.
//!
//! One engine writes for a site. [`Engine::start`] opens the journal, brings the record up to it
//! and begins to take commands; [`Engine::submit`] answers once a command is durable in the
//! journal and visible in the record. When the journal or the record cannot be written the
//! engine stops: nobody is answered any more, and [`Engine::stopped`] tells why.

mod ahead;
mod base;
mod clock;
mod command;
mod core;
mod dictionary;
mod error;
mod gauges;
mod handle;
mod keeping;
mod messages;
mod pace;
mod queued;
mod recorder;
mod recovery;
mod replay;
mod resend;
mod together;
mod trace;

pub use base::{make_base, newest_base};
pub use clock::Clock;
pub use command::{Command, Receipt};
pub use dictionary::{Dictionaries, NoDictionaries};
pub use error::{Error, Stopped};
pub use gauges::{Buckets, COUNT_BOUNDS, Histogram, Measures, TIME_BOUNDS_US};
pub use handle::{Engine, Options};
pub use keeping::{CONTROLLED_DAYS_MIN, CONTROLLED_DAYS_USUAL, Keep, Keeping, time_of};
pub use messages::{MESSAGES_FILE, index_of};
pub use recovery::{Rebuilt, rebuild};
pub use replay::{ReplayError, Replayer, Replaying};
pub use resend::{Chosen, Resent, resend};
pub use trace::{DeliveryTrace, EntryTrace, Span, Tracer};
