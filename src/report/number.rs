//! Numbers in JSON as k6 writes them: whole numbers without a fraction.

use serde_json::{Number, Value};

/// Largest whole number a double holds without gaps.
const MAX_SAFE: f64 = 9_007_199_254_740_991.0;

/// A JSON number; null when it is NaN or infinite.
pub(super) fn json_number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() <= MAX_SAFE {
        Value::from(value as i64)
    } else {
        Number::from_f64(value).map_or(Value::Null, Value::Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_no_fraction() {
        assert_eq!(json_number(72.0).to_string(), "72");
        assert_eq!(json_number(-0.5).to_string(), "-0.5");
        assert_eq!(json_number(f64::NAN), Value::Null);
    }
}
