//! How many tokens each event of a finished stream brought, and how to share out a total over events exactly.
//!
//! The text of each kind is tokenised once, as a whole; a token belongs to the event that brought its last byte. For a
//! stream that sends whole tokens this is what each event carried; the counts always add up to the tokens of the whole text,
//! and the work is linear (counting every prefix anew would be quadratic).

use super::Tokenizer;
use crate::ai::answer::Answer;
use crate::ai::event::DeltaKind;

/// Tokens per content event by vocabulary; None when the tokenizer has none.
pub fn per_event(answer: &Answer, tokenizer: &Tokenizer) -> Option<Vec<u32>> {
    let mut counts = vec![0_u32; answer.arrivals.len()];
    for (choice, content) in answer.choices.iter().enumerate() {
        for kind in KINDS {
            let text = content.buffer(kind);
            if text.is_empty() {
                continue;
            }
            let lengths = tokenizer.token_lengths(text)?;
            let mut ends = lengths.iter().scan(0_usize, |end, len| {
                *end += len;
                Some(*end)
            });
            let mut next = ends.next();
            let mut event = 0;
            for (i, part) in answer.parts.iter().enumerate() {
                while event + 1 < answer.arrivals.len() && answer.arrivals[event].parts_end <= i {
                    event += 1;
                }
                if part.kind != kind || part.choice as usize != choice {
                    continue;
                }
                while next.is_some_and(|end| end <= part.end) {
                    if let Some(count) = counts.get_mut(event) {
                        *count += 1;
                    }
                    next = ends.next();
                }
            }
        }
    }
    tokenizer.is_vocabulary().then_some(counts)
}

/// Tokens per content event from the provider's running counts, when every content event has one.
pub fn from_running_usage(answer: &Answer) -> Option<Vec<u32>> {
    let mut before = 0;
    answer
        .arrivals
        .iter()
        .map(|a| {
            let now = a.running_output?;
            let more = now.checked_sub(before)?;
            before = now;
            u32::try_from(more).ok()
        })
        .collect()
}

/// Characters per content event: weights for sharing a total when no count is known.
pub fn characters_per_event(answer: &Answer) -> Vec<u32> {
    let mut seen: Vec<(DeltaKind, u32, usize)> = Vec::new();
    (0..answer.arrivals.len())
        .map(|n| {
            let mut chars = 0;
            for part in answer.parts_of(n) {
                let buffer = answer.choices[part.choice as usize].buffer(part.kind);
                let at = seen.iter().position(|s| (s.0, s.1) == (part.kind, part.choice)).unwrap_or_else(|| {
                    seen.push((part.kind, part.choice, 0));
                    seen.len() - 1
                });
                chars += buffer[seen[at].2..part.end].chars().count();
                seen[at].2 = part.end;
            }
            u32::try_from(chars.max(1)).unwrap_or(u32::MAX)
        })
        .collect()
}

/// Shares `total` over events in proportion to `weights`, in whole tokens that add up to `total` exactly. Without weights
/// that count, all goes to the last event; with no event, nothing is shared.
pub fn share_out(total: u64, weights: &[u32]) -> Vec<u64> {
    let sum: u64 = weights.iter().map(|w| u64::from(*w)).sum();
    let mut shares = vec![0; weights.len()];
    if sum == 0 {
        if let Some(last) = shares.last_mut() {
            *last = total;
        }
        return shares;
    }
    let (mut weight, mut given) = (0_u128, 0_u128);
    for (share, w) in shares.iter_mut().zip(weights) {
        weight += u128::from(*w);
        let due = (u128::from(total) * weight + u128::from(sum) / 2) / u128::from(sum);
        *share = (due - given) as u64;
        given = due;
    }
    shares
}

const KINDS: [DeltaKind; 5] =
    [DeltaKind::Text, DeltaKind::Reasoning, DeltaKind::ToolCall, DeltaKind::Refusal, DeltaKind::Audio];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::tokens::by_name;
    use proptest::prelude::*;
    use std::time::Instant;

    fn answer(events: &[&[(DeltaKind, &str)]]) -> Answer {
        let mut a = Answer::default();
        for event in events {
            for (kind, text) in *event {
                a.push(0, *kind, text);
            }
            a.end_event(Instant::now());
        }
        a
    }

    #[test]
    fn tokens_belong_to_the_event_that_ends_them() {
        use DeltaKind::{Reasoning, Text};
        let t = by_name("o200k_base").unwrap();
        let a = answer(&[
            &[(Reasoning, "hello")],
            &[(Reasoning, " world"), (Text, "hello")],
            &[(Text, " wor")],
            &[(Text, "ld")],
        ]);
        assert_eq!(per_event(&a, t), Some(vec![1, 2, 0, 1]));
        assert_eq!(per_event(&a, by_name("estimate").unwrap()), None);
        assert_eq!(characters_per_event(&a), [5, 11, 4, 2]);
    }

    #[test]
    fn running_usage_needs_every_event() {
        let mut a = answer(&[&[(DeltaKind::Text, "ab")], &[(DeltaKind::Text, "c")]]);
        assert_eq!(from_running_usage(&a), None);
        a.arrivals[0].running_output = Some(2);
        a.arrivals[1].running_output = Some(3);
        assert_eq!(from_running_usage(&a), Some(vec![2, 1]));
        a.arrivals[1].running_output = Some(1);
        assert_eq!(from_running_usage(&a), None, "a count that falls is no running count");
    }

    proptest! {
        #[test]
        fn shares_add_up(total in 0u64..5_000_000, weights in prop::collection::vec(0u32..1000, 1..50)) {
            prop_assert_eq!(share_out(total, &weights).iter().sum::<u64>(), total);
        }

        #[test]
        fn increments_add_up(pieces in prop::collection::vec("[a-zé ,]{1,8}", 1..30)) {
            let mut a = Answer::default();
            for p in &pieces {
                a.push(0, DeltaKind::Text, p);
                a.end_event(Instant::now());
            }
            let t = by_name("cl100k_base").unwrap();
            let counts = per_event(&a, t).unwrap();
            prop_assert_eq!(counts.iter().map(|c| u64::from(*c)).sum::<u64>(), t.count(&a.choices[0].text));
        }
    }
}
