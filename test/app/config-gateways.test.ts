/** What is wrong with the gateways of a configuration is told before anything starts. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { faultInWords, readConfig } from '../../app/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyhound-gateways-'));
after(() => rmSync(folder, { recursive: true }));

function faults(...gateways: object[]): string[] {
  const file = join(folder, 'keyhound.yaml');
  writeFileSync(file, JSON.stringify({ gateways }));
  return readConfig({ file, env: {}, cwd: folder }).faults.map(faultInWords);
}

test('settings of each kind are checked, all faults at once', () => {
  const told = faults(
    { name: 'a', kind: 'nginks' },
    { name: 'b', kind: 'nginx', foldr: '/maps' },
    { name: 'c', kind: 'aws-iam', timeoutMs: 1 },
    { name: 'c', kind: 'aws-iam' },
  );
  assert.equal(told.length, 4);
  assert.match(told[0]!, /gateways\[0\]\.kind: unknown kind of gateway\. Did you mean nginx\?/);
  assert.match(told[1]!, /gateways\[1\]\.foldr: unknown key\. Did you mean folder\?/);
  assert.match(told[2]!, /gateways\[2\]\.timeoutMs: /);
  assert.match(told[3]!, /gateways\[3\]\.name: gateways\[2\] has this name too/);
});

test('two gateways that ask the decision endpoint share no key', () => {
  const decide = { name: 'all', kind: 'decide' };
  assert.deepEqual(faults(decide), []);
  assert.deepEqual(faults(decide, { name: 'iam', kind: 'aws-iam' }), []);
  const maps = { name: 'maps', kind: 'nginx', folder: '/maps' };
  assert.deepEqual(faults(decide, maps), []);
  const [fault, ...more] = faults(decide, maps, { name: 'b', kind: 'envoy' });
  assert.match(fault!, /gateways\[2\]\.kind: it asks .* keys of gateways\[0\]/);
  assert.deepEqual(more, []);
  // Both would write the verdicts of keys that are known by their hash.
  assert.equal(faults({ name: 'a', kind: 'nginx' }, { name: 'b', kind: 'caddy' }).length, 1);
  const own = (name: string, keys: string[]) => ({ name, kind: 'caddy', keys });
  assert.deepEqual(faults(own('a', ['caddy:a-']), own('b', ['caddy:b-'])), []);
  assert.equal(faults(own('a', ['caddy:']), own('b', ['caddy:b-'])).length, 1);
});
