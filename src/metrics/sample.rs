//! What a VU emits: one batch per request or iteration, all of whose samples share time and tags.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

use super::metric::MetricId;
use super::tags::{Tag, Tags};
use crate::redact;

/// One measured value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Which metric.
    pub metric: MetricId,
    /// The value; times in milliseconds, data in bytes, rates as 0 or 1.
    pub value: f64,
}

/// Samples that were taken together: same time, same tags.
#[derive(Clone, Debug, Default)]
pub struct SampleBatch {
    /// Unix time in nanoseconds (see [`crate::clock::RunClock`]).
    pub time_ns: i64,
    /// Indexed tags; thresholds select by them.
    pub tags: Tags,
    /// Non-indexed pairs (`vu`, `iter`): written by outputs, never selected by. None when off.
    pub metadata: Option<Arc<[Tag]>>,
    /// The values.
    pub samples: Vec<Sample>,
    /// What the summary needs beside the samples.
    pub extra: Extra,
}

impl SampleBatch {
    /// Masks secrets in everything that is text.
    pub(super) fn redact(&mut self) {
        let clean = |text: &mut Arc<str>| {
            if let Cow::Owned(masked) = redact::clean(text) {
                *text = masked.into();
            }
        };
        if let Some(masked) = self.tags.redacted() {
            self.tags = masked;
        }
        if let Some(metadata) = &self.metadata
            && metadata.iter().any(|(_, value)| matches!(redact::clean(value), Cow::Owned(_)))
        {
            let mut pairs = metadata.to_vec();
            pairs.iter_mut().for_each(|(_, value)| clean(value));
            self.metadata = Some(pairs.into());
        }
        match &mut self.extra {
            Extra::Check { group, name, .. } => {
                clean(group);
                clean(name);
            }
            Extra::Group(path) => clean(path),
            Extra::None | Extra::Call(_) => {}
        }
    }
}

/// Facts for the summary that do not depend on which system tags are on.
#[derive(Clone, Debug, Default)]
pub enum Extra {
    /// Nothing more.
    #[default]
    None,
    /// The batch is one check: its group path (`::outer::inner`, empty at the root) and name.
    Check {
        /// Path of the enclosing group.
        group: Arc<str>,
        /// The check's name.
        name: Arc<str>,
        /// Whether it passed.
        passed: bool,
    },
    /// The batch is the end of a group with this path.
    Group(Arc<str>),
    /// The batch is one model call.
    Call(Box<CallActivity>),
}

/// When one model call was in flight and when its tokens arrived; feeds tokens per second and concurrency.
#[derive(Clone, Debug, Default)]
pub struct CallActivity {
    /// Start of the call, Unix nanoseconds.
    pub start_ns: i64,
    /// End of the call, Unix nanoseconds.
    pub end_ns: i64,
    /// Output tokens by arrival: (Unix nanoseconds, tokens). Sums to the call's output tokens.
    pub output: Vec<(i64, f32)>,
    /// Input tokens of the call.
    pub input_tokens: u64,
    /// Where the token counts come from.
    pub source: TokenSource,
    /// Whether the call met its SLO; None when it had none.
    pub slo_met: Option<bool>,
}

/// Where a token count comes from. Counts of different sources are never mixed without saying so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenSource {
    /// The provider's `usage`.
    Provider,
    /// Our tokenizer, for a model whose vocabulary is known.
    Tokenizer,
    /// An estimate: no usage and no exact vocabulary.
    #[default]
    Estimate,
}

impl TokenSource {
    /// `provider`, `tokenizer` or `estimate`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Tokenizer => "tokenizer",
            Self::Estimate => "estimate",
        }
    }
}
