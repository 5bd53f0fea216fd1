//! Where log lines go. They hold no patient data: who and what is in the journal.

use tracing_subscriber::EnvFilter;

/// Writes log lines to standard error, at the level of `INTERLOCK_LOG`, else warnings and worse.
pub fn start() {
    let filter =
        EnvFilter::try_from_env("INTERLOCK_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    // A second start in one process, as tests do, keeps the first.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .try_init();
}
