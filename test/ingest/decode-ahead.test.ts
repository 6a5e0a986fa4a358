import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { copyEvent, createEvent } from '../../core/event.ts';
import type { Enricher } from '../../enrich/contract.ts';
import { formatById } from '../../ingest/formats/list.ts';
import { createCounters, EventReader } from '../../ingest/reader.ts';
import { createStreamSource } from '../../ingest/sources/stream.ts';
import { enricher } from '../enrich/fakes.ts';
import { never, toyReader } from './toy.ts';

const AT = Date.parse('2026-03-01T10:00:00Z');

/** Plain records, some with escapes (their text lies in the decoder's own buffer), some broken, some blank. */
function line(i: number): string {
  if (i % 23 === 5) return '{"at":';
  if (i % 29 === 6) return '   ';
  const path = i % 4 === 1 ? `/a\\u002fb/${i}?q=\\"${i}` : `/a/${i % 9}`;
  const agent = i % 6 === 2 ? `curl\\/8.${i % 3}` : 'axios/1.7';
  const place =
    i % 7 === 3 ? `,"place":{"country":"${i % 2 === 0 ? 'DE' : 'FR'}","city":"C${i}"}` : '';
  return (
    `{"at":${AT + i * 1000},"keyId":"key${i % 3 === 0 ? '\\u002d' : '-'}${i % 5}","clientIp":"10.0.0.${i % 11}",` +
    `"method":"GET","path":"${path}","userAgent":"${agent}","status":200${place}}`
  );
}

async function read(ahead: number, text: string) {
  const format = formatById('keyhound');
  const input = new PassThrough();
  input.end(text);
  const source = createStreamSource({ name: 's', framing: format.framing, input });
  const { options, deadLetters } = toyReader(source, format);
  const counters = createCounters();
  const looked: number[] = [];
  const by = enricher();
  const watched: Enricher = {
    resolve: (draft, traits, event) => by.resolve(draft, traits, event),
    ahead: (drafts, count, traits) => looked.push(count) + by.ahead(drafts, count, traits),
    flawed: by.flawed,
    geographyVersion: by.geographyVersion,
  };
  const reader = new EventReader({ ...options, enricher: watched, counters, ahead });
  const events = [];
  while (await reader.fill(never)) {
    while (reader.next()) {
      const event = createEvent();
      copyEvent(reader.event, event);
      events.push(event);
    }
  }
  return { events, counters, letters: deadLetters.drain(), looked };
}

test('what is decoded ahead comes out as one by one, also where text lies in the buffers of the decoder', async () => {
  const text = Array.from({ length: 500 }, (_, i) => line(i)).join('\n');
  const one = await read(1, text);
  assert.equal(one.looked.length, 0);
  for (const ahead of [2, 7, 32]) {
    const many = await read(ahead, text);
    assert.deepEqual(many.events, one.events);
    assert.deepEqual(many.counters, one.counters);
    assert.deepEqual(many.letters, one.letters);
    assert.ok(many.looked.includes(2));
  }
  assert.ok(one.events.some(({ place }) => place.city === 'C3'));
  assert.equal(one.letters.length, 10);
});
