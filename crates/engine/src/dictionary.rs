//! The release of dm+d that decisions read.
//!
//! The journal says which one is in use ([`medicines::Dictionary`]); its index is a file beside the
//! journal, which the node reads for the engine. A digest names the same bytes for ever, so the
//! same entry is decided with the same release wherever it is decided.

use std::fmt;
use std::sync::Arc;

use medicines::State;
use terminology::Index;

/// Where the indexes of releases are found.
pub trait Dictionaries: fmt::Debug + Send + Sync {
    /// The index of that digest (SHA-256 in hexadecimal); none where its file is lost.
    fn index(&self, digest: &str) -> Option<Arc<Index>>;
}

/// No releases at all: for a node that has none, and for tests.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDictionaries;

impl Dictionaries for NoDictionaries {
    fn index(&self, _: &str) -> Option<Arc<Index>> {
        None
    }
}

/// The release in use, read once.
#[derive(Debug)]
pub(crate) struct InUse {
    source: Arc<dyn Dictionaries>,
    digest: String,
    index: Option<Arc<Index>>,
}

impl InUse {
    pub(crate) fn new(source: Arc<dyn Dictionaries>) -> Self {
        InUse { source, digest: String::new(), index: None }
    }

    /// The release that the journal says is in use.
    pub(crate) fn of(&mut self, state: &State) -> Option<Arc<Index>> {
        let digest = state.dictionary().map_or("", |in_use| in_use.dictionary.digest.as_str());
        if digest != self.digest {
            digest.clone_into(&mut self.digest);
            self.index = self.source.index(digest);
            if self.index.is_none() {
                tracing::error!(
                    digest,
                    "the release of dm+d in use cannot be read: doses that need it are refused; \
                     import it again"
                );
            }
        }
        self.index.clone()
    }
}
