/** A client that sends the same request id with everything it does is counted with everything it does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiEvent } from '../../../core/event.ts';
import { formatById } from '../../../ingest/formats/list.ts';
import { AT, enricher, format, resolve, traits } from '../../enrich/fakes.ts';
import { openBench } from '../bench.ts';

const REQUESTS = 200;

/** What is left of so many requests of one key under one request id, as the format `id` would have it. */
function counted(id: string, stepMs: number) {
  const { requestId } = formatById(id);
  const bench = openBench();
  const by = enricher();
  const events: ApiEvent[] = [];
  for (let i = 0; i < REQUESTS; i++) {
    const { event } = resolve(
      { credentialId: 'a', requestId: 'always-this-one', target: '/v1/orders' },
      { by, numbers: { at: AT + i * stepMs }, traits: traits({ format: format({ requestId }) }) },
    );
    events.push({ ...event, stream: bench.stream, position: i });
  }
  bench.feed(events);
  const { duplicates } = bench.engine.stats();
  return { events: bench.engine.key('kong:a')?.events, duplicates };
}

test('one request id for ever hides nothing: a client’s own is no id, a gateway’s only with its time', () => {
  for (const id of ['envoy', 'json']) {
    assert.deepEqual(counted(id, 0), { events: REQUESTS, duplicates: 0 }, id);
  }
  assert.deepEqual(counted('kong', 1000), { events: REQUESTS, duplicates: 0 });
  assert.deepEqual(counted('kong', 0), { events: 1, duplicates: REQUESTS - 1 }, 'shipped twice');
});
