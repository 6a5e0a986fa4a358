/**
 * wire.ts FILE [PARTITIONS [SIZES]]: the codec of topic PREFIX.events over a log in Keyhound's own format
 * (`npm run traffic -- --format keyhound`), beside JSON.parse of its lines. One line per size of a batch.
 */
import fs from 'node:fs';
import { zstdCompressSync } from 'node:zlib';
import { type ApiEvent, copyEvent, createEvent, keyGroupOf } from '../../core/event.ts';
import { REJECTION } from '../../core/format.ts';
import { createDraft } from '../../core/record.ts';
import { ITEM, type WireStream } from '../../core/wire/layout.ts';
import { EventBatchReader } from '../../core/wire/reader.ts';
import { EventBatchWriter } from '../../core/wire/writer.ts';
import type { SourceTraits } from '../../enrich/contract.ts';
import { createEnricher } from '../../enrich/enricher.ts';
import { openGeography } from '../../enrich/geography.ts';
import { pepperKey } from '../../enrich/pepper.ts';
import { keyhound } from '../../ingest/formats/keyhound.ts';
import { now } from './engine.ts';

const [file = '', partitions = '16'] = process.argv.slice(2);
const ROUNDS = 5;
/** One compression costs far more to begin than a small batch to compress. */
const ZSTD_BATCHES = 20;
const STREAM: WireStream = {
  name: 'access.log#7f3a9c01',
  source: 'access-log',
  latenessMs: keyhound.latenessMs,
  state: 'live',
  latestAt: 0,
};

function eventsOf(text: Buffer): ApiEvent[] {
  const decoder = keyhound.createDecoder({});
  const enricher = createEnricher({
    geography: openGeography(),
    pepper: pepperKey('bench only, never a secret'),
  });
  const rest = { key: undefined, keyField: false, identity: undefined, environment: undefined };
  const traits: SourceTraits = {
    ...rest,
    name: 'access-log',
    format: keyhound,
    trust: 'act',
    keyNames: [],
  };
  const draft = createDraft();
  const events: ApiEvent[] = [];
  for (let start = 0, end = 0; start < text.length; start = end + 1) {
    end = text.indexOf(10, start);
    if (end < 0) break;
    const event = createEvent();
    if (decoder.decode(text, start, end, draft) !== REJECTION.ok) continue;
    if (enricher.resolve(draft, traits, event) !== REJECTION.ok) continue;
    event.position = start;
    events.push(event);
  }
  return events;
}

/** Best of some rounds, ns an event: the machine has other work, too. */
function measure(count: number, run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const begin = now();
    run();
    best = Math.min(best, now() - begin);
  }
  return Math.round((best * 1e9) / count);
}

function batchesOf(events: readonly ApiEvent[], size: number): Uint8Array[] {
  const writers = Array.from({ length: Number(partitions) }, () => new EventBatchWriter());
  const batches: Uint8Array[] = [];
  const add = (writer: EventBatchWriter) => {
    const batch = writer.take();
    if (batch !== undefined) batches.push(batch);
  };
  for (const event of events) {
    const writer = writers[keyGroupOf(event.key) % writers.length]!;
    writer.addEvent(event, STREAM, Math.floor(event.at / 1000));
    STREAM.latestAt = event.at;
    if (writer.events >= size) add(writer);
  }
  for (const writer of writers) add(writer);
  return batches;
}

const text = fs.readFileSync(file);
const events = eventsOf(text);
const count = events.length;
const lines = text.toString('utf8').split('\n').slice(0, count);
let sum = 0;
const jsonNs = measure(count, () => {
  for (const line of lines) sum += (JSON.parse(line) as { status: number }).status;
});
for (const size of (process.argv[4] ?? '16,100,500,2000').split(',').map(Number)) {
  const batches = batchesOf(events, size);
  const bytes = batches.reduce((total, batch) => total + batch.length, 0);
  const some = batches.slice(0, ZSTD_BATCHES);
  const whole = some.reduce((total, batch) => total + batch.length, 0);
  const packed = some.reduce((total, batch) => total + zstdCompressSync(batch).length, 0);
  const reader = new EventBatchReader();
  const copy = createEvent();
  const result = {
    events: count,
    batch: size,
    bytesAnEvent: Math.round((10 * bytes) / count) / 10,
    zstdRatio: Math.round((100 * packed) / whole) / 100,
    jsonBytesAnEvent: Math.round(text.length / count),
    encodeNs: measure(count, () => batchesOf(events, size)),
    decodeNs: measure(count, () => {
      for (const batch of batches) {
        reader.open(batch);
        while (reader.next() === ITEM.event) sum += reader.event.status;
      }
    }),
    copyNs: measure(count, () => {
      for (const event of events) copyEvent(event, copy);
    }),
    jsonParseNs: jsonNs,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
process.stderr.write(sum > 0 ? '' : 'nothing was read\n');
