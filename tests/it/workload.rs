//! Datasets, synthetic prompts and mixtures in a run: shared by all VUs and instances, sent as they are, tagged by their kind.

use std::collections::BTreeSet;

use super::ai_calls::holds;
use super::ai_truth::truth;
use crate::support::{inrush, run_checked_files, run_files};

fn rows(count: usize) -> String {
    (0..count).map(|i| format!("{{\"id\": {i}, \"prompt\": \"Question {i}?\"}}\n")).collect()
}

/// Numbers logged as `N=<number>`.
fn numbers(text: &str) -> Vec<u64> {
    text.lines().filter_map(|l| l.split("N=").nth(1)?.split(['"', ' ']).next()?.parse().ok()).collect()
}

#[test]
fn all_vus_together_take_every_row_once() {
    let script = "
import { dataset } from 'inrush/data';
import { eq, throws, done } from './eq.js';
export const options = { scenarios: { a: { executor: 'shared-iterations', vus: 8, iterations: 41 } } };
const rows = dataset('rows.jsonl', { sample: 'shuffle', seed: 3, repeat: false });
const again = dataset('rows.jsonl', { sample: 'shuffle', seed: 3, repeat: false, name: 'again' });
export default () => {
  const row = rows.next();
  if (row === null) done(); else console.log(`N=${row.id}`);
  if (again.next() === null) done();
  throws('no new ones', () => dataset('rows.jsonl'), 'belongs into the init context');
};";
    let ran = run_checked_files(&[("t.js", script), ("rows.jsonl", &rows(40))], "t.js", &[]);
    let mut all = numbers(&ran.stderr);
    assert_ne!(all, (0..40).collect::<Vec<_>>(), "shuffled");
    all.sort_unstable();
    assert_eq!(all, (0..40).collect::<Vec<_>>());
}

#[test]
fn instances_share_the_rows_of_a_segmented_test() {
    let script = "
import { dataset } from 'inrush/data';
export const options = { scenarios: { a: { executor: 'shared-iterations', vus: 3, iterations: 30 } } };
const rows = dataset('rows.jsonl', { sample: 'shuffle' });
export default () => console.log(`N=${rows.next().id}`);";
    let mut all = Vec::new();
    for segment in ["0:1/3", "1/3:1"] {
        let args =
            ["run", "--quiet", "--execution-segment", segment, "--execution-segment-sequence", "0,1/3,1", "t.js"];
        let ran = run_files(&[("t.js", script), ("rows.jsonl", &rows(30))], &args).exits(0);
        all.extend(numbers(&ran.stderr));
    }
    all.sort_unstable();
    assert_eq!(all, (0..30).collect::<Vec<_>>());
}

#[test]
fn a_dataset_goes_into_the_archive() {
    let home = tempfile::tempdir().unwrap();
    let script = "
import { dataset, synthetic } from 'inrush/data';
export const options = { iterations: 1 };
const rows = dataset('rows.jsonl');
const prompts = synthetic({ inputTokens: 400, tokenizer: 'o200k_base', corpus: 'book.txt' });
export default () => console.log(`${rows.next().prompt} ${rows.length} ${prompts.next().prompt.includes('the sea')}`);";
    std::fs::write(home.path().join("t.js"), script).unwrap();
    std::fs::write(home.path().join("rows.jsonl"), rows(5)).unwrap();
    let book: String = (0..50).map(|n| format!("Ship number{n} went to the sea. ")).collect();
    std::fs::write(home.path().join("book.txt"), book).unwrap();
    let out = inrush().args(["archive", "t.js"]).current_dir(home.path()).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    let away = tempfile::tempdir().unwrap();
    std::fs::rename(home.path().join("archive.tar"), away.path().join("a.tar")).unwrap();
    drop(home);
    let out = inrush().args(["run", "--quiet", "a.tar"]).current_dir(away.path()).output().unwrap();
    let log = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(log.contains("Question 0? 5 true"), "{log}");
}

#[test]
fn prompts_are_sent_as_they_are_with_the_tokens_they_say() {
    let ran = holds(
        r"
import { synthetic, dist } from 'inrush/data';
const llm = ai.model({ model: 'gpt-4o' });
const prompts = synthetic({ inputTokens: dist.uniform(50, 900), outputTokens: dist.uniform(3, 9), model: llm, chatTemplate: true,
  sharedPrefix: { tokens: 30, groups: 2, role: 'system' }, seed: 1 });
const big = synthetic({ inputTokens: 20000, model: llm });
const talks = synthetic({ inputTokens: 12, turns: 3, thinkTime: dist.uniform(1, 5), outputTokens: 4, model: llm });
export const options = { vus: 2, iterations: 8 };
export default () => {
  const p = prompts.next();
  is('fields', Object.keys(p), ['messages', 'maxTokens', 'outputTokens', 'inputTokens', 'prefixGroup']);
  const r = llm.stream({ ...p, ignoreEos: true }, { requestType: 'own' });
  is('tokens', [r.usage.inputTokens, r.usage.outputTokens], [p.inputTokens, p.outputTokens]);
  const b = big.next();
  is('big', [llm.countTokens(b.prompt), b.inputTokens, Object.keys(b)], [20000, 20000, ['prompt', 'inputTokens']]);
  const talk = talks.next();
  const session = llm.session({ ignoreEos: true });
  for (const turn of talk.turns) {
    sleep(turn.thinkTime / 1000);
    ok('answered', session.say({ content: turn.content, maxTokens: turn.outputTokens }).ok);
    is('turn', llm.countTokens(turn.content), 12);
  }
  is('first turn', [talk.turns[0].thinkTime, talk.inputTokens, session.turn], [null, 36, 3]);
  const mistake = thrown(() => llm.stream({ ...p, temprature: 1 }));
  ok('a mistake beside it', String(mistake).includes('temprature: unknown field'), String(mistake));
  end();
};",
        &["--mock-ttft", "1ms", "--mock-itl", "1ms", "--seed", "5"],
    )
    .exits(0);
    assert!(ran.metric("ai_requests", "count") >= 32.0);
}

#[test]
fn a_mix_keeps_its_shares_and_tags_each_request() {
    let ran = holds(
        r"
import { mix } from 'inrush/data';
const llm = ai.model({ model: 'gpt-4o' });
const rows = { next: () => 'why?' };
const requests = mix({
  short: { weight: 7, inputTokens: 20, outputTokens: 2, model: llm },
  long: { weight: 2, inputTokens: 300, outputTokens: 2, model: llm, temperature: 0 },
  asked: { weight: 1, from: rows, maxTokens: 1, system: 'Be brief.' },
}, { seed: 4 });
export const options = { vus: 4, iterations: 200, thresholds: {
  'ai_requests{request_type:short}': ['count==140'], 'ai_requests{request_type:long}': ['count==40'], 'ai_requests{request_type:asked}': ['count==20'] } };
export default () => {
  const request = requests.next();
  const r = llm.stream(request);
  ok(request.requestType, r.ok && (request.requestType !== 'asked' || request.prompt === 'why?' && request.system === 'Be brief.'), request);
  end();
};",
        &["--mock-ttft", "0ms", "--mock-itl", "0ms", "--mock-truth-log", "truth.jsonl"],
    );
    let ran = ran.exits(0);
    let sizes: BTreeSet<u64> = truth(&ran).iter().filter_map(|r| r["prompt_tokens"].as_u64()).collect();
    assert!(sizes.contains(&27) && sizes.contains(&307), "{sizes:?}");
}

#[test]
fn recorded_conversations_are_sent_and_continued() {
    let talk = r#"{"id": "t1", "conversations": [{"from": "system", "value": "Be brief."}, {"from": "human", "value": "One?"}, {"from": "gpt", "value": "1."}, {"from": "human", "value": "Two?"}]}"#;
    let script = "
import ai from 'inrush/ai';
import { dataset } from 'inrush/data';
import { eq, done } from './eq.js';
const llm = ai.model({ model: 'gpt-4o' });
const talks = dataset('talks.json', { format: 'sharegpt' });
export const options = { iterations: 1, thresholds: { 'ai_requests{request_type:talk}': ['count==1'] } };
export default () => {
  const talk = talks.next();
  eq('row', [talk.id, talk.system, talk.messages.length, talk.turns.length, talk.reply], ['t1', 'Be brief.', 4, 2, null]);
  const r = llm.stream({ ...talk, maxTokens: 2 }, { requestType: 'talk' });
  eq('sent', [r.ok, r.usage.inputTokens], [true, llm.countTokens(talk.messages)]);
  const session = llm.session({ system: talk.system, maxTokens: 2 });
  for (const turn of talk.turns) eq('turn', session.say(turn.content).ok, true);
  done();
};";
    run_checked_files(
        &[("t.js", script), ("talks.json", &format!("[{talk}]"))],
        "t.js",
        &["--mock", "--mock-ttft", "1ms"],
    );
}
