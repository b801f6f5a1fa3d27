//! Property test of the engine's strings that are built up in a loop (`s += part`): the engine carries an addition of ours for
//! them (vendor/boa_string), which shares memory between strings.

use boa_engine::{JsStr, JsString};
use proptest::prelude::*;

/// One thing a script may do with its strings.
#[derive(Clone, Debug)]
enum Op {
    /// Appends a text to string `of` and puts the result in place `to`.
    Append { of: usize, to: usize, text: String },
    /// Appends string `other` twice.
    Join { of: usize, other: usize, to: usize },
    /// Cuts a piece out.
    Slice { of: usize, to: usize, from: f64, until: f64 },
    /// Forgets a string.
    Drop { of: usize },
}

const PLACES: usize = 5;

fn op() -> impl Strategy<Value = Op> {
    let place = 0..PLACES;
    let text = prop_oneof![
        4 => "[a-zé]{0,400}",
        2 => "[a-z]{300,900}",
        1 => "[a-z世界😀]{1,50}",
    ];
    prop_oneof![
        8 => (place.clone(), place.clone(), text.clone()).prop_map(|(of, to, text)| Op::Append { of, to, text }),
        // The loop itself: the result replaces what was continued.
        8 => (place.clone(), text).prop_map(|(of, text)| Op::Append { of, to: of, text }),
        1 => (place.clone(), place.clone(), place.clone()).prop_map(|(of, other, to)| Op::Join { of, other, to }),
        2 => (place.clone(), place.clone(), 0.0..1.0, 0.0..1.0).prop_map(|(of, to, a, b): (_, _, f64, f64)| Op::Slice { of, to, from: a.min(b), until: a.max(b) }),
        1 => place.prop_map(|of| Op::Drop { of }),
    ]
}

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn they_are_what_copies_would_be(ops in prop::collection::vec(op(), 1..80)) {
        let mut real = vec![JsString::default(); PLACES];
        let mut model = vec![Vec::<u16>::new(); PLACES];
        for op in ops {
            match op {
                Op::Append { of, to, text } => {
                    real[to] = JsString::concat(real[of].as_str(), JsString::from(text.as_str()).as_str());
                    model[to] = [model[of].clone(), units(&text)].concat();
                }
                Op::Join { of, other, to } => {
                    if model[of].len() + 2 * model[other].len() > 1 << 20 {
                        continue;
                    }
                    let parts: [JsStr<'_>; 3] = [real[of].as_str(), real[other].as_str(), real[other].as_str()];
                    real[to] = JsString::concat_array(&parts);
                    model[to] = [model[of].clone(), model[other].clone(), model[other].clone()].concat();
                }
                Op::Slice { of, to, from, until } => {
                    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                    let at = |share: f64| (model[of].len() as f64 * share) as usize;
                    let (from, until) = (at(from), at(until));
                    real[to] = real[of].slice(from, until);
                    model[to] = model[of][from..until].to_vec();
                }
                Op::Drop { of } => {
                    real[of] = JsString::default();
                    model[of].clear();
                }
            }
            for (real, model) in real.iter().zip(&model) {
                prop_assert_eq!(real.len(), model.len());
                prop_assert!(real == &model[..]);
            }
        }
    }
}
