//! The soft end: no new iterations, while those under way may finish within gracefulStop. The hard end is [`crate::stop`].
//!
//! Closed by what ends a run or a scenario in an orderly way (a budget that is used up); watched by the executors.

use tokio::sync::watch;

/// Open until closed; never opens again.
#[derive(Debug)]
pub struct Drain(watch::Sender<bool>);

impl Default for Drain {
    fn default() -> Self {
        Self(watch::channel(false).0)
    }
}

impl Drain {
    /// No more iterations.
    pub fn close(&self) {
        self.0.send_replace(true);
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves once closed; at once when it already was.
    pub async fn closed(&self) {
        let mut rx = self.0.subscribe();
        // The sender lives as long as `self`.
        let _ = rx.wait_for(|closed| *closed).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_ends_when_it_is_closed() {
        let drain = std::sync::Arc::new(Drain::default());
        assert!(!drain.is_closed());
        let waiting = std::sync::Arc::clone(&drain);
        let task = tokio::spawn(async move { waiting.closed().await });
        drain.close();
        task.await.unwrap();
        drain.closed().await;
        assert!(drain.is_closed());
    }
}
