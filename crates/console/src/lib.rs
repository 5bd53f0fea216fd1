//! Web pages for people, server-rendered.
//!
//! The live loop shows what is in the hospital's medicines loop now, kept up to date by
//! server-sent events. Messages are found, read, mended and sent again by those whose key allows
//! it. The pages read through `record`'s queries, and reach the engine to have looks and refusals
//! journalled and messages acted on again.
//!
//! What is shown is gathered and rendered once for all who watch, and only while somebody does.
//! On the live loop patients are named by ward, bed and the last three digits of the NHS number.

mod assets;
mod desk;
mod door;
mod gather;
mod headers;
mod live;
mod node;
mod pages;
mod render;
#[cfg(test)]
mod sample;
mod stream;
mod view;
mod words;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use engine::{Engine, Replayer};
use tokio::sync::watch;

pub use door::{Key, Right, Rights};
pub use view::{AlarmView, ChannelView, Direction, LinkState};

/// Asks for every channel as it is now.
pub type Channels = Arc<dyn Fn() -> Vec<ChannelView> + Send + Sync>;

/// Asks for every alarm that goes on, the oldest first.
pub type Alarms = Arc<dyn Fn() -> Vec<AlarmView> + Send + Sync>;

/// Fills bytes with randomness that nobody can guess.
pub type Random = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// What the console is made of.
pub struct ConsoleParts {
    /// The engine whose record is shown and whose journal keeps the looks.
    pub engine: Engine,
    /// Every channel as it is now.
    pub channels: Channels,
    /// Every alarm that goes on.
    pub alarms: Alarms,
    /// Reads parked messages again and writes sent ones anew; none on a node that does not.
    pub replayer: Option<Arc<dyn Replayer>>,
    /// The keys that open the console. Without one nobody comes in.
    pub keys: Vec<Key>,
    /// The site's name, as people know it.
    pub site_name: String,
    /// Randomness for session ids.
    pub random: Random,
    /// Turns true when the node is about to stop, which ends the event streams, so that a server
    /// that waits for its connections can end. Dropping the sender means the same.
    pub stop: watch::Receiver<bool>,
}

impl fmt::Debug for ConsoleParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleParts").field("site_name", &self.site_name).finish_non_exhaustive()
    }
}

/// The console's pages: `/`, `/live`, `/find`, `/trace/…`, `/sign-in`, `/sign-out` and `/assets/…`.
///
/// It has no fallback, so that it can be merged with other routes. Wrong keys are counted by the
/// address in the request's extension `ConnectInfo<SocketAddr>`, which the server puts there for
/// each connection; without it all addresses share one count.
pub fn router(parts: ConsoleParts) -> Router {
    let ConsoleParts { engine, channels, alarms, replayer, keys, site_name, random, stop } = parts;
    let desk = desk::Desk::new(engine.clone(), replayer);
    let node = Arc::new(node::EngineNode::new(engine, channels, alarms, stop));
    pages::router(Arc::new(pages::Console::new(node, keys, site_name, random).with_desk(desk)))
}
