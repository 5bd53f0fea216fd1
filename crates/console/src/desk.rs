//! What the message pages need of a node: searches, lives, and acting on messages again.

use std::sync::Arc;

use engine::{Chosen, Engine, ReplayError, Replayer, Resent, resend};
use fhir::Id;
use record::{Life, MessageSearch, Messages};

/// The name of the source from which the engine has what comes this way.
const CHANNEL: &str = "console";

/// A node's messages.
#[derive(Clone)]
pub(crate) struct Desk {
    engine: Engine,
    replayer: Option<Arc<dyn Replayer>>,
}

impl Desk {
    pub(crate) fn new(engine: Engine, replayer: Option<Arc<dyn Replayer>>) -> Self {
        Desk { engine, replayer }
    }

    /// Finds messages. Blocks while it reads.
    pub(crate) fn find(
        &self,
        search: &MessageSearch,
        limit: usize,
    ) -> Result<Messages, record::Error> {
        let readers = self.engine.readers();
        readers.get()?.find_messages(self.engine.messages(), search, limit)
    }

    /// The life of a message. Blocks while it reads.
    pub(crate) fn life(&self, seq: u64) -> Result<Option<Life>, record::Error> {
        let readers = self.engine.readers();
        let replayer = self.replayer.as_ref();
        readers.get()?.life(self.engine.messages(), seq, &|reader, delivery| match replayer {
            Some(replayer) => replayer.rewrite(reader, delivery),
            None => Err("this node writes no messages".to_owned()),
        })
    }

    /// Acts on the message of a case again, mended or as it came; answers the new entry.
    pub(crate) async fn replay(
        &self,
        case: &Id,
        mended: Option<Vec<u8>>,
        by: &str,
    ) -> Result<engine::Receipt, ReplayError> {
        match &self.replayer {
            Some(replayer) => replayer.replay(case, mended, by).await,
            None => Err(ReplayError::NotReplayable("this node replays no messages".to_owned())),
        }
    }

    /// Sends a selection to one destination again.
    pub(crate) async fn resend(&self, chosen: Chosen, by: &str) -> Result<Resent, ReplayError> {
        resend(&self.engine, chosen, (CHANNEL, None), by).await
    }
}
