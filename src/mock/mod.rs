//! The mock LLM server. Shares no code with `ai`: the two sides of a protocol are written separately.
