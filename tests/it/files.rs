//! `k6/experimental/fs`, `k6/experimental/csv` and `k6/crypto/x509`: reading files and what is in them.

use crate::support::{run_checked_files, run_files};

#[test]
fn files_are_read_piece_by_piece() {
    let script = "
import fs, { open as openFile, SeekMode } from 'k6/experimental/fs';
import { eq, done } from './eq.js';
import { inner } from './sub/module.js';
export const options = { vus: 3, iterations: 6 };

const name = (promise) => promise.then(() => 'nothing', (e) => e.name);
const early = {
  missing: await name(openFile('missing.txt')),
  folder: await name(openFile('sub')),
  empty: await name(openFile('')),
  none: await name(openFile()),
};
let file;
(async function () { file = await openFile('hello.txt'); })();

export default async function () {
  eq('errors', early, { missing: 'NotFoundError', folder: 'InvalidResourceError', empty: 'TypeError', none: 'TypeError' });
  eq('not in an iteration', await name(openFile('hello.txt')), 'ForbiddenError');
  eq('from the entry script', inner.path, file.path);
  eq('stat', await file.stat(), { name: 'hello.txt', size: 11 });
  eq('modes', [fs.SeekMode, fs.open === openFile], [{ Start: 0, Current: 1, End: 2 }, true]);
  eq('back', await file.seek(0, SeekMode.Start), 0);
  const five = new Uint8Array(5);
  eq('first', [await file.read(five), String.fromCharCode(...five)], [5, 'hello']);
  eq('second', [await file.read(five), String.fromCharCode(...five)], [5, ' worl']);
  eq('the rest leaves what it does not reach', [await file.read(five), String.fromCharCode(...five)], [1, 'dworl']);
  eq('the end', [await file.read(five), String.fromCharCode(...five)], [null, 'dworl']);
  eq('seeks', [await file.seek(4, SeekMode.Start), await file.seek(-1, SeekMode.Current), await file.seek(0, SeekMode.End)], [4, 3, 10]);
  const part = new Uint8Array(8);
  eq('a part of a buffer', [await file.read(part.subarray(2, 4)), [...part]], [1, [0, 0, 100, 0, 0, 0, 0, 0]]);
  eq('into nothing', [await file.seek(0, SeekMode.Start), await file.read(new Uint8Array(0))], [0, 0]);
  for (const wrong of [file.read(), file.read(new Int32Array(2)), file.read(new ArrayBuffer(2)), file.seek(1), file.seek('1', 0), file.seek(null, 0),
    file.seek(1.5, 0), file.seek(-1, 0), file.seek(1, 2), file.seek(99, 1), file.seek(-99, 1), file.seek(0, 3)]) {
    eq('wrong arguments', await name(wrong), 'TypeError');
  }
  done();
}";
    let module = "
import { open as openFile } from 'k6/experimental/fs';
export const inner = await openFile('hello.txt');";
    let dir = [("t.js", script), ("hello.txt", "hello world"), ("sub/module.js", module)];
    run_checked_files(&dir, "t.js", &[]);
}

#[test]
fn csv_is_parsed_at_once_or_record_by_record() {
    let script = "
import csv, { Parser } from 'k6/experimental/csv';
import { open as openFile } from 'k6/experimental/fs';
import { eq, done } from './eq.js';
export const options = { vus: 2, iterations: 4 };

const fails = (promise) => promise.then(() => 'nothing', (e) => String(e.message));
const file = () => openFile('people.csv');
const all = await csv.parse(await file());
const people = await csv.parse(await file(), { asObjects: true });
const some = await csv.parse(await file(), { fromLine: 1, toLine: 2 });
const skipped = await csv.parse(await file(), { skipFirstLine: true });
const semicolons = await csv.parse(await openFile('semicolons.csv'), { delimiter: ';' });
const errors = [
  await fails(csv.parse(await file(), { asObjects: true, skipFirstLine: true })),
  await fails(csv.parse(await file(), { delimiter: ';;' })),
  await fails(csv.parse(await file(), { fromLine: 3, toLine: 3 })),
  await fails(csv.parse(await file(), { fromLine: 99 })),
  await fails(csv.parse(await openFile('bad.csv'))),
  await fails(csv.parse('people.csv')),
];
const parser = new Parser(await file(), { skipFirstLine: true });
const objects = new csv.Parser(await file(), { asObjects: true, toLine: 1 });
const broken = new csv.Parser(await openFile('bad.csv'));
let seen = 0;

export default async function () {
  eq('all', all, [['name', 'says'], ['Ada', 'hi, there'], ['Bob', 'a \"b\"\\nc'], ['Cleo', '']]);
  eq('objects', people, [{ name: 'Ada', says: 'hi, there' }, { name: 'Bob', says: 'a \"b\"\\nc' }, { name: 'Cleo', says: '' }]);
  eq('like an array', [Array.isArray(people), people.length, people.find((p) => p.name === 'Cleo'), people[9]], [true, 3, { name: 'Cleo', says: '' }, undefined]);
  eq('lines', [some.map((r) => r[0]), skipped.map((r) => r[0])], [['Ada', 'Bob'], ['Ada', 'Bob', 'Cleo']]);
  eq('semicolons', semicolons, [['a,b', 'c']]);
  const wanted = ['skipFirstLine', 'single character', 'fromLine must be less', 'ends before line 99', 'line 2: 3 fields', 'must be a file'];
  eq('errors', errors.map((e, i) => e.includes(wanted[i]) || e), wanted.map(() => true));
  if (seen === 0) {
    eq('a class', parser instanceof Parser, true);
    eq('next', [await parser.next(), await parser.next(), await parser.next(), await parser.next(), await parser.next()], [
      { done: false, value: ['Ada', 'hi, there'] }, { done: false, value: ['Bob', 'a \"b\"\\nc'] }, { done: false, value: ['Cleo', ''] },
      { done: true, value: [] }, { done: true, value: [] }]);
    eq('objects', [await objects.next(), await objects.next()], [{ done: false, value: { name: 'Ada', says: 'hi, there' } }, { done: true, value: [] }]);
    await broken.next();
    eq('a broken line', (await fails(broken.next())).includes('line 2'), true);
  }
  seen++;
  let late = 'nothing';
  try { new Parser(1); } catch (e) { late = e.message; }
  eq('in an iteration', late.includes('init context'), true);
  done();
}";
    let people = "name,says\r\nAda,\"hi, there\"\r\n\r\nBob,\"a \"\"b\"\"\r\nc\"\r\nCleo,\r\n";
    let files = [("t.js", script), ("people.csv", people), ("semicolons.csv", "a,b;c"), ("bad.csv", "a,b\n1,2,3\n")];
    run_checked_files(&files, "t.js", &[]);
}

#[test]
fn certificates_are_read() {
    let script = "
import x509, { getAltNames, getIssuer, getSubject, parse } from 'k6/crypto/x509';
import { eq, throws, done } from './eq.js';
const rsa = open('rsa.pem'), ec = open('ec.pem');
export default function () {
  const found = x509.parse(rsa);
  eq('common', [found.signatureAlgorithm, found.notBefore, found.notAfter], ['SHA256-RSA', '2026-11-25T22:32:49Z', '2051-07-17T22:32:49Z']);
  eq('fingerprint', found.fingerPrint.map((b) => b.toString(16).padStart(2, '0')).join(''), 'cbaa834a2e1da3b6dcfffc049a845df003933a0b');
  eq('key', [found.publicKey.algorithm, found.publicKey.key.e, found.publicKey.key.n.length, found.publicKey.key.n.slice(0, 20), found.publicKey.key.n.slice(-6)],
    ['RSA', 65537, 617, '23800534752945430281', '818947']);
  const { names, ...subject } = found.subject;
  eq('subject', subject, { commonName: 'load.example.org', country: 'DE', stateOrProvinceName: 'Berlin', localityName: 'Berlin-Mitte',
    organizationName: 'Exämple GmbH', postalCode: '10115', streetAddress: 'Invalidenstr. 1', organizationalUnitName: ['Quality', 'Load'] });
  eq('names', [names.length, names[0], names[9]], [10, { type: '2.5.4.6', value: 'DE' }, { type: '1.2.840.113549.1.9.1', value: 'qa@example.org' }]);
  eq('issuer', Object.keys(found.issuer), ['commonName', 'country', 'stateOrProvinceName', 'localityName', 'organizationName', 'names']);
  const alt = ['load.example.org', '*.example.org', 'qa@example.org', '192.0.2.7', '2001:db8::7', 'https://example.org/id'];
  eq('alternatives', [found.altNames, getAltNames(rsa), getAltNames(ec)], [alt, alt, []]);
  eq('parts', [getSubject(rsa), getIssuer(rsa)], [found.subject, found.issuer]);
  const curve = parse(`some text before\\n${ec}`);
  eq('a curve', [curve.signatureAlgorithm, curve.publicKey.algorithm, curve.publicKey.key.curve, curve.subject.organizationalUnitName, curve.issuer.country],
    ['ECDSA-SHA384', 'ECDSA', 'P-256', [], '']);
  eq('its point', BigInt(curve.publicKey.key.x).toString(16), 'c46263a328cf0498970f84cfc14747f6ddbf753bbcfc22da0859ea00f91960b3');
  throws('no PEM', () => parse('bad-certificate'), 'failed to decode certificate PEM file');
  throws('no certificate', () => getSubject('-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----'), 'failed to parse certificate');
  throws('nothing', () => getIssuer(), 'must be a string');
  done();
}";
    let files = [
        ("t.js", script),
        ("rsa.pem", include_str!("../scripts/certificate-rsa.pem")),
        ("ec.pem", include_str!("../scripts/certificate-ec.pem")),
    ];
    run_checked_files(&files, "t.js", &[]);
}

#[test]
fn modules_that_will_not_come_say_so_once() {
    for (module, what, hint) in [
        ("k6/browser", "has no browser", "k6/http"),
        ("k6/experimental/browser", "has no browser", "k6/http"),
        ("k6/experimental/tracing", "removed it", "traceparent"),
        ("k6/x/kafka", "an extension of k6", "k6/x/redis"),
        ("k6/x/rediss", "an extension of k6", "did you mean 'k6/x/redis'?"),
    ] {
        let script = format!("import x from '{module}';\nexport default () => {{}};");
        let ran = run_files(&[("t.js", &script)], &["run", "-q", "t.js"]).exits(255).says(&[module, what, hint]);
        assert_eq!(ran.stderr.matches(what).count(), 1, "{}", ran.all());
    }
}
