//! What can be changed from outside while a run goes on: pausing it before its start, and the VUs of an `externally-controlled`
//! scenario. Written by the REST API, read by the scheduler and that executor.

use tokio::sync::watch;

/// The VUs of an `externally-controlled` scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExternalVus {
    /// VUs that run iterations.
    pub vus: u64,
    /// VUs that are initialised; `vus` may be raised up to here.
    pub max_vus: u64,
    /// The `maxVUs` of the script: `max_vus` cannot be lowered below it, because other scenarios may count on these VUs.
    pub least_max: u64,
}

/// The state that is set from outside.
#[derive(Debug)]
pub struct Control {
    paused: watch::Sender<bool>,
    external: watch::Sender<Option<ExternalVus>>,
}

impl Default for Control {
    fn default() -> Self {
        Self { paused: watch::channel(false).0, external: watch::channel(None).0 }
    }
}

impl Control {
    /// Pauses or resumes.
    pub fn set_paused(&self, paused: bool) {
        self.paused.send_replace(paused);
    }

    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        *self.paused.borrow()
    }

    /// Resolves when it is not, or no longer, paused.
    pub async fn resumed(&self) {
        let mut paused = self.paused.subscribe();
        while *paused.borrow_and_update() {
            if paused.changed().await.is_err() {
                return;
            }
        }
    }

    /// Follows pauses.
    pub fn pauses(&self) -> watch::Receiver<bool> {
        self.paused.subscribe()
    }

    /// Offers the VUs of a scenario to be set from outside; of several scenarios the first one, as in k6.
    pub fn offer(&self, vus: u64, max_vus: u64) {
        self.external.send_if_modified(|slot| {
            let first = slot.is_none();
            if first {
                *slot = Some(ExternalVus { vus, max_vus, least_max: max_vus });
            }
            first
        });
    }

    /// The VUs that can be set; None when no scenario is controlled externally.
    pub fn external(&self) -> Option<ExternalVus> {
        *self.external.borrow()
    }

    /// Follows changes of them.
    pub fn externals(&self) -> watch::Receiver<Option<ExternalVus>> {
        self.external.subscribe()
    }

    /// Sets the VUs, the limit or both.
    ///
    /// # Errors
    /// No scenario is controlled externally, or the numbers do not fit each other.
    pub fn set_external(&self, vus: Option<u64>, max_vus: Option<u64>) -> Result<(), String> {
        let mut result = Ok(());
        self.external.send_if_modified(|slot| {
            let Some(now) = slot else {
                result = Err("the number of VUs can only be changed when the script has a scenario with the \
                              executor `externally-controlled`"
                    .to_owned());
                return false;
            };
            let wanted = ExternalVus {
                vus: vus.unwrap_or(now.vus),
                max_vus: max_vus.unwrap_or(now.max_vus),
                least_max: now.least_max,
            };
            if wanted.max_vus < wanted.least_max {
                result = Err(format!(
                    "vus-max {} is less than the maxVUs ({}) the scenario was started with",
                    wanted.max_vus, wanted.least_max
                ));
            } else if wanted.vus > wanted.max_vus {
                result = Err(format!("{} VUs are more than vus-max ({}): raise it too", wanted.vus, wanted.max_vus));
            }
            let changed = result.is_ok() && *now != wanted;
            if changed {
                *now = wanted;
            }
            changed
        });
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_vus_must_fit() {
        let control = Control::default();
        assert!(control.set_external(Some(1), None).unwrap_err().contains("externally-controlled"));
        control.offer(2, 5);
        control.offer(7, 9);
        assert_eq!(control.external(), Some(ExternalVus { vus: 2, max_vus: 5, least_max: 5 }));
        assert!(control.set_external(Some(6), None).unwrap_err().contains("more than vus-max (5)"));
        assert!(control.set_external(None, Some(4)).unwrap_err().contains("less than"));
        control.set_external(Some(6), Some(8)).unwrap();
        control.set_external(None, Some(6)).unwrap();
        assert_eq!(control.external(), Some(ExternalVus { vus: 6, max_vus: 6, least_max: 5 }));
    }

    #[tokio::test]
    async fn waiting_ends_with_the_pause() {
        let control = std::sync::Arc::new(Control::default());
        control.resumed().await;
        control.set_paused(true);
        let waiting = std::sync::Arc::clone(&control);
        let task = tokio::spawn(async move { waiting.resumed().await });
        control.set_paused(false);
        task.await.unwrap();
    }
}
