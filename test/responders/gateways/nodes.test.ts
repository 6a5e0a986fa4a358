/** Several nodes: each is brought to the wish, and what was reached in part is said and tried again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyhoundError } from '../../../core/errors.ts';
import { startFake } from '../../fakes/http-fake.ts';
import { startTyk } from '../../fakes/tyk.ts';
import { adapterOf, bring, NEVER, wishOf } from './tools.ts';

const SECRET = 'tyk-secret-1234567890';
const KEY = '6129dc1e8b64c6b4';
const TARGET = { subjectId: `tyk:${KEY}`, credentialId: KEY };
const SUSPEND = wishOf('suspend');

async function startTwo() {
  const nodes = [await startTyk(SECRET), await startTyk(SECRET)] as const;
  for (const { keys } of nodes) {
    keys.set(KEY, {
      rate: 10,
      per: 1,
      access_rights: { a: {} },
      date_created: '2026-01-01T00:00:00Z',
    });
  }
  const urls = nodes.map(({ url }) => url);
  return {
    nodes,
    adapter: adapterOf('tyk', { urls, token: SECRET }, { name: 'tyk' }),
    active: () => nodes.map(({ keys }) => keys.get(KEY)?.['is_inactive'] !== true),
    close: () => Promise.all(nodes.map((node) => node.close())),
  };
}

async function failure(work: Promise<unknown>): Promise<KeyhoundError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof KeyhoundError, String(error));
  return error;
}

test('every node is brought to the wish, and back', async () => {
  const { adapter, active, close } = await startTwo();
  try {
    const original = await adapter.read(TARGET, NEVER);
    await bring(adapter, TARGET, original, SUSPEND);
    assert.deepEqual(active(), [false, false]);
    const back = await bring(adapter, TARGET, original, null);
    assert.deepEqual([active(), back.fingerprint], [[true, true], original.fingerprint]);
  } finally {
    await close();
  }
});

test('with a node away the others hold the key, and the failure may be tried again', async () => {
  const { adapter, active, nodes, close } = await startTwo();
  try {
    const original = await adapter.read(TARGET, NEVER);
    nodes[0].refuse(true);
    const request = { target: TARGET, original, wish: SUSPEND, present: original };
    const error = await failure(adapter.apply(request, NEVER));
    assert.deepEqual(
      [error.code, error.retryable, active()],
      ['gateway-partly', true, [true, false]],
    );
    assert.ok(
      error.message.includes('1 of 2 nodes') && error.message.includes(new URL(nodes[0].url).host),
    );
    assert.equal((await failure(adapter.read(TARGET, NEVER))).code, 'gateway-partly');
    nodes[0].refuse(false);
    await bring(adapter, TARGET, original, SUSPEND);
    assert.deepEqual(active(), [false, false]);
  } finally {
    await close();
  }
});

test('with all nodes away the failure is theirs, and with one that refuses the wait is kept', async () => {
  const { adapter, nodes, close } = await startTwo();
  try {
    for (const node of nodes) node.refuse(true);
    assert.equal((await failure(adapter.read(TARGET, NEVER))).code, 'gateway-unreachable');
    for (const node of nodes) node.refuse(false);
    const original = await adapter.read(TARGET, NEVER);
    nodes[1].failNext({ kind: 'answer', answer: { status: 429, headers: { 'retry-after': '7' } } });
    const request = { target: TARGET, original, wish: SUSPEND, present: original };
    const error = await failure(adapter.apply(request, NEVER));
    assert.deepEqual([error.code, error.retryAfterMs], ['gateway-partly', 7000]);
  } finally {
    await close();
  }
});

test('nodes that differ are another state than nodes that agree, and each goes back to its own', async () => {
  const { adapter, nodes, close } = await startTwo();
  try {
    const same = await adapter.read(TARGET, NEVER);
    nodes[1].keys.get(KEY)!['rate'] = 3;
    const original = JSON.parse(JSON.stringify(await adapter.read(TARGET, NEVER)));
    assert.notEqual(original.fingerprint, same.fingerprint);
    const limit = { requests: 1, windowMs: 1000 };
    await bring(adapter, TARGET, original, wishOf('throttle-hard', { limit }));
    assert.deepEqual(
      nodes.map(({ keys }) => keys.get(KEY)?.['rate']),
      [1, 1],
    );
    await bring(adapter, TARGET, original, null);
    assert.deepEqual(
      nodes.map(({ keys }) => keys.get(KEY)?.['rate']),
      [10, 3],
    );
  } finally {
    await close();
  }
});

test('doctor hears of each node, also of one that is away', async () => {
  const { adapter, nodes, close } = await startTwo();
  try {
    nodes[1].refuse(true);
    const checks = await adapter.check(NEVER);
    const host = new URL(nodes[1].url).host;
    assert.deepEqual(
      checks.filter(({ ok }) => !ok).map(({ name }) => name.includes(host)),
      [true],
    );
    assert.ok(checks.some(({ ok }) => ok));
  } finally {
    await close();
  }
});

test('an answer of another service is said, not taken', async () => {
  const other = await startFake(() => ({ status: 200, json: ['<html>'] }));
  try {
    const error = await failure(
      adapterOf('tyk', { urls: [other.url], token: SECRET }).read(TARGET, NEVER),
    );
    assert.deepEqual([error.code, error.retryable], ['gateway-answer', false]);
  } finally {
    await other.close();
  }
});
