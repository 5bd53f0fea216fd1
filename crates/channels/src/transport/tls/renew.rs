//! What is made from certificates on disk, made anew when they change: a certificate is renewed
//! while the channel runs.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use jiff::Timestamp;

use super::TlsError;
use crate::config::{KeySource, TlsConfig};
use crate::health::Meter;

/// When each file was last written, and how long it is.
type Stamp = Vec<Option<(SystemTime, u64)>>;

/// One side of TLS with the settings that it is made from.
pub(super) struct Renewing<T> {
    config: TlsConfig,
    made: Mutex<Made<T>>,
}

#[derive(Clone)]
struct Made<T> {
    value: T,
    ends: Option<Timestamp>,
    stamp: Stamp,
}

/// How one side is made; gives when our own certificate ends, too.
type Make<T> = fn(&TlsConfig) -> Result<(T, Option<Timestamp>), TlsError>;

impl<T: Clone> Renewing<T> {
    pub(super) fn new(config: &TlsConfig, make: Make<T>) -> Result<Self, TlsError> {
        // Looked at before the files are read: what is written in between is read once more.
        let stamp = stamp(config);
        let (value, ends) = make(config)?;
        Ok(Renewing { config: config.clone(), made: Mutex::new(Made { value, ends, stamp }) })
    }

    /// When our own certificate ends.
    pub(super) fn ends(&self) -> Option<Timestamp> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).ends
    }

    /// The side as the files have it now. Where they cannot be used, as half-way through a change,
    /// it is the one before, and they are read again for the next connection.
    pub(super) fn now(&self, meter: &Meter, make: Make<T>) -> T {
        let stamp = stamp(&self.config);
        // The value is replaced whole, so a thread that panicked has left nothing half done.
        let mut last = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if stamp != last.stamp {
            match make(&self.config) {
                Ok((value, ends)) => {
                    *last = Made { value, ends, stamp };
                    meter.own_certificate(ends);
                    tracing::info!(channel = %meter.name(), "its certificates were read anew");
                }
                Err(error) => {
                    meter.error("tls-files-unusable");
                    tracing::warn!(channel = %meter.name(), %error, "certificates are not used");
                }
            }
        }
        last.value.clone()
    }
}

fn stamp(config: &TlsConfig) -> Stamp {
    let key = match &config.key {
        Some(KeySource::File(path)) => Some(path),
        _ => None,
    };
    let files: [Option<&PathBuf>; 3] = [config.certificate.as_ref(), key, config.ca.as_ref()];
    let looked = files.into_iter().flatten().map(|path| {
        let found = std::fs::metadata(path).ok()?;
        Some((found.modified().ok()?, found.len()))
    });
    looked.collect()
}
