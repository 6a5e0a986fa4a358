/** `kafka init` against a real broker. test/servers/install.sh installs it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { startKafka } from '../servers/kafka.ts';
import { run } from './memory-io.ts';

interface Line {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly hint?: string;
}

test('kafka init shows what is missing, makes it with --yes, and tells what is otherwise', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'keyhound-kafka-init-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const kafka = await startKafka();
  t.after(() => kafka.stop());
  const init = async (settings: object, ...words: string[]) => {
    const file = path.join(folder, 'keyhound.yaml');
    const section = { brokers: kafka.brokers, partitions: 4, replication: 1, ...settings };
    writeFileSync(file, JSON.stringify({ kafka: section }));
    const ran = await run(['kafka', 'init', '--json', '--config', file, ...words]);
    const lines = ran.stdout.split('\n').filter((line) => line !== '');
    return { ...ran, lines: lines.map((line) => JSON.parse(line) as Line) };
  };

  const shown = await init({});
  assert.equal(shown.status, 3);
  assert.match(shown.lines[0]!.detail, /^would be created; 4 partitions, 1 copy, /);
  assert.ok(shown.lines.every(({ ok, detail }) => !ok && detail.startsWith('would be created')));

  const made = await init({}, '--yes');
  assert.equal(made.status, 0, made.stderr);
  assert.deepEqual(
    made.lines.map(({ name }) => name),
    shown.lines.map(({ name }) => name),
  );
  assert.ok(made.lines.every(({ ok, detail }) => ok && detail.startsWith('created; ')));

  const again = await init({}, '--yes');
  assert.equal(again.status, 0);
  assert.ok(again.lines.every(({ detail }) => detail.startsWith('is there; ')));

  const kept = await init({ retentionMs: 3_600_000 });
  assert.equal(kept.status, 3);
  const other = kept.lines.find(({ ok }) => !ok);
  assert.match(other!.detail, /^is there; retention\.ms 604800000, not 3600000$/);
  assert.match(other!.hint!, /kafka-configs\.sh/);

  const refused = await init({ partitions: 8 }, '--yes');
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /has 4 partitions, not 8/);
});
