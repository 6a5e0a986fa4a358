/** What people say reaches every partition once, in one order, whoever of the consoles fails on the way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlLog } from '../../app/distributed/control-log.ts';
import { recordOf } from '../../app/distributed/control-record.ts';
import type { LogMessage, ReceivedMessage } from '../../core/broker.ts';
import type { ControlRecord } from '../../core/store.ts';
import { ITEM } from '../../core/wire/layout.ts';
import { EventBatchReader } from '../../core/wire/reader.ts';
import type { ControlNumbers } from '../../store/redis/control.ts';

const PARTITIONS = 3;
const NO_LOGGER = { debug() {}, info() {}, warn() {}, error() {} };

/** What consoles share: the topics, and the numbers as Redis keeps them. */
function shared() {
  const topics = new Map<string, LogMessage[]>();
  const followers: ((messages: readonly ReceivedMessage[]) => void)[] = [];
  let writer: string | undefined;
  let kept = { sequence: 0, record: '', pending: false };
  const numbers: ControlNumbers = {
    async begin(id) {
      if (writer !== undefined && writer !== id) return false;
      writer = id;
      return true;
    },
    pending: async () => (kept.pending ? kept : undefined),
    async take(id, floor, record) {
      if (writer !== id) return undefined;
      kept = { sequence: Math.max(kept.sequence, floor) + 1, record, pending: true };
      return kept.sequence;
    },
    async end(id, sent) {
      if (sent === kept.sequence) kept.pending = false;
      if (writer === id) writer = undefined;
    },
    trouble: () => undefined,
    close() {},
  };
  /** A console; `sends` messages reach their topics, then the brokers are away. */
  const open = (sends = Number.POSITIVE_INFINITY): ControlLog => {
    let left = sends;
    return new ControlLog({
      numbers: async () => numbers,
      producer: {
        async send(topic, partition, messages) {
          if (left-- <= 0) throw new Error('the brokers are away');
          const name = `${topic}/${partition}`;
          topics.set(name, [...(topics.get(name) ?? []), ...messages]);
          const received = messages.map((message) => ({ ...message, offset: 0, timestamp: 0 }));
          if (topic === 'control') for (const hear of followers) hear(received);
        },
        close: async () => {},
      },
      topics: { events: 'events', control: 'control' },
      partitions: PARTITIONS,
      logger: NO_LOGGER,
      follow(apply) {
        followers.push(apply);
        const said = topics.get('control/0') ?? [];
        apply(said.map((message, offset) => ({ ...message, offset, timestamp: 0 })));
        return {
          seek() {},
          caughtUp: Promise.resolve(),
          trouble: () => undefined,
          failed: new Promise(() => {}),
          close: async () => {},
        };
      },
    });
  };
  return {
    open,
    arrived: (partition: number) => recordsIn(topics.get(`events/${partition}`)),
    forget() {
      kept = { sequence: 0, record: '', pending: false };
    },
  };
}

function recordsIn(messages: readonly LogMessage[] = []): string[] {
  const reader = new EventBatchReader();
  return messages.map(({ value }) => {
    reader.open(value);
    assert.equal(reader.next(), ITEM.control);
    const record = recordOf(reader.control)!;
    return `${record.sequence} ${idIn(record)}`;
  });
}

function idIn({ body }: ControlRecord): string {
  return String(body['id'] ?? (body['rule'] as { id: string }).id);
}

function adding(id: string): Omit<ControlRecord, 'sequence'> {
  const rule = { id, kind: 'silence', fromAt: 1, untilAt: null, by: 'ann', reason: 'known' };
  return { at: 5, kind: 'silence', body: { change: 'add', rule } };
}

function removing(id: string): Omit<ControlRecord, 'sequence'> {
  return { at: 6, kind: 'silence', body: { change: 'remove', id, by: 'ann', reason: 'over' } };
}

const idsOf = async (log: ControlLog) => (await log.rules()).map(({ id }) => id);

test('said at several consoles at once: numbered by one sequence, in the same order everywhere', async () => {
  const { open, arrived } = shared();
  const [first, second] = [open(), open()];
  await Promise.all(
    ['a', 'b', 'c', 'd'].map((id, i) => (i % 2 === 0 ? first : second).say(adding(id))),
  );
  await second.say(removing('a'));
  assert.deepEqual(
    arrived(0).map((text) => text.split(' ')[0]),
    ['1', '2', '3', '4', '5'],
  );
  assert.deepEqual([arrived(1), arrived(2)], [arrived(0), arrived(0)]);
  for (const log of [first, second, open()]) {
    assert.deepEqual((await idsOf(log)).sort(), ['b', 'c', 'd']);
  }
  for (const log of [first, second]) await log.close();
});

test('what reached some partitions only is sent to all, under its number, before the next', async () => {
  const { open, arrived } = shared();
  // One of three partitions, then nothing any more.
  const failing = open(1);
  await assert.rejects(failing.say(adding('a')), /brokers are away/);
  const next = open();
  await next.say(adding('b'));
  for (const partition of [1, 2]) assert.deepEqual(arrived(partition), ['1 a', '2 b']);
  assert.deepEqual([...new Set(arrived(0))], ['1 a', '2 b']);
  assert.deepEqual(await idsOf(next), ['a', 'b']);
  for (const log of [failing, next]) await log.close();
});

test('numbers go on above those in the topic, should Redis have lost its own', async () => {
  const { open, arrived, forget } = shared();
  const log = open();
  await log.say(adding('a'));
  await log.say(adding('b'));
  forget();
  await log.say(adding('c'));
  assert.deepEqual(arrived(0), ['1 a', '2 b', '3 c']);
  await log.close();
});
