//! `splice` and `unshift` of plain arrays, in one pass over their values.
//!
//! The engine moves every value by reading, deleting and writing a property, so that taking one of 10,000 rows out of an array
//! took milliseconds. What is not a plain array with nothing but its values goes to the engine.

use boa_engine::object::IndexPropertyValues;
use boa_engine::object::builtins::JsArray;
use boa_engine::{Context, JsObject, JsResult, JsValue};

use super::depth_guard::wrap;

pub(super) fn install(context: &mut Context) -> JsResult<()> {
    let prototype = context.intrinsics().constructors().array().prototype();
    wrap(&prototype, "splice", 2, splice, context)?;
    wrap(&prototype, "unshift", 1, unshift, context)
}

/// The array and its values, when it is like a new one but for its values: no holes, accessors, names or other prototype, and
/// neither frozen nor sealed.
fn plain(this: &JsValue, context: &mut Context) -> Option<(JsObject, Vec<JsValue>)> {
    let array = this.as_object().filter(|object| object.is_array())?;
    // The shape of an object tells its prototype, its names and whether they can be written, the length among them.
    let shape = JsArray::from_iter([], context).borrow().shape().to_addr_usize();
    if array.borrow().shape().to_addr_usize() != shape || !array.is_extensible(context).ok()? {
        return None;
    }
    let length = array.get(boa_engine::js_string!("length"), context).ok()?.as_number()?;
    let values: Vec<JsValue> = match array.borrow().properties().index_property_values() {
        IndexPropertyValues::DenseI32(values) => values.map(|value| JsValue::from(*value)).collect(),
        IndexPropertyValues::DenseF64(values) => values.map(|value| JsValue::from(*value)).collect(),
        IndexPropertyValues::DenseElement(values) => values.cloned().collect(),
        IndexPropertyValues::SparseElement(_) | IndexPropertyValues::SparseProperty(_) => return None,
    };
    #[expect(clippy::cast_precision_loss, reason = "an array has less than 2^32 values")]
    let complete = values.len() as f64 == length;
    complete.then_some((array, values))
}

/// Gives a plain array other values.
fn refill(array: &JsObject, values: Vec<JsValue>, context: &mut Context) {
    let filled = JsArray::from_iter(values, context);
    // Both are plain arrays: they differ in nothing but what is exchanged here.
    std::mem::swap(&mut *array.borrow_mut(), &mut *filled.borrow_mut());
}

/// The place that a number counted from the beginning or, below 0, from the end of `length` values means. None for other values:
/// turning them into numbers may run code.
fn place(value: &JsValue, length: usize) -> Option<usize> {
    let number = value.as_number()?;
    let number = if number.is_nan() { 0.0 } else { number.trunc() };
    #[expect(clippy::cast_precision_loss, reason = "an array has less than 2^32 values")]
    let length_as_number = length as f64;
    let at = if number < 0.0 { (length_as_number + number).max(0.0) } else { number.min(length_as_number) };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to the length")]
    Some(at as usize)
}

fn splice(this: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    let range = |length: usize| {
        let start = place(args.first()?, length)?;
        let rest = length - start;
        let count = match args.get(1) {
            None => rest,
            Some(count) => place(count, rest).filter(|_| count.as_number() >= Some(0.0)).unwrap_or(0),
        };
        // A count of another kind is for the engine to turn into a number.
        args.get(1).is_none_or(JsValue::is_number).then_some(start..start + count)
    };
    let found = plain(this, context).and_then(|(array, values)| Some((array, range(values.len())?, values)));
    let Some((array, range, mut values)) = found else { return original.call(this, args, context) };
    let removed: Vec<JsValue> = values.splice(range, args.iter().skip(2).cloned()).collect();
    refill(&array, values, context);
    Ok(JsArray::from_iter(removed, context).into())
}

fn unshift(this: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    let Some((array, mut values)) = plain(this, context) else { return original.call(this, args, context) };
    values.splice(0..0, args.iter().cloned());
    let length = values.len();
    refill(&array, values, context);
    Ok(length.into())
}

#[cfg(test)]
mod tests {
    use crate::js::testing::out;

    #[test]
    fn arrays_change_as_everywhere() {
        let script = r"
            const say = (v) => JSON.stringify(v, (_, x) => (x === undefined ? 'undefined' : x));
            const same = (what, expected) => { if (say(what) !== say(expected)) throw new Error(`${say(what)} is not ${say(expected)}`); };
            const spliced = (a, ...args) => [a.splice(...args), a];
            const test = () => {
              same(spliced([1, 2, 3, 4], 1, 2), [[2, 3], [1, 4]]);
              same(spliced([1, 2, 3, 4], 1), [[2, 3, 4], [1]]);
              same(spliced([1, 2, 3, 4], 1, undefined), [[], [1, 2, 3, 4]]);
              same(spliced([1, 2, 3, 4]), [[], [1, 2, 3, 4]]);
              same(spliced([1, 2, 3, 4], -1, 1, 'a', { b: 1 }), [[4], [1, 2, 3, 'a', { b: 1 }]]);
              same(spliced([1, 2, 3, 4], -9, 1.9), [[1], [2, 3, 4]]);
              same(spliced([1, 2, 3, 4], 9, 1, 5), [[], [1, 2, 3, 4, 5]]);
              same(spliced([1, 2, 3, 4], NaN, Infinity), [[1, 2, 3, 4], []]);
              same(spliced([1, 2, 3, 4], 1, -5, 7), [[], [1, 7, 2, 3, 4]]);
              same(spliced([1, 2, 3, 4], '1', '2'), [[2, 3], [1, 4]]);
              same(spliced([1.5, 2.5, 'x', null], 0, 1), [[1.5], [2.5, 'x', null]]);
              same(spliced([1, , 3], 0, 1), [[1], [undefined, 3]]);
              same([1, , 3].splice(1, 1).hasOwnProperty(0), false);
              const a = [3];
              same([a.unshift(1, 2), a, a.unshift(), a.length, a.push(9), a.indexOf(9)], [3, [1, 2, 3, 9], 3, 3, 4, 3]);
              // The array stays the same object, and others are left to the engine.
              const held = { a };
              a.splice(0, 2);
              same(held.a, [3, 9]);
              class Mine extends Array { twice() { return this.length * 2; } }
              const mine = Mine.from([1, 2, 3]);
              same([mine.splice(0, 1) instanceof Mine, mine.twice(), mine.unshift(7), mine.twice()], [true, 4, 3, 6]);
              const named = [1, 2, 3]; named.x = 5;
              same([named.splice(0, 1), named.x, named.length], [[1], 5, 2]);
              for (const lock of [Object.freeze, Object.seal, Object.preventExtensions]) {
                const locked = lock([1, 2]);
                let refused = false;
                try { locked.unshift(0); } catch (e) { refused = e instanceof TypeError; }
                same([refused, locked.length], [true, 2]);
              }
              const short = [1, 2];
              Object.defineProperty(short, 'length', { writable: false });
              let refused = false;
              try { short.splice(0, 1); } catch (e) { refused = true; }
              same(refused, true);
              same(Array.prototype.splice.call({ length: 2, 0: 'a', 1: 'b' }, 0, 1), ['a']);
              same([Array.prototype.splice.length, Array.prototype.unshift.name], [2, 'unshift']);
              // In the middle of a walk.
              const seen = [];
              const walked = [1, 2, 3, 4];
              for (const v of walked) { seen.push(v); if (v === 2) walked.splice(0, 1); }
              same(seen, [1, 2, 4]);
              // 10,000 moves of up to 5,000 values: many seconds, were each value moved as a property.
              const rows = [];
              for (let i = 0; i < 5000; i++) rows.unshift({ i });
              same([rows[0].i, rows[4999].i], [4999, 0]);
              while (rows.length > 1) rows.splice(rows.length >> 1, 1);
              same(rows, [{ i: 4999 }]);
              return 'passed';
            };
            export const out = test();";
        assert_eq!(out(script), "passed");
    }
}
