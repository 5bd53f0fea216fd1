//! The durable, hash-chained, append-only log.
