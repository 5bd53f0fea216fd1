//! Batch, decide, append, apply, answer; timers; subscriptions to facts.
