//! Notices as JSON to an address.

use crate::notice::Notice;
use crate::notifier::{Deliver, DeliverError};
use crate::post::{Post, PostError};

/// An address that is told.
#[derive(Debug)]
pub struct Webhook(Post);

impl Webhook {
    /// An address; `token` and `authority` are those of [`Post::new`].
    pub fn new(
        url: &str,
        token: Option<String>,
        authority: Option<&[u8]>,
    ) -> Result<Self, PostError> {
        Post::new(url, token, authority).map(Webhook)
    }
}

impl Deliver for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn deliver(&self, notice: &Notice) -> Result<(), DeliverError> {
        let body = serde_json::to_string(notice).expect("a notice is plain values");
        Ok(self.0.send(body)?)
    }
}
