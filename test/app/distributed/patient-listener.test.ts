/** An address that another process still has. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PatientListener } from '../../../app/distributed/patient-listener.ts';
import { KeyhoundError } from '../../../core/errors.ts';

const never = new AbortController().signal;

function listener(start: () => Promise<string>) {
  const lines: string[] = [];
  const say = (_: object, text: string): void => void lines.push(text);
  const logger = { info: say, warn: say };
  const what = 'reports of leaks';
  return { lines, one: new PatientListener({ start, logger, what, retryMs: 1 }) };
}

test('while its address is taken it says so once, and listens when it is free', async () => {
  const taken = new KeyhoundError('operating', 'cannot listen on 127.0.0.1:8423', {
    code: 'listen-failed',
    hint: 'Another one?',
  });
  const answers = [taken, taken, taken];
  const { lines, one } = listener(async () => {
    const error = answers.shift();
    if (error !== undefined) throw error;
    return 'listening';
  });
  await one.begin();
  assert.equal(one.opened, undefined);
  const why = 'reports of leaks are not heard: cannot listen on 127.0.0.1:8423. Another one?';
  assert.equal(one.trouble, why);
  assert.equal(await one.patiently(never), 'listening');
  assert.equal(one.trouble, undefined);
  assert.deepEqual(lines, [why, 'reports of leaks are heard again']);
});

test('what no other process is to blame for is no reason to wait', async () => {
  const { one } = listener(async () => Promise.reject(new Error('no certificate')));
  await assert.rejects(one.begin(), /no certificate/);
});

test('waiting ends with the signal', async () => {
  const stop = new AbortController();
  const taken = new KeyhoundError('operating', 'taken', { code: 'listen-failed' });
  const { one } = listener(async () => {
    stop.abort();
    throw taken;
  });
  assert.equal(await one.patiently(stop.signal), undefined);
});
