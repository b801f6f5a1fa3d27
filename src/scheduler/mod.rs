//! The whole run: plan VUs, init, setup, scenarios, graceful stop, teardown.
