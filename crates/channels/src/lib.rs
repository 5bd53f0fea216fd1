//! Transports, dialects, inbound and outbound messages, delivery queues.

pub mod dialect;
