/** HAProxy's maps: what is asked of the runtime API, what of a person's stays, and what failing costs. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { type FakeHaproxy, fakeHaproxy } from './fake-haproxy.ts';
import { adapterOf, bring, NEVER, wishOf } from './tools.ts';
import { verdictsInMemory } from './verdicts.ts';

const REFUSED = '/maps/refused.map';
const LIMITS = '/maps/limits.map';
const KEY = { subjectId: 'haproxy:k-1', credentialId: 'k-1' };
const TAG = 'act_00000000000000000001';

async function nodes(t: TestContext, count: number): Promise<FakeHaproxy[]> {
  const fakes: FakeHaproxy[] = [];
  for (let i = 0; i < count; i++) {
    const fake = await fakeHaproxy([REFUSED, LIMITS], i === 0 ? 'unix' : 'tcp');
    t.after(() => fake.stop());
    fakes.push(fake);
  }
  return fakes;
}

function adapterFor(fakes: readonly FakeHaproxy[], settings: object = {}) {
  return adapterOf('haproxy', {
    nodes: fakes.map(({ socket }) => ({ socket })),
    refused: REFUSED,
    limits: LIMITS,
    ...settings,
  });
}

test('an entry is written once at each node, whatever is repeated, and taken away', async (t) => {
  const fakes = await nodes(t, 2);
  const edge = adapterFor(fakes);
  const original = await edge.read(KEY, NEVER);
  const wrote = await bring(edge, KEY, original, wishOf('suspend'));
  assert.deepEqual(await bring(edge, KEY, original, wishOf('suspend')), wrote);
  for (const { maps } of fakes) assert.deepEqual(maps.get(REFUSED), [['k-1', TAG]]);
  assert.deepEqual(await bring(edge, KEY, original, null), original);
  for (const { maps } of fakes) assert.deepEqual(maps.get(REFUSED), []);
});

test('a limit is counted in the window of the table, and the lower one of a person stays', async (t) => {
  const fakes = await nodes(t, 1);
  const edge = adapterFor(fakes);
  const map = () => fakes[0]!.maps.get(LIMITS);
  const free = await edge.read(KEY, NEVER);
  const wish = (requests: number) =>
    wishOf('throttle-hard', { limit: { requests, windowMs: 60_000 } });
  await bring(edge, KEY, free, wish(60));
  assert.deepEqual(map(), [['k-1', `10:${TAG}`]]);
  await bring(edge, KEY, free, wish(1));
  assert.deepEqual(map(), [['k-1', `1:${TAG}`]]);
  await bring(edge, KEY, free, null);

  fakes[0]!.maps.set(LIMITS, [['k-1', '3']]);
  const original = await edge.read(KEY, NEVER);
  assert.equal(edge.plan({ target: KEY, original, wish: wish(60) }).keepsOperatorLimit, true);
  await bring(edge, KEY, original, wish(60));
  assert.deepEqual(map(), [['k-1', '3']]);
  await bring(edge, KEY, original, wish(6));
  assert.deepEqual(map(), [['k-1', `1:${TAG}`]]);
  assert.deepEqual(await bring(edge, KEY, original, null), original);
  assert.deepEqual(map(), [['k-1', '3']]);
});

test('nodes that disagree are not the same state, and one write brings them together', async (t) => {
  const fakes = await nodes(t, 2);
  const edge = adapterFor(fakes);
  const original = await edge.read(KEY, NEVER);
  fakes[1]!.maps.set(REFUSED, [['k-1', TAG]]);
  const apart = await edge.read(KEY, NEVER);
  const wrote = await bring(edge, KEY, original, wishOf('suspend'));
  assert.notEqual(apart.fingerprint, original.fingerprint);
  assert.notEqual(apart.fingerprint, wrote.fingerprint);
  for (const { maps } of fakes) assert.deepEqual(maps.get(REFUSED), [['k-1', TAG]]);
});

test('the files are written before the nodes are told', async (t) => {
  const [fake] = await nodes(t, 1);
  const files = path.dirname(fake!.socket);
  const edge = adapterFor([], { nodes: [{ socket: fake!.socket, files }] });
  const original = await edge.read(KEY, NEVER);
  fake!.fail = 'Permission denied';
  const request = { target: KEY, original, present: original, wish: wishOf('suspend') };
  await assert.rejects(edge.apply(request, NEVER), { code: 'gateway-refused', retryable: false });
  fake!.fail = undefined;
  const text = () => readFile(path.join(files, 'refused.map'), 'utf8');
  assert.match(await text(), new RegExp(`^# keyhound ${TAG}\nk-1 ${TAG}$`, 'm'));
  await edge.apply(request, NEVER);
  await edge.apply({ ...request, wish: null }, NEVER);
  assert.equal((await text()).includes('k-1'), false);
});

test('no answer, a cut connection and a stop end the call; an unknown map is told', async (t) => {
  const [fake] = await nodes(t, 1);
  const edge = adapterFor([fake!], { timeoutMs: 100 });
  fake!.fail = 'hang';
  await assert.rejects(edge.read(KEY, NEVER), { code: 'gateway-timeout', retryable: true });
  const stop = new AbortController();
  const reading = adapterFor([fake!]).read(KEY, stop.signal);
  stop.abort(new Error('stopped'));
  await assert.rejects(reading, /stopped/);
  fake!.fail = 'cut';
  await assert.rejects(edge.read(KEY, NEVER), { code: 'gateway-unreachable', retryable: true });
  fake!.fail = undefined;
  const wrong = adapterFor([fake!], { refused: '/maps/other.map' });
  await assert.rejects(wrong.read(KEY, NEVER), {
    code: 'gateway-rejected',
    hint: 'Unknown map identifier. Please use #<id> or <file>.',
  });
});

test('no id reaches the socket that could be a command of its own', async (t) => {
  const [fake] = await nodes(t, 1);
  const edge = adapterFor([fake!]);
  for (const id of ['a;shutdown', 'a b', 'a\nb', 'a\\', '#1']) {
    const target = { subjectId: `haproxy:${id}`, credentialId: id };
    await assert.rejects(edge.read(target, NEVER), { code: 'gateway-key-unknown' });
  }
  assert.deepEqual(fake!.commands, []);
});

test('what is typed by hand does what the adapter does', async (t) => {
  const [fake] = await nodes(t, 1);
  const edge = adapterFor([fake!]);
  const original = await edge.read(KEY, NEVER);
  const plan = edge.plan({ target: KEY, original, wish: wishOf('suspend') });
  const by = (command: string) => [`echo '${command}' | socat ${fake!.socket} -`];
  assert.deepEqual(plan.calls, by(`add map ${REFUSED} k-1 ${TAG}`));
  assert.deepEqual(plan.undo, by(`del map ${REFUSED} k-1`));
});

test('what it owns is found by its tag and removed at every node', async (t) => {
  const fakes = await nodes(t, 2);
  fakes[0]!.maps.set(REFUSED, [['theirs', '1']]);
  const edge = adapterFor(fakes);
  const original = await edge.read(KEY, NEVER);
  await bring(edge, KEY, original, wishOf('suspend'));
  const owned = await edge.owned(NEVER);
  assert.deepEqual(
    owned.map(({ tag, what }) => [tag, what]),
    [[TAG, `entry of k-1 in ${REFUSED}`]],
  );
  await bring(edge, KEY, original, wishOf('revoke', { tag: 'act_00000000000000000002' }));
  await owned[0]!.remove(NEVER);
  assert.equal((await edge.owned(NEVER))[0]?.tag, 'act_00000000000000000002');
  await (await edge.owned(NEVER))[0]!.remove(NEVER);
  assert.deepEqual(await edge.owned(NEVER), []);
  assert.deepEqual(fakes[0]!.maps.get(REFUSED), [['theirs', '1']]);
});

test('it says what it cannot; without nodes it is the decision endpoint', async (t) => {
  const [fake] = await nodes(t, 1);
  const bare = adapterOf('haproxy', { nodes: [{ socket: fake!.socket }], refused: REFUSED });
  assert.deepEqual([...bare.rungs], ['suspend', 'revoke']);
  const checks = await bare.check(NEVER);
  assert.match(
    checks.map(({ detail }) => detail).join('\n'),
    /forgets at a restart.*cannot throttle-soft, throttle-hard, contain;/s,
  );
  assert.equal(bare.covers('h:0123'), false);
  const asking = adapterOf('haproxy', {}, { verdicts: verdictsInMemory() });
  assert.equal(asking.rungs.has('contain'), true);
  assert.equal(asking.covers('h:0123'), true);
});
