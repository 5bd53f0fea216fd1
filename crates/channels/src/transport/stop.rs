//! Telling tasks to stop.

use tokio::sync::watch;

/// Tells every [`Stop`] that it is time; dropping it tells them too.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Hears from a [`Stopper`].
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stopper {
    /// A stopper and the first of its listeners.
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Stopper(sender), Stop(receiver))
    }

    /// Tells that it is time to stop.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Whether it is time.
    pub fn is_set(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until it is time.
    pub async fn wait(&mut self) {
        // An error means that the stopper is gone, which is as good as its word.
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everyone_hears_it() {
        let (stopper, stop) = Stopper::new();
        let mut other = stop.clone();
        assert!(!stop.is_set());
        stopper.stop();
        assert!(stop.is_set());
        other.wait().await;
    }

    #[tokio::test]
    async fn a_stopper_that_is_gone_has_spoken() {
        let (stopper, mut stop) = Stopper::new();
        drop(stopper);
        assert!(stop.is_set());
        stop.wait().await;
    }
}
