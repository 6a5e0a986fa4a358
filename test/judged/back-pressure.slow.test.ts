/**
 * Back-pressure end to end: with a frozen broker senders are refused once the spool is full, files wait, and nobody's
 * memory grows; with a frozen detect process events wait at the broker. Afterwards all is applied, once.
 */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { difference, embedded, type Outcome, outcomeOf, writeLog } from './distributed.ts';
import { drained, type Member, type Servers, Stack, startServers } from './stack.ts';

const EVENTS = 30_000;
const DAYS = 4;
const KEYS = 30;
const PARTITIONS = 2;
const TOKEN = 'token-of-the-made-gateway';
const PUSH_LINES = 500;
const SPOOL_BYTES_MAX = 1 << 20;
/** What the frozen ingest may take beyond what it had: batches on their way, and the spool read ahead. */
const MEMORY_BYTES_MAX = 128 << 20;

const folder = mkdtempSync(path.join(tmpdir(), 'keyhound-pressure-'));
let servers: Servers | undefined;
before(async () => {
  servers = await startServers({ elasticsearch: false });
});
after(async () => {
  await servers?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function residentBytes({ child }: Member): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1024;
}

async function spoolBytes(ingest: Member): Promise<number> {
  return Number(/^keyhound_spool_bytes (\d+)/m.exec(await ingest.get('/metrics'))![1]);
}

/** Requests by key and hour. */
function usageOf(outcome: Outcome): Outcome {
  return new Map([...outcome].filter(([name]) => name.startsWith('usage')));
}

/** Until every request of the log counts, once: what counts twice would never be equal. */
async function untilCounted(stack: Stack, wanted: Outcome): Promise<void> {
  const usage = usageOf(wanted);
  while (difference(usageOf(outcomeOf(await stack.results())), usage) !== undefined) {
    await sleep(500);
  }
}

/** A gateway that pushes a log piece by piece. */
class Sender {
  private next = 0;
  private readonly pieces: string[] = [];
  private readonly url: string;

  constructor(intake: string, lines: readonly string[]) {
    this.url = `${intake}/intake/keyhound`;
    for (let at = 0; at < lines.length; at += PUSH_LINES) {
      this.pieces.push(`${lines.slice(at, at + PUSH_LINES).join('\n')}\n`);
    }
  }

  /** Tries the next piece once; answers the status. */
  async push(): Promise<number> {
    const body = this.pieces[this.next];
    assert.ok(body !== undefined, 'there is something left to send');
    const headers = { authorization: `Bearer ${TOKEN}` };
    const { status } = await fetch(this.url, { method: 'POST', headers, body });
    if (status === 200) this.next++;
    return status;
  }

  /** So many pieces, each until it is taken. */
  async insist(count: number): Promise<void> {
    for (let taken = 0; taken < count; ) {
      if ((await this.push()) === 200) taken++;
      else await sleep(100);
    }
  }

  /** What was not taken. */
  get rest(): string {
    return this.pieces.slice(this.next).join('');
  }
}

/** Until the sender is refused, and on; then what is left is for the file. */
async function fill(ingest: Member, sender: Sender, followed: string): Promise<void> {
  const before = residentBytes(ingest);
  let status: number;
  do status = await sender.push();
  while (status === 200);
  assert.equal(status, 429);
  for (let i = 0; i < 200; i++) assert.equal(await sender.push(), 429, 'it does not give up');
  assert.ok(sender.rest !== '', 'there is something left for the file');
  appendFileSync(followed, sender.rest);
  const metrics = await ingest.get('/metrics');
  const spooled = await spoolBytes(ingest);
  assert.ok(spooled > 0 && spooled <= SPOOL_BYTES_MAX, `${spooled} bytes in the spool`);
  assert.ok(Number(/refused_pushes_total\S* (\d+)/.exec(metrics)![1]) >= 200);
  const grown = residentBytes(ingest) - before;
  assert.ok(grown < MEMORY_BYTES_MAX, `${grown} bytes more`);
}

test('frozen: first a detect process, then the broker', async () => {
  const log = path.join(folder, 'log.ndjson');
  const rate = EVENTS / (DAYS * 86_400 * KEYS);
  await writeLog(log, { seed: 9, keys: KEYS, days: DAYS, rate });
  const wanted = await embedded(path.join(folder, 'embedded'), log);
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  const followed = path.join(folder, 'followed.ndjson');
  writeFileSync(followed, '');
  const stack = new Stack(servers!, {
    prefix: 'pressure',
    partitions: PARTITIONS,
    sources: [
      { name: 'edge', kind: 'http', format: 'keyhound', token: TOKEN },
      { name: 'log', kind: 'file', format: 'keyhound', path: followed },
    ],
    settings: { intake: { spoolBytesMax: SPOOL_BYTES_MAX } },
  });
  try {
    await stack.createTopics();
    const detect = await stack.start('detect');
    const ingest = await stack.start('ingest');
    const intake = (await ingest.child.told(/"intake":"(http:[^"]+)"/))[1]!;
    const sender = new Sender(intake, lines);

    await sender.insist(5);
    detect.child.kill('SIGSTOP');
    // More than the spool holds: its events wait at the broker, and hold up nobody.
    await sender.insist(15);
    detect.child.kill('SIGCONT');
    await drained(() => [detect], 'events', PARTITIONS);

    servers!.kafka.freeze();
    await fill(ingest, sender, followed);
    servers!.kafka.thaw();
    await untilCounted(stack, wanted);
    ingest.child.kill('SIGTERM');
    await ingest.child.ended;
    await drained(() => [detect], 'events', PARTITIONS);
    detect.child.kill('SIGTERM');
    await detect.child.ended;
    const found = outcomeOf(await stack.results());
    assert.equal(difference(usageOf(found), usageOf(wanted)), undefined);
    assert.ok([...found.keys()].some((name) => name.startsWith('incident')));
  } finally {
    servers!.kafka.thaw();
    await stack.end();
  }
});
