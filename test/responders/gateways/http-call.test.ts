/** One call of an API: what is an answer, what is an error, and what an error may say. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { KeyhoundError } from '../../../core/errors.ts';
import { type HttpApi, type HttpCall, httpCall } from '../../../responders/gateways/http-call.ts';
import { type FakeAnswer, type FakeServer, startFake } from '../../fakes/http-fake.ts';
import { NEVER } from './tools.ts';

const NOW = Date.parse('2026-03-01T10:00:00.000Z');
const TOKEN = 'token-1234567890';
const CALL: HttpCall = {
  method: 'PUT',
  path: '/keys/raw-key-1',
  what: 'PUT /keys/ID',
  body: { key: 'raw-key-1' },
};
let answer: FakeAnswer = { status: 200 };
let fake: FakeServer;
let api: HttpApi;

before(async () => {
  fake = await startFake(() => answer);
  api = {
    gateway: 'edge',
    url: fake.url,
    headers: { 'x-token': TOKEN },
    timeoutMs: 10_000,
    now: () => NOW,
  };
});
after(() => fake.close());

async function failure(
  given: FakeAnswer | undefined,
  call: HttpCall = CALL,
  change: Partial<HttpApi> = {},
) {
  if (given !== undefined) answer = given;
  try {
    await httpCall({ ...api, ...change }, call, NEVER);
  } catch (error) {
    assert.ok(error instanceof KeyhoundError, String(error));
    const text = [error.message, error.hint, error.stack, String(error.cause)].join();
    assert.ok(!text.includes(TOKEN) && !text.includes('raw-key-1'), text);
    return error;
  }
  assert.fail('it did not fail');
}

test('an answer is its status, headers and JSON; statuses that are asked for are no error', async () => {
  answer = { status: 200, json: { ok: true }, headers: { 'x-a': 'b' } };
  const given = await httpCall(api, CALL, NEVER);
  assert.deepEqual([given.status, given.json, given.headers.get('x-a')], [200, { ok: true }, 'b']);
  answer = { status: 404 };
  assert.equal((await httpCall(api, { ...CALL, accept: [404] }, NEVER)).json, undefined);
});

test('each refusal says whether another try may help', async () => {
  const table: [number, string, boolean][] = [
    [302, 'gateway-rejected', false],
    [400, 'gateway-rejected', false],
    [401, 'gateway-refused', false],
    [403, 'gateway-refused', false],
    [404, 'gateway-rejected', false],
    [409, 'gateway-rejected', true],
    [429, 'gateway-busy', true],
    [500, 'gateway-failed', true],
    [503, 'gateway-failed', true],
  ];
  for (const [status, code, retryable] of table) {
    const error = await failure({ status, json: { message: `no raw-key-1 and ${TOKEN}` } });
    assert.deepEqual([error.code, error.retryable], [code, retryable], String(status));
    assert.ok(error.message.includes(String(status)));
  }
});

test('Retry-After is read in seconds and as a date, at most an hour', async () => {
  const table: [string, number | undefined][] = [
    ['7', 7000],
    ['Sun, 01 Mar 2026 10:01:00 GMT', 60_000],
    ['Sun, 01 Mar 2026 09:00:00 GMT', 0],
    ['999999', 3_600_000],
    ['soon', undefined],
  ];
  for (const [text, ms] of table) {
    const error = await failure({ status: 429, headers: { 'retry-after': text } });
    assert.equal(error.retryAfterMs, ms, text);
  }
  const busy = await failure({ status: 503, headers: { 'retry-after': '3' } });
  assert.deepEqual([busy.code, busy.retryAfterMs], ['gateway-busy', 3000]);
});

test('a redirect is not followed: no token goes where the gateway points', async () => {
  fake.calls.length = 0;
  await failure({ status: 307, headers: { location: `${fake.url}/elsewhere` } });
  assert.deepEqual(fake.calls, ['PUT /keys/raw-key-1']);
});

test('a reset, a server that is away and a token that is no header are told apart from answers', async () => {
  fake.failNext({ kind: 'reset', applied: false });
  assert.deepEqual((await failure({ status: 200 })).code, 'gateway-unreachable');
  const away = await failure(undefined, CALL, { url: 'http://127.0.0.1:1' });
  assert.deepEqual([away.code, away.retryable], ['gateway-unreachable', true]);
  await failure(undefined, CALL, { headers: { 'x-token': `${TOKEN}\nx` } });
});

test('a read whose connection is closed is sent once more, a write never', async () => {
  answer = { status: 200, json: { ok: true } };
  const read: HttpCall = { method: 'GET', path: '/keys', what: 'GET /keys' };
  fake.calls.length = 0;
  fake.failNext({ kind: 'reset', applied: false }, () => true);
  assert.deepEqual((await httpCall(api, read, NEVER)).json, { ok: true });
  assert.deepEqual(fake.calls, ['GET /keys', 'GET /keys']);

  fake.calls.length = 0;
  for (let i = 0; i < 2; i++) fake.failNext({ kind: 'reset', applied: false }, () => true);
  assert.deepEqual((await failure(undefined, read)).code, 'gateway-unreachable');
  assert.equal(fake.calls.length, 2);

  fake.calls.length = 0;
  fake.failNext({ kind: 'reset', applied: true });
  assert.deepEqual((await failure(undefined)).code, 'gateway-unreachable');
  assert.deepEqual(fake.calls, ['PUT /keys/raw-key-1']);
});

test('an answer without an end is cut off', async () => {
  const error = await failure({ status: 200, json: 'x'.repeat(9 * 1024 * 1024) });
  assert.deepEqual([error.code, error.retryable], ['gateway-answer', false]);
});

test('a call that is stopped ends with the reason of its signal', async () => {
  fake.failNext({ kind: 'silence', applied: false });
  const stop = new AbortController();
  const reason = new Error('stopping');
  const call = httpCall(api, CALL, stop.signal);
  stop.abort(reason);
  await assert.rejects(call, reason);
  await assert.rejects(httpCall(api, CALL, stop.signal), reason);
});
