//! The node: configuration, wiring and the command line.
