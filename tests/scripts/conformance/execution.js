// `k6/execution`: where the script is, its tags, and the options of the run as the VUs see them.
import exec, { instance, scenario, test as run, vu } from 'k6/execution';
import { eq, throws, done } from './eq.js';

export const options = {
  scenarios: { mine: { executor: 'shared-iterations', vus: 1, iterations: 2, tags: { st: 'v' }, env: { E: '1' } } },
  tags: { all: 'runs' },
  thresholds: { iterations: ['count>0'] },
  setupTimeout: '90s',
  dns: { ttl: '1m' },
  userAgent: 'me/1',
};
const atInit = [];
for (const [what, f] of [['scenario', () => exec.scenario.name], ['vu', () => exec.vu.idInTest], ['tags', () => exec.vu.tags.x], ['options', () => exec.test.options.tags]]) {
  try { f(); atInit.push(what); } catch (e) { if (!String(e).includes('init')) atInit.push([what, String(e)]); }
}

export default function () {
  eq('refused in the init context', atInit, []);
  eq('parts', Object.keys(exec).sort(), ['instance', 'scenario', 'test', 'vu']);
  eq('instance', Object.keys(instance).sort(), ['currentTestRunDuration', 'iterationsCompleted', 'iterationsInterrupted', 'vusActive', 'vusInitialized']);
  eq('scenario', Object.keys(scenario).sort(), ['executor', 'iterationInInstance', 'iterationInTest', 'name', 'progress', 'startTime']);
  eq('vu', Object.keys(vu).sort(), ['idInInstance', 'idInTest', 'iterationInInstance', 'iterationInScenario', 'metrics', 'tags']);
  eq('test', Object.keys(run).sort(), ['abort', 'fail', 'options']);
  eq('metrics', Object.keys(vu.metrics).sort(), ['metadata', 'tags']);
  eq('numbers', [instance.iterationsCompleted, instance.vusActive, instance.vusInitialized, scenario.iterationInTest, scenario.iterationInInstance, vu.iterationInScenario, vu.iterationInInstance, vu.idInTest, vu.idInInstance], [__ITER, 1, 1, __ITER, __ITER, __ITER, __ITER, 1, 1]);

  // Options: everything k6 has is there, null where not set; the shortcuts have become scenarios; nothing can be changed.
  const o = run.options;
  for (const name of ['paused', 'scenarios', 'executionSegment', 'executionSegmentSequence', 'noSetup', 'setupTimeout', 'noTeardown', 'teardownTimeout', 'rps', 'dns', 'maxRedirects', 'userAgent', 'batch', 'batchPerHost', 'httpDebug', 'insecureSkipTLSVerify', 'tlsCipherSuites', 'tlsVersion', 'tlsAuth', 'throw', 'thresholds', 'blacklistIPs', 'blockHostnames', 'hosts', 'noConnectionReuse', 'noVUConnectionReuse', 'minIterationDuration', 'cloud', 'summaryTrendStats', 'summaryTimeUnit', 'systemTags', 'tags', 'metricSamplesBufferSize', 'noCookiesReset', 'discardResponseBodies', 'consoleOutput', 'localIPs']) {
    eq(`options.${name}`, name in o, true);
  }
  eq('no shortcuts', ['vus', 'duration', 'iterations', 'stages'].filter((name) => name in o), []);
  eq('set', [o.tags, o.setupTimeout, o.userAgent, o.thresholds.iterations, o.scenarios.mine.executor, o.scenarios.mine.iterations, o.scenarios.mine.env, o.scenarios.mine.tags], [{ all: 'runs' }, '1m30s', 'me/1', ['count>0'], 'shared-iterations', 2, { E: '1' }, { st: 'v' }]);
  eq('defaults', [o.maxRedirects, o.batch, o.batchPerHost, o.teardownTimeout, o.summaryTrendStats, o.noSetup, o.rps, o.consoleOutput, o.localIPs, o.insecureSkipTLSVerify], [null, null, null, null, ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)'], null, null, null, null, null]);
  eq('system tags', ['check', 'error', 'error_code', 'expected_response', 'group', 'method', 'name', 'proto', 'scenario', 'service', 'status', 'subproto', 'tls_version', 'url'].filter((tag) => !o.systemTags.includes(tag)), []);
  throws('frozen', () => { 'use strict'; o.batch = 1; }, '');
  throws('frozen inside', () => { 'use strict'; o.tags.all = 'x'; }, '');
  throws('no new ones', () => { 'use strict'; o.scenarios.other = {}; }, '');

  // Tags and metadata are the VU's: what one iteration sets the next still has.
  if (__ITER === 0) {
    vu.metrics.tags.kept = 1;
    vu.tags.truth = true;
    vu.metrics.metadata.trace = 'abc';
    vu.metrics.tags.number = 2.5;
  } else {
    eq('kept', [vu.tags.kept, vu.metrics.tags.truth, vu.metrics.metadata.trace, vu.tags.number], ['1', 'true', 'abc', '2.5']);
    done();
  }
  eq('keys', ['all', 'group', 'kept', 'scenario', 'st', 'truth'].filter((key) => !Object.keys(vu.metrics.tags).includes(key)), []);
  eq('metadata keys', Object.keys(vu.metrics.metadata), ['trace']);
  eq('in', ['kept' in vu.tags, 'nope' in vu.tags, 'trace' in vu.metrics.metadata, 'nope' in vu.metrics.metadata], [true, false, true, false]);
  for (const bad of [null, undefined, {}, [], () => {}]) throws(`tag ${String(bad)}`, () => { vu.metrics.tags.bad = bad; }, 'tag');
  for (const bad of [null, undefined, {}]) throws(`metadata ${String(bad)}`, () => { vu.metrics.metadata.bad = bad; }, 'metadata');
  eq('nothing was set', ['bad' in vu.tags, 'bad' in vu.metrics.metadata], [false, false]);
  vu.tags.gone = 'x';
  eq('delete', [delete vu.tags.gone, delete vu.tags.neverThere, 'gone' in vu.tags], [true, true, false]);
}
