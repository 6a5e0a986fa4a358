/** Results as messages of their topic, and back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { documentsOf, ResultSender, resultLineOf } from '../../../app/distributed/results.ts';
import type { LogMessage } from '../../../core/broker.ts';
import type { UsageRow } from '../../../core/store.ts';

const HOUR_MS = 3_600_000;

function usageOf(keys: number, hour: number): UsageRow[] {
  return Array.from({ length: keys }, (_, i) => ({
    digest: Uint8Array.from({ length: 16 }, (_byte, at) => (i >> (at * 8)) & 0xff),
    hourAt: hour * HOUR_MS,
    ...{ requests: 1 + i, errors: i % 2, bytesIn: 3 * i, bytesOut: 0.5 + i },
  }));
}

async function sent(rows: readonly UsageRow[]): Promise<LogMessage[]> {
  const messages: LogMessage[] = [];
  const send = async (_topic: string, _partition: number, some: readonly LogMessage[]) => {
    messages.push(...some);
  };
  const sender = new ResultSender({ send, close: async () => {} }, 'results', 3);
  sender.usage(rows);
  await sender.settle();
  return messages;
}

test('usage of many keys travels together, and comes out as a document each', async () => {
  const rows = [...usageOf(700, 10), ...usageOf(2, 11)];
  const messages = await sent(rows);
  assert.equal(messages.length, 3);
  const documents = messages.flatMap(({ value }) => documentsOf(resultLineOf(value)!));
  const bodies = documents.map(({ kind, body }) => {
    assert.equal(kind, 'usage');
    const { digest, ...rest } = body as UsageRow;
    return { digest: Uint8Array.from(digest), ...rest };
  });
  assert.deepEqual(bodies, rows);
});

test('a message of usage is far from what brokers refuse', async () => {
  const most = usageOf(500, 490_000).map((row) => ({ ...row, bytesOut: Number.MAX_VALUE }));
  const [message] = await sent(most);
  assert.ok(message!.value.length < 200_000, `${message!.value.length} bytes`);
});
