/** Kafka as a source of raw gateway logs, against a real broker: all that is there is read, once, whatever comes. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, it, type TestContext } from 'node:test';
import { DATABASE_FILE } from '../../store/sqlite/connection.ts';
import { kongLine } from '../../traffic/formats/kong.ts';
import { nextUnit, STATE_WORDS, seedState } from '../../traffic/random.ts';
import { createTraffic } from '../../traffic/traffic.ts';
import { type KafkaServer, startKafka } from '../servers/kafka.ts';
import { until } from '../support/until.ts';
import { CODECS, type Entry, Topic } from './kafka-topic.ts';
import { scratch } from './keyhound.ts';
import { configure, type Service, serve } from './service.ts';

let server: KafkaServer;
let topics = 0;
before(async () => {
  server = await startKafka({ settings: { 'log.cleaner.backoff.ms': 200 } });
});
after(() => server.stop());

const FROM_AT = Date.parse('2026-03-02T00:00:00Z');
const SECRET = 'sk_live_3fT9secretsecret';

function freshTopic(partitions: number, settings?: Record<string, string>): Promise<Topic> {
  topics += 1;
  return Topic.create(server, `logs-${topics}`, partitions, settings);
}

let next = 0;
/** A record of Keyhound's own format, each of another second. */
function record(key = 'app'): string {
  const at = new Date(FROM_AT + next++ * 1000).toISOString();
  return JSON.stringify({ at, keyId: key, status: 200, clientIp: '198.51.100.7' });
}

function folderFor(t: TestContext, topic: Topic, source: object = {}): string {
  const folder = scratch(t);
  const base = { name: 'edge', kind: 'kafka', format: 'keyhound' };
  configure(folder, {
    state: { dir: 'state', checkpointMs: 100 },
    sources: [{ ...base, topic: topic.name, brokers: server.brokers, ...source }],
  });
  return folder;
}

async function ready(service: Service, pattern: RegExp): Promise<void> {
  await until(
    () => service.get('/readyz'),
    (text) => pattern.test(text),
  );
}

/** Sum over the labels. */
function metric(text: string, name: string): number {
  const lines = text.split('\n').filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

describe('a topic as a source', { timeout: 300_000 }, () => {
  it('reads every shape in every codec, over holes, and goes on there after a restart', async (t) => {
    const topic = await freshTopic(3);
    const folder = folderFor(t, topic);
    let records = 0;
    for (const [i, codec] of (Object.keys(CODECS) as (keyof typeof CODECS)[]).entries()) {
      const entries = [
        record(),
        `[${record()},${record()}]`,
        `{"records":[${record()},${record()}]}`,
        `${record()}\n${record()}\n`,
      ].map((value): Entry => ({ partition: i % 3, value }));
      await topic.send([...entries, { partition: i % 3, value: null, key: 'tombstone' }], codec);
      await topic.sendInVain([{ partition: i % 3, value: record('never-committed') }]);
      records += 7;
    }
    const first = await serve(t, folder);
    const summary = await first.applied(records);
    assert.deepEqual([summary['events'], summary['subjects']], [records, 1]);
    await first.stop();

    await topic.send([{ partition: 0, value: record('another') }]);
    const second = await serve(t, folder);
    const more = await second.applied(1);
    assert.deepEqual([more['records'], more['events']], [1, 1]);
    await ready(second, /"ready":true/);
    await second.stop();
    assert.equal(rows(folder, 'SELECT id FROM subjects').length, 2);
  });

  it('reads what compaction has left', async (t) => {
    const topic = await freshTopic(1, {
      'cleanup.policy': 'compact',
      'min.cleanable.dirty.ratio': '0.01',
      'segment.ms': '100',
      'max.compaction.lag.ms': '100',
    });
    for (let round = 0; round < 3; round++) {
      const entries = ['a', 'b'].map((key) => ({ partition: 0, key, value: record(key) }));
      await topic.send(entries);
    }
    let left = await topic.offsets();
    // A segment is compacted once it is closed, which the next message does when it is old enough.
    while (left.shown.length === left.high) {
      await topic.send([{ partition: 0, key: 'end', value: record('end') }]);
      left = await topic.offsets();
    }
    const folder = folderFor(t, topic);
    const service = await serve(t, folder);
    await savedMessages(folder, left.high);
    const { records, events, subjects } = await service.applied(3);
    assert.deepEqual([subjects, events], [3, records]);
    assert.ok(Number(records) < left.high);
    await service.stop();
  });

  it('sends poison, masked, to its own topic, and counts a bad record among good ones', async (t) => {
    const topic = await freshTopic(1);
    const letters = await Topic.create(server, 'keyhound.dead-letters', 1);
    await topic.send([
      { partition: 0, value: Buffer.from(`\u0000\u0001 avro ${SECRET}`) },
      { partition: 0, value: `${record()}\n{"broken":"${SECRET}"` },
      { partition: 0, value: record() },
    ]);
    const folder = folderFor(t, topic);
    const service = await serve(t, folder);
    const summary = await service.applied(4);
    assert.deepEqual([summary['events'], summary['rejected']], [2, { malformed: 2 }]);
    const [letter] = await letters.first(1);
    const { seenAt, mask, ...rest } = JSON.parse(letter!) as Record<string, unknown>;
    assert.deepEqual(rest, {
      type: 'dead-letter',
      source: 'edge',
      topic: topic.name,
      partition: 0,
      offset: 0,
      stream: `kafka:${topic.name}/0@0`,
      position: 0,
      reason: 'malformed',
      length: 8 + SECRET.length,
    });
    assert.equal(mask, `?? avro <${SECRET.length}>`);
    assert.ok(Number.isFinite(Date.parse(String(seenAt))));
    const metrics = await service.get('/metrics');
    assert.equal(metric(metrics, 'keyhound_poison_messages_total{'), 1);
    assert.equal(metric(metrics, 'keyhound_source_lag_messages{'), 0);
    await service.stop();
    const kept = rows(folder, 'SELECT * FROM dead_letters');
    assert.ok(!JSON.stringify(kept).includes('secret'));
  });

  it('says that the brokers are away, and goes on when they are back', async (t) => {
    const topic = await freshTopic(2);
    await topic.send([{ partition: 0, value: record() }]);
    const service = await serve(t, folderFor(t, topic));
    await service.applied(1);
    await ready(service, /"ready":true/);
    await server.kill();
    await ready(service, /"source edge"/);
    await server.restart();
    await topic.send([{ partition: 1, value: record() }]);
    assert.equal((await service.applied(2))['events'], 2);
    await ready(service, /"ready":true/);
    await service.stop();
  });

  it('goes on behind what retention took while nobody read, and says how much that was', async (t) => {
    const topic = await freshTopic(1);
    const folder = folderFor(t, topic);
    await topic.send([{ partition: 0, value: record() }]);
    const first = await serve(t, folder);
    await first.applied(1);
    await first.stop();
    await topic.send(Array.from({ length: 5 }, () => ({ partition: 0, value: record() })));
    await topic.deleteBefore({ 0: 4 });
    const second = await serve(t, folder);
    assert.equal((await second.applied(2))['events'], 2);
    assert.equal(metric(await second.get('/metrics'), 'keyhound_lost_messages_total{'), 3);
    assert.match(second.child.stderr, /up to 3 messages were deleted before they were read/);
    await second.stop();
  });

  it('kill -9 loses nothing and doubles nothing', async (t) => {
    const partitions = 4;
    const topic = await freshTopic(partitions);
    const { entries, requests } = traffic(partitions);
    for (let i = 0; i < entries.length; i += 500) {
      await topic.send(entries.slice(i, i + 500), i % 1000 === 0 ? 'gzip' : 'zstd');
    }
    const untouched = folderFor(t, topic, { format: 'kong', group: 'untouched' });
    const calm = await serve(t, untouched);
    await savedMessages(untouched, entries.length);
    await calm.stop();
    const folder = folderFor(t, topic, { format: 'kong' });
    const random = new Uint32Array(STATE_WORDS);
    seedState(random, 0, 4711);
    let kills = 0;
    let service = await serve(t, folder);
    for (; kills < KILLS; kills++) {
      await service.applied(nextUnit(random, 0) * KILL_RECORDS_MAX);
      service.child.kill('SIGKILL');
      await service.child.ended;
      const [left] = rows(folder, POSITION_SUM);
      t.diagnostic(`killed at ${Math.round(Number(left!['messages']))} of ${entries.length}`);
      service = await serve(t, folder);
    }
    await savedMessages(folder, entries.length);
    await service.stop();
    const usage = rows(folder, USAGE);
    assert.deepEqual(usage, rows(untouched, USAGE));
    const counted = usage.reduce((sum, row) => sum + Number(row['requests']), 0);
    assert.equal(counted, requests);
  });
});

const KILLS = 5;
const KILL_RECORDS_MAX = 20_000;
const USAGE =
  'SELECT hour, hex(digest) AS digest, requests, errors FROM usage ORDER BY hour, digest';
const POSITION_SUM = 'SELECT sum(position) / 65536 AS messages FROM streams';

/** Until so many messages of the topic are in the state. */
async function savedMessages(folder: string, count: number): Promise<void> {
  await until(() => Number(rows(folder, POSITION_SUM)[0]!['messages']) >= count);
}

const HOUR_MS = 3_600_000;
const HOURS = 12;

/** Some hours of traffic in values of all shapes, and how many requests that is. */
function traffic(partitions: number): { readonly entries: Entry[]; readonly requests: number } {
  const made = createTraffic({
    seed: 99,
    keys: 40,
    days: 1,
    fromAt: FROM_AT,
    rates: { min: 0.01, max: 0.3 },
  });
  const waiting = Array.from({ length: partitions }, (): string[] => []);
  const entries: Entry[] = [];
  const push = (partition: number): void => {
    const lines = waiting[partition]!.splice(0);
    const shapes = [lines.join('\n'), `[${lines.join(',')}]`, `{"records":[${lines.join(',')}]}`];
    if (lines.length > 0) entries.push({ partition, value: shapes[entries.length % 3]! });
  };
  let requests = 0;
  for (const event of made.events({ toAt: FROM_AT + HOURS * HOUR_MS })) {
    const partition = event.key.index % partitions;
    waiting[partition]!.push(kongLine(event));
    if (waiting[partition]!.length > requests++ % 5) push(partition);
  }
  for (let partition = 0; partition < partitions; partition++) push(partition);
  return { entries, requests };
}

function rows(folder: string, sql: string): Record<string, unknown>[] {
  const file = path.join(folder, 'state', DATABASE_FILE);
  const db = new DatabaseSync(file, { readOnly: true, timeout: 5000 });
  try {
    return db.prepare(sql).all();
  } finally {
    db.close();
  }
}
