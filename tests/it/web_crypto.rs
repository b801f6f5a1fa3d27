//! `crypto.subtle` against what another implementation made (`tests/scripts/webcrypto.json`), and its errors.

use crate::support::{run_checked, run_checked_files};

#[test]
fn keys_signatures_and_ciphers_of_another_implementation() {
    let script = include_str!("../scripts/webcrypto.js");
    let vectors = include_str!("../scripts/webcrypto.json");
    run_checked_files(&[("t.js", script), ("webcrypto.json", vectors)], "t.js", &[]);
}

#[test]
fn the_old_module_is_the_global() {
    run_checked(
        "
import { crypto as old } from 'k6/experimental/webcrypto';
import { eq, done } from './eq.js';
const digest = await old.subtle.digest('SHA-256', new Uint8Array(0));
export default function () {
  eq('the same', old === crypto, true);
  eq('in the init context', new Uint8Array(digest)[0], 0xe3);
  done();
}",
        &[],
    );
}

/// Slow work is done elsewhere: an iteration is cut off amid derivations that would take an hour.
#[test]
fn slow_work_does_not_hold_up_the_end() {
    let script = "
export const options = { scenarios: { s: { executor: 'constant-vus', vus: 2, duration: '1s', gracefulStop: '0s' } } };
export default async function () {
  const key = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']);
  const how = { name: 'PBKDF2', hash: 'SHA-256', salt: new Uint8Array(8), iterations: 2 ** 32 - 1 };
  await Promise.all([1, 2, 3, 4].map(() => crypto.subtle.deriveBits(how, key, 256)));
}";
    let ran = crate::support::run_script(script, &[]).exits(0);
    assert!(ran.took < std::time::Duration::from_secs(40), "{}", ran.all());
}
