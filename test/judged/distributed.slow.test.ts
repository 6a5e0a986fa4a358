/**
 * The distributed form finds, to the byte, what one process finds in the same log (promises 3 and 4): with one partition
 * and one process, with many, and while processes, broker and stores are killed and come back.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { difference, embedded, type Outcome, outcomeOf, writeLog } from './distributed.ts';
import { drained, type Member, type Servers, Stack, startServers } from './stack.ts';

/** EVENTS=1000000 is what releases are judged by; CI has less time. */
const EVENTS = Number(process.env['EVENTS'] ?? 60_000);
const DAYS = 4;
const KEYS = 60;

const folder = mkdtempSync(path.join(tmpdir(), 'keyhound-distributed-'));
const file = path.join(folder, 'log.ndjson');
let servers: Servers | undefined;
let lines = 0;
let wanted: Outcome;

before(async () => {
  const rate = EVENTS / (DAYS * 86_400 * KEYS);
  lines = await writeLog(file, { seed: 9, keys: KEYS, days: DAYS, rate });
  [wanted, servers] = await Promise.all([
    embedded(path.join(folder, 'embedded'), file),
    startServers({ elasticsearch: false }),
  ]);
});

after(async () => {
  await servers?.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Scene {
  readonly prefix: string;
  readonly partitions: number;
  readonly detects: number;
  /** Called again and again until all is applied. `members` are the detect processes; replace those that end. */
  disturb?(stack: Stack, members: Member[], round: number): Promise<void>;
}

/** Runs the log through a stack of its own, and answers what came of it. */
async function play({ prefix, partitions, detects, disturb }: Scene): Promise<Outcome> {
  const sources = [{ name: 'log', kind: 'file', format: 'keyhound', path: file }];
  const stack = new Stack(servers!, { prefix, partitions, sources });
  try {
    await stack.createTopics();
    const members: Member[] = [];
    for (let i = 0; i < detects; i++) members.push(await stack.start('detect'));
    const ingest = await stack.start('ingest');
    const calm = new AbortController();
    const disturbing = disturbed(disturb, stack, members, calm.signal);
    await ingest.read(lines);
    calm.abort();
    await disturbing;
    await drained(() => members, 'events', partitions);
    ingest.child.kill('SIGTERM');
    await ingest.child.ended;
    await drained(() => members, 'events', partitions);
    for (const { child } of members) child.kill('SIGTERM');
    for (const { child } of members) await child.ended;
    return outcomeOf(await stack.results());
  } finally {
    await stack.end();
  }
}

async function disturbed(
  disturb: Scene['disturb'],
  stack: Stack,
  members: Member[],
  calm: AbortSignal,
): Promise<void> {
  for (let round = 0; disturb !== undefined && (round < 3 || !calm.aborted); round++) {
    await disturb(stack, members, round);
  }
}

describe('promise 3 and 4: the same incidents in the distributed form', () => {
  test('the log has incidents of keys, networks and the fleet', () => {
    const incidents = [...wanted].filter(([name]) => name.startsWith('incident'));
    const kinds = incidents.map(([, text]) => JSON.parse(text).subject.kind as string);
    assert.deepEqual([...new Set(kinds)].sort(), ['fleet', 'key', 'network']);
    assert.ok(incidents.length > 15, `${incidents.length} incidents`);
  });

  test('one partition, one process', async () => {
    const found = await play({ prefix: 'one', partitions: 1, detects: 1 });
    assert.equal(difference(found, wanted), undefined);
  });

  test('eight partitions, three processes, one of which is killed every five seconds', async () => {
    const found = await play({
      prefix: 'killed',
      partitions: 8,
      detects: 3,
      async disturb(stack, members, round) {
        await sleep(5000);
        const victim = members[round % members.length]!;
        victim.child.kill('SIGKILL');
        await victim.child.ended;
        members[round % members.length] = await stack.start('detect', victim.folder);
      },
    });
    assert.equal(difference(found, wanted), undefined);
  });
});
