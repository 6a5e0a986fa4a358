/** A partition of events that is given up while a batch of it waits for what other partitions tell. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DetectPartition, type PartitionParts } from '../../../app/distributed/detect-partition.ts';
import { type ApiEvent, createEvent } from '../../../core/event.ts';
import type { Checkpoint } from '../../../core/store.ts';
import type { WireStream } from '../../../core/wire/layout.ts';
import { KnownParts } from '../../../core/wire/parts.ts';
import { EventBatchWriter } from '../../../core/wire/writer.ts';
import { createShardEngine } from '../../../detectors/engine/shard-engine.ts';
import { NO_DIRECTORY } from '../../support/directory.ts';

const AT = Date.parse('2026-03-02T00:00:00Z');
const STREAM: WireStream = {
  ...{ source: 'log', name: 'log', latenessMs: 0 },
  ...{ state: 'live', latestAt: AT },
};

function engineOf(count: number) {
  return createShardEngine({
    subjectsMax: 1000,
    detectors: {},
    directory: NO_DIRECTORY,
    geographyVersion: '',
    durable: true,
    shard: { index: 0, count },
    onFinding: () => {},
    onIncident: () => {},
  });
}

/** One of `count` partitions; the others never say anything. */
function partitionOf(count: number) {
  const commits: Checkpoint[] = [];
  const parts = {
    partition: 0,
    engine: engineOf(count),
    known: new KnownParts(),
    state: {
      commit: async (checkpoint: Checkpoint) => void commits.push(checkpoint),
      close: async () => {},
    },
    feed: { wait: () => new Promise(setImmediate), remove: () => {} },
    teller: { tell: () => {}, settle: async () => {} },
    results: { flush: () => {}, inputs: () => {}, usage: () => {}, settle: async () => {} },
    clock: { now: () => Date.now() },
    logger: console,
    checkpointMs: 1e9,
    checkpointDirty: 1e9,
    silentMs: 1e9,
    isCutOff: () => false,
    onFailed: assert.fail,
    onClosed: () => {},
  };
  const partition = new DetectPartition(parts as unknown as PartitionParts);
  return { partition, commits };
}

function batch(offset: number, events: readonly ApiEvent[]) {
  const writer = new EventBatchWriter();
  for (const event of events) writer.addEvent(event, STREAM, Math.floor(event.at / 1000));
  return { offset, key: null, value: Buffer.from(writer.take()!), timestamp: AT };
}

const use = (minute: number, position: number): ApiEvent => ({
  ...createEvent(),
  at: AT + minute * 60_000,
  position,
  key: { id: 'kong:a', digest0: 2, digest1: 2, digest2: 1, digest3: 1 },
  attested: true,
});

test('what is applied whole is saved with its offset as it is given up', async () => {
  const { partition, commits } = partitionOf(1);
  await partition.apply([batch(0, [use(0, 0), use(60, 1)])] as never);
  partition.interrupt();
  await partition.close();
  assert.deepEqual(
    commits.map(({ logPosition }) => logPosition),
    [1],
  );
});

test('what is applied in part is not saved: no offset says what the records hold', async () => {
  const { partition, commits } = partitionOf(2);
  // Of what follows on that hour the other partition has told nothing.
  for (const shard of [0, 1]) partition.hear([{ shard, upTo: AT + 3_600_000, spans: [] }]);
  const applied = partition.apply([
    batch(0, [use(0, 0)]),
    batch(1, [use(1, 1), use(600, 2), use(601, 3)]),
  ] as never);
  const refused = assert.rejects(applied);
  for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
  assert.equal(partition.engine.stats().events, 2);
  partition.interrupt();
  await refused;
  await partition.close();
  assert.deepEqual(commits, []);
});
