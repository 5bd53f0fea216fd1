//! A simulated hospital that speaks the real protocols.
