//! The hazards of an integration engine, each a story that ends badly on a naive one.
//!
//! | hazard | where |
//! |---|---|
//! | wrong-message ACK, late ACK, ACK that nobody waits for | `acknowledgements.rs` |
//! | resend storm, peer that never answers, peer that answers AE for ever | `peers.rs` |
//! | head-of-line block, 1,001st queued message, restart and merge in mid-queue | `queue.rs` |
//! | accept and application acknowledgement apart | `enhanced.rs` |
//! | full queue, disk full | `room.rs` |
//! | clock jump | `clock.rs` |
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod acknowledgements;
mod clock;
mod enhanced;
mod peer;
mod peers;
mod queue;
#[path = "../channels/rig.rs"]
#[expect(dead_code, reason = "each test target uses its part of the rig")]
mod rig;
mod room;
