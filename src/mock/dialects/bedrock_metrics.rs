//! What the last chunk of a stream by Bedrock's InvokeModel tells: Bedrock's own counts and times.

use std::time::Instant;

use crate::mock::model_call::Envelope;
use crate::mock::plan::Plan;

/// Counts known beforehand, and the times so far.
pub(super) struct Metrics {
    /// Input and output tokens; None = they are not told.
    counts: Option<(u64, u64)>,
    arrived: Instant,
    first: Option<Instant>,
}

impl Metrics {
    pub(super) fn new(envelope: &Envelope, plan: &Plan) -> Self {
        let output = u64::from(plan.output_tokens) + u64::from(plan.reasoning_tokens);
        let counts = envelope.usage.then(|| (envelope.fresh_tokens(), output));
        Self { counts, arrived: envelope.arrived, first: None }
    }

    /// A token has come.
    pub(super) fn begun(&mut self) {
        self.first.get_or_insert_with(Instant::now);
    }

    /// The field, with a comma before it; empty when nothing is told.
    pub(super) fn write(&self) -> String {
        let Some((input, output)) = self.counts else { return String::new() };
        let latency = self.arrived.elapsed().as_millis();
        let first = self.first.map_or(latency, |first| first.saturating_duration_since(self.arrived).as_millis());
        format!(
            r#","amazon-bedrock-invocationMetrics":{{"inputTokenCount":{input},"outputTokenCount":{output},"invocationLatency":{latency},"firstByteLatency":{first}}}"#
        )
    }
}
