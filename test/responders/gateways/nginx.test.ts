/** Map files of NGINX: what is written, what of a person's stays, and what a crash leaves. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { adapterOf, bring, NEVER, wishOf } from './tools.ts';
import { verdictsInMemory } from './verdicts.ts';

const KEY = { subjectId: 'nginx:key.One', credentialId: 'key.One' };
const RATES = [
  { name: 'slow', perMinute: 5 },
  { name: 'soft', perMinute: 60 },
];

async function maps(t: TestContext, files: Readonly<Record<string, string>> = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhound-maps-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    await writeFile(path.join(folder, name), text);
  }
  return {
    folder,
    text: (name: string) => readFile(path.join(folder, name), 'utf8'),
    has: (name: string) => existsSync(path.join(folder, name)),
  };
}

test('a refused key is one tagged line, written once, and gone after the undo', async (t) => {
  const { folder, text } = await maps(t);
  const edge = adapterOf('nginx', { folder, reload: ['true'] });
  const original = await edge.read(KEY, NEVER);
  await bring(edge, KEY, original, wishOf('suspend'));
  await bring(edge, KEY, original, wishOf('suspend'));
  const lines = (await text('refused.map')).split('\n').slice(1);
  assert.deepEqual(lines, ['# keyhound act_00000000000000000001', '"~^key\\.One$" "1";', '']);
  assert.deepEqual(await bring(edge, KEY, original, null), original);
  assert.match(await text('refused.map'), /^# Keyhound writes this file/);
  assert.equal((await text('refused.map')).includes('One'), false);
});

test('what a person wrote stays, and is in effect again after the undo', async (t) => {
  const theirs = '# since the incident of May\n"~^key\\.One$" 1;\n"other" 1; # not ours\n';
  const { folder, text } = await maps(t, { 'refused.map': theirs });
  const edge = adapterOf('nginx', { folder, reload: ['true'], throttles: RATES });
  const original = await edge.read(KEY, NEVER);
  const limit = { requests: 1, windowMs: 1000 };
  const wish = wishOf('throttle-hard', { limit });
  const wrote = await bring(edge, KEY, original, wish);
  assert.deepEqual(wrote.facts['files'], ['refused.map', 'throttle-soft.map']);
  assert.equal(
    edge.plan({ target: KEY, original, wish: wishOf('revoke') }).keepsOperatorLimit,
    true,
  );
  assert.deepEqual(await bring(edge, KEY, original, null), original);
  assert.ok((await text('refused.map')).includes(theirs));
});

test('a throttle is the zone nearest below the limit, and an id is counted as itself', async (t) => {
  const { folder, text, has } = await maps(t);
  const edge = adapterOf('nginx', { folder, reload: ['true'], throttles: RATES });
  const original = await edge.read(KEY, NEVER);
  const wish = wishOf('throttle-soft', { limit: { requests: 90, windowMs: 60_000 } });
  await bring(edge, KEY, original, wish);
  assert.match(await text('throttle-soft.map'), /^"~\^key\\\.One\$" "key\.One";$/m);
  assert.equal(has('throttle-slow.map'), false);
  const harder = wishOf('throttle-hard', { limit: { requests: 1, windowMs: 60_000 } });
  const wrote = await bring(edge, KEY, original, harder);
  assert.deepEqual(wrote.facts['rates'], ['slow: 5 a minute']);
  assert.equal((await text('throttle-soft.map')).includes('One'), false);
});

test('what is done and undone by hand is told in full', async (t) => {
  const { folder } = await maps(t);
  const edge = adapterOf('nginx', { folder, reload: ['nginx', '-s', 'reload'] });
  const original = { exists: true, fingerprint: 'none', facts: { files: [] } };
  const plan = edge.plan({ target: KEY, original, wish: wishOf('suspend') });
  const line = `the line "~^key\\.One$" "1"; in ${path.join(folder, 'refused.map')}`;
  assert.deepEqual(plan.calls, [`add ${line}`, 'nginx -s reload']);
  assert.deepEqual(plan.undo, [`remove ${line}`, 'nginx -s reload']);
});

test('a failed reload puts the file back, and the next reading makes NGINX read it', async (t) => {
  const { folder, has, text } = await maps(t, { 'refused.map': '' });
  const broken = adapterOf('nginx', { folder, reload: ['false'] });
  const original = await broken.read(KEY, NEVER);
  const failed = { code: 'gateway-command', retryable: true };
  await assert.rejects(bring(broken, KEY, original, wishOf('suspend')), failed);
  assert.equal(await text('refused.map'), '');
  await assert.rejects(broken.read(KEY, NEVER), failed);
  const repaired = adapterOf('nginx', { folder, reload: ['true'] });
  assert.equal((await repaired.read(KEY, NEVER)).fingerprint, 'none');
  assert.equal(has('.reload-due'), false);
  const missing = adapterOf('nginx', { folder, reload: [path.join(folder, 'no-program')] });
  await assert.rejects(bring(missing, KEY, original, wishOf('suspend')), { retryable: false });
});

test('a reload that hangs is ended, and so is one that nobody waits for any more', async (t) => {
  const { folder } = await maps(t);
  const hanging = [process.execPath, '-e', 'setInterval(() => {}, 1000)'];
  const edge = adapterOf('nginx', { folder, reload: hanging, reloadMs: 100 });
  const original = { exists: true, fingerprint: 'none', facts: {} };
  const request = { target: KEY, original, present: original, wish: wishOf('suspend') };
  await assert.rejects(edge.apply(request, NEVER), /did not end within 100 ms/);
  const patient = adapterOf('nginx', { folder, reload: hanging });
  const stop = new AbortController();
  const applied = patient.apply(request, stop.signal);
  stop.abort(new Error('stopped'));
  await assert.rejects(applied, /stopped/);
});

test('an id that could end its line, or none at all, is refused', async (t) => {
  const { folder, has } = await maps(t);
  const edge = adapterOf('nginx', { folder, reload: ['true'], hashes: true });
  const hash = '0123456789abcdef0123456789abcdef';
  const hostile = ['a" 1; "b', 'a;', 'a\nb', '$key', 'a\\', '', '~a', '-a', 'a'.repeat(129)];
  for (const id of hostile) {
    const target = { subjectId: `nginx:${id}`, credentialId: id };
    await assert.rejects(edge.read(target, NEVER), { code: 'gateway-key-unknown' }, id);
  }
  assert.equal(has('refused.map'), false);
  assert.equal(edge.covers(`h:${hash}`), true);
  assert.equal((await edge.read({ subjectId: `h:${hash}` }, NEVER)).exists, true);
  assert.equal(adapterOf('nginx', { folder }).covers(`h:${hash}`), false);
  assert.equal(adapterOf('nginx', { folder }).covers('nginx:a'), true);
});

test('two keys at once both get their lines', async (t) => {
  const { folder, text } = await maps(t);
  const edge = adapterOf('nginx', { folder, reload: ['true'] });
  const keys = ['a-1', 'b-2', 'c-3'].map((id) => ({ subjectId: `nginx:${id}`, credentialId: id }));
  const original = { exists: true, fingerprint: 'none', facts: {} };
  await Promise.all(keys.map((key) => bring(edge, key, original, wishOf('suspend'))));
  const written = await text('refused.map');
  for (const { credentialId } of keys) assert.ok(written.includes(credentialId));
});

test('what it owns is found by its tag; lines of others are not its', async (t) => {
  const { folder, text } = await maps(t, { 'refused.map': '"theirs" 1;\n' });
  const edge = adapterOf('nginx', { folder, reload: ['true'] });
  const original = await edge.read(KEY, NEVER);
  await bring(edge, KEY, original, wishOf('suspend'));
  const owned = await edge.owned(NEVER);
  assert.deepEqual(
    owned.map(({ tag }) => tag),
    ['act_00000000000000000001'],
  );
  await owned[0]!.remove(NEVER);
  assert.deepEqual(await edge.owned(NEVER), []);
  assert.ok((await text('refused.map')).includes('"theirs" 1;\n'));
});

test('the check says which file is missing and what it cannot', async (t) => {
  const { folder } = await maps(t, { 'refused.map': '' });
  const edge = adapterOf('nginx', { folder, throttles: RATES.slice(0, 1) });
  const checks = await edge.check(NEVER);
  assert.deepEqual(
    checks.map(({ ok }) => ok),
    [true, false, false, true],
  );
  assert.match(checks[1]!.detail, /throttle-slow\.map is not there/);
  assert.match(checks[3]!.detail, /decide can do all: cannot contain;/);
  assert.equal(edge.rungs.has('contain'), false);
});

test('without a folder it is the decision endpoint under its own name', async () => {
  const verdicts = verdictsInMemory();
  const edge = adapterOf('nginx', {}, { verdicts });
  assert.equal(edge.kind, 'nginx');
  assert.equal(edge.rungs.has('contain'), true);
  const original = await edge.read(KEY, NEVER);
  await bring(edge, KEY, original, wishOf('contain'));
  assert.equal((await verdicts.verdict('nginx:key.One'))?.rung, 'contain');
  assert.throws(() => adapterOf('nginx', { reload: ['true'] }), /reload and throttles need folder/);
});
