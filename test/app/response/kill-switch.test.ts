import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { createKillSwitch } from '../../../app/response/kill-switch.ts';
import { approverByToken } from '../../../app/response/people.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'keyhound-stop-'));
after(() => rmSync(folder, { recursive: true }));

test('the kill switch is a file: it holds over a restart, and can be made and removed by hand', () => {
  const stop = createKillSwitch(folder);
  assert.equal(stop.read(), undefined);
  const said = { by: 'ann', reason: 'wrong keys', at: '2026-03-01T00:00:00.000Z' };
  stop.stop(said);
  assert.deepEqual(createKillSwitch(folder).read(), said);
  stop.resume();
  assert.equal(stop.read(), undefined);
  for (const content of ['', 'x', 'null', '{"by":1}']) {
    writeFileSync(stop.file, content);
    assert.equal(stop.read()?.by, 'unknown', 'what cannot be read stops as well');
  }
  rmSync(stop.file);
  assert.equal(stop.read(), undefined);
});

test('who approves is told by the personal token alone', () => {
  const people = [
    { name: 'ann', token: 'token-of-ann-00000', role: 'responder' },
    { name: 'bob', token: 'token-of-bob-00000', role: 'viewer' },
  ] as const;
  assert.equal(approverByToken(people, 'token-of-ann-00000').name, 'ann');
  assert.throws(() => approverByToken(people, 'token-of-bob-00000'), { code: 'person-role' });
  for (const token of ['', 'token-of-ann', 'ann', 'token-of-ann-00000 ']) {
    assert.throws(() => approverByToken(people, token), { code: 'person-unknown' });
  }
});
