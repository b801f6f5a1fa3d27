//! One file per executor: decides when iterations start and which VU runs them.
