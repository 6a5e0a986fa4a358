/** What engines tell each other by way of a topic: how it gets there, and who hears it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ExchangeEar, ExchangeFeed } from '../../../app/distributed/exchange-feed.ts';
import { ExchangeTeller } from '../../../app/distributed/exchange-teller.ts';
import type { LogMessage, ReceivedMessage } from '../../../core/broker.ts';
import type { Report } from '../../../detectors/engine/exchange.ts';

/** A producer whose requests end when the test says so. */
function requests() {
  const sent: { readonly reports: Report[][]; end(error?: Error): void }[] = [];
  const send = (messages: readonly LogMessage[]) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const reports = messages.map(({ value }) => JSON.parse(Buffer.from(value).toString()));
    sent.push({ reports, end: (error) => (error === undefined ? resolve() : reject(error)) });
    return promise;
  };
  return { sent, teller: new ExchangeTeller(send) };
}

const turn = () => new Promise(setImmediate);
const quiet = (shard: number, upTo: number): Report => ({ shard, upTo, spans: [] });

test('what shards tell in one turn is one message, and what one shard tells meanwhile one report', async () => {
  const { sent, teller } = requests();
  teller.tell(quiet(0, 5000));
  teller.tell({ shard: 1, upTo: 5000, spans: [{ at: 5000, active: [['a', 1]] }] });
  await turn();
  teller.tell({ shard: 1, upTo: 15_000, spans: [{ at: 10_000 }, { at: 15_000 }] });
  teller.tell({ shard: 1, upTo: 20_000, spans: [{ at: 20_000 }] });
  const settled = teller.settle();
  assert.equal(sent.length, 1);
  assert.deepEqual(sent[0]!.reports, [
    [quiet(0, 5000), { shard: 1, upTo: 5000, spans: [{ at: 5000, active: [['a', 1]] }] }],
  ]);
  sent[0]!.end();
  await turn();
  await turn();
  const spans = [{ at: 10_000 }, { at: 15_000 }, { at: 20_000 }];
  assert.deepEqual(sent[1]!.reports, [[{ shard: 1, upTo: 20_000, spans }]]);
  let isSettled = false;
  void settled.then(() => {
    isSettled = true;
  });
  await turn();
  assert.equal(isSettled, false);
  sent[1]!.end();
  await settled;
});

test('a failure to tell is a failure to settle, then and later', async () => {
  const { sent, teller } = requests();
  teller.tell(quiet(0, 5000));
  await turn();
  sent[0]!.end(new Error('brokers are away'));
  await assert.rejects(teller.settle(), /away/);
  await assert.rejects(teller.settle(), /away/);
});

test('a message of reports stays small, but for one report that is not', async () => {
  const { sent, teller } = requests();
  const large = (shard: number): Report => {
    const words = Array.from({ length: 4000 }, (_, i) => [`/v1/parent-${i}`, 'AAAA'] as const);
    return { shard, upTo: 5000, spans: [{ at: 5000, words }] };
  };
  for (const shard of [0, 1]) teller.tell(large(shard));
  for (const shard of [2, 3]) teller.tell(quiet(shard, 5000));
  await turn();
  const shards = sent[0]!.reports.map((reports) => reports.map(({ shard }) => shard));
  assert.deepEqual(shards, [[0], [1], [2, 3]]);
});

interface Heard extends ExchangeEar {
  readonly reports: Report[];
}

function ear(heardTo: number): Heard {
  const reports: Report[] = [];
  return { heardTo, reports, hear: (told) => reports.push(...told) };
}

/** A topic that the test delivers of. */
function feedOf() {
  let deliver: (messages: readonly ReceivedMessage[]) => void = () => {};
  const seeks: number[] = [];
  const missed: number[] = [];
  const feed = new ExchangeFeed(
    (_from, onMessages) => {
      deliver = onMessages;
      return {
        caughtUp: Promise.resolve(),
        failed: new Promise(() => {}),
        trouble: () => undefined,
        seek: (offset: number) => void seeks.push(offset),
        close: async () => {},
      };
    },
    (messages) => void missed.push(messages),
  );
  const message = (offset: number, value: unknown): ReceivedMessage => {
    return { offset, key: null, value: Buffer.from(JSON.stringify(value)), timestamp: 0 };
  };
  return {
    feed,
    missed,
    seeks,
    deliver: (messages: readonly ReceivedMessage[]) => deliver(messages),
    message,
  };
}

test('reports that were deleted before they were heard are told, and the rest is heard', () => {
  const { feed, missed, deliver, message } = feedOf();
  const late = ear(0);
  feed.add(late);
  deliver([message(3, [quiet(0, 5000)])]);
  assert.deepEqual(missed, [3]);
  assert.deepEqual(late.reports, [quiet(0, 5000)]);
});

test('every ear hears each report once, and one that comes later from where it is', () => {
  const { feed, seeks, deliver, message } = feedOf();
  const first = ear(0);
  feed.add(first);
  deliver([message(0, [quiet(0, 5000), quiet(1, 5000)]), message(1, [quiet(0, 10_000)])]);
  const second = ear(1);
  feed.add(second);
  assert.deepEqual(seeks, [1]);
  deliver([message(1, [quiet(0, 10_000)]), message(2, [quiet(1, 10_000)])]);
  assert.deepEqual(first.reports, [
    quiet(0, 5000),
    quiet(1, 5000),
    quiet(0, 10_000),
    quiet(1, 10_000),
  ]);
  assert.deepEqual(second.reports, [quiet(0, 10_000), quiet(1, 10_000)]);
  assert.deepEqual([first.heardTo, second.heardTo], [3, 3]);
});

test('what is no list of reports is counted and passed', () => {
  const { feed, deliver, message } = feedOf();
  const one = ear(0);
  feed.add(one);
  deliver([message(0, { shard: 0 }), message(1, [quiet(0, 5000)])]);
  assert.equal(feed.damaged, 1);
  assert.deepEqual(one.reports, [quiet(0, 5000)]);
});

test('all who wait are woken by the next reports', async () => {
  const { feed, deliver, message } = feedOf();
  feed.add(ear(0));
  const waiting = [feed.wait(1e6), feed.wait(1e6)];
  deliver([message(0, [quiet(0, 5000)])]);
  await Promise.all(waiting);
});
