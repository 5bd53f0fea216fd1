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
//! | batch whose count is wrong | `batch_count_mismatch.rs` |
//! | expired certificate | `certificate_expired.rs` |
//! | half a frame | `half_frame.rs` |
//! | peer that hangs up at once | `peer_closes_at_once.rs` |
//! | bytes of another character set than declared | `wrong_charset.rs` |
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod acknowledgements;
mod batch_count_mismatch;
mod certificate_expired;
mod clock;
mod enhanced;
mod half_frame;
mod peer;
mod peer_closes_at_once;
mod peers;
#[path = "../channels/pki.rs"]
#[expect(dead_code, reason = "each test target uses its part of it")]
mod pki;
mod queue;
#[path = "../channels/rig.rs"]
#[expect(dead_code, reason = "each test target uses its part of the rig")]
mod rig;
mod room;
mod wrong_charset;
