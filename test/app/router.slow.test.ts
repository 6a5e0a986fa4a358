/** The ingest role holds no more than so much while no broker answers (promise 5). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventRouter } from '../../app/distributed/router.ts';
import type { LogMessage } from '../../core/broker.ts';
import { createEvent } from '../../core/event.ts';
import { createEventFiller } from '../../traffic/api-event.ts';
import { createTraffic } from '../../traffic/traffic.ts';
import { NO_DIRECTORY } from '../support/directory.ts';

/** Confirms nothing before it is told to. */
class FrozenProducer {
  heldBytes = 0;
  private waiting: (() => void)[] = [];

  send(_topic: string, _partition: number, messages: readonly LogMessage[]): Promise<void> {
    const bytes = messages.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
    this.heldBytes += bytes;
    return new Promise((resolve) => {
      this.waiting.push(() => {
        this.heldBytes -= bytes;
        resolve();
      });
    });
  }

  thaw(): void {
    for (const confirm of this.waiting.splice(0)) confirm();
  }

  async close(): Promise<void> {}
}

const PARTITIONS = 16;
/** As docs/distributed.md says, and what the batches at hand may add to it. */
const BYTES_MAX = (32 << 20) + PARTITIONS * (256 << 10);

test('with a frozen broker reading stops at 32 MiB, and goes on when it answers', async () => {
  const producer = new FrozenProducer();
  const router = new EventRouter({
    producer,
    topic: 'events',
    partitions: PARTITIONS,
    directory: NO_DIRECTORY,
    instance: 'test',
  });
  const model = createTraffic({ seed: 3, keys: 400, days: 30, rates: { min: 1, max: 2 } });
  const fill = createEventFiller();
  const event = createEvent();
  event.stream = router.openStream('log', 'log', 60_000);
  let relieved = true;
  for (const request of model.events()) {
    fill(request, event);
    event.position++;
    router.observe(event);
    if (event.position % 1000 !== 0) continue;
    const relief = router.relief();
    relieved = await Promise.race([
      relief.then(() => true),
      Promise.resolve(false).then(() => false),
    ]);
    if (!relieved) {
      assert.ok(producer.heldBytes > BYTES_MAX / 2, `${producer.heldBytes} bytes are held`);
      assert.ok(producer.heldBytes <= BYTES_MAX, `${producer.heldBytes} bytes are held`);
      producer.thaw();
      await relief;
      break;
    }
  }
  assert.equal(relieved, false, 'it had to wait');
  assert.equal(producer.heldBytes, 0);
});
