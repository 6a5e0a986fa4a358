/**
 * Records a second through enrichment alone, on cache hits and on misses, for drafts as a Kong log gives
 * them. Run: node bench/enrich.ts
 */
import { performance } from 'node:perf_hooks';
import { createEvent } from '../core/event.ts';
import type { Format } from '../core/format.ts';
import {
  AUTH,
  createDraft,
  FIELD,
  FIELD_COUNT,
  type FieldName,
  type RecordDraft,
  resetDraft,
} from '../core/record.ts';
import type { SourceTraits } from '../enrich/contract.ts';
import { createEnricher } from '../enrich/enricher.ts';
import { openGeography } from '../enrich/geography.ts';
import { pepperKey } from '../enrich/pepper.ts';

const FORMAT: Format = {
  id: 'kong',
  summary: '',
  framing: 'lines',
  gateway: 'kong',
  identity: 'attested',
  latenessMs: 60_000,
  requestId: 'gateway',
  createDecoder: () => ({ decode: () => 0 }),
  recognise: () => ({ confidence: 0, why: '' }),
};
const TRAITS: SourceTraits = {
  name: 'bench',
  format: FORMAT,
  key: undefined,
  keyField: false,
  identity: undefined,
  trust: 'act',
  environment: undefined,
  keyNames: ['apikey', 'x-api-key', 'api_key', 'api-key'],
};
const WINDOWS = 8;
const geography = openGeography();
const AGENTS = ['curl/8.6.0', 'python-requests/2.32.0', 'Go-http-client/2.0', 'okhttp/4.12.0'];

type Texts = Partial<Record<FieldName, string>>;

/** Records as a decoder leaves them: ranges into one buffer of a batch, read through one reused draft. */
interface Batch {
  readonly bytes: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly count: number;
}

function batchOf(records: readonly Texts[]): Batch {
  const parts: Buffer[] = [];
  const starts = new Int32Array(records.length * FIELD_COUNT).fill(-1);
  const ends = new Int32Array(records.length * FIELD_COUNT);
  let from = 0;
  records.forEach((texts, i) => {
    for (const [name, text] of Object.entries(texts)) {
      const part = Buffer.from(text);
      parts.push(part);
      const at = i * FIELD_COUNT + FIELD[name as FieldName];
      starts[at] = from;
      from += part.length;
      ends[at] = from;
    }
  });
  return { bytes: new Uint8Array(Buffer.concat(parts)), starts, ends, count: records.length };
}

/** What a decoder does to the draft, at the least. */
function load(batch: Batch, i: number, draft: RecordDraft): void {
  const from = i * FIELD_COUNT;
  for (let field = 0; field < FIELD_COUNT; field++) {
    draft.start[field] = batch.starts[from + field]!;
    draft.end[field] = batch.ends[from + field]!;
  }
  draft.at = 1_772_000_000_000 + i;
}

function hex(value: number, length: number): string {
  return Math.imul(value + 1, 0x9e3779b1)
    .toString(16)
    .replace('-', 'f')
    .padStart(length, '0');
}

/** One draft of key number `key`; `i` varies what varies between requests of a key. */
function kong(key: number, i: number): Texts {
  return {
    credentialId: `${hex(key, 8)}-5e65-4e65-b91b-${hex(key, 12)}`,
    rawKey: `kx_live_${hex(key, 8)}${hex(key + 7, 24)}`,
    consumer: `consumer-${key % 500}`,
    clientAddress: `${11 + (key % 180)}.${key % 250}.${(key >> 3) % 250}.${(i >> 4) % 2}`,
    method: i % 5 === 0 ? 'POST' : 'GET',
    target: `/v1/orders/${1000 + (i % 9000)}/items?limit=10`,
    userAgent: AGENTS[key % AGENTS.length]!,
    requestId: hex(i, 32),
  };
}

function batch(keys: number, count: number, texts = kong): Batch {
  return batchOf(Array.from({ length: count }, (_, i) => texts(i % keys, i)));
}

function withoutCredential(key: number, i: number): Texts {
  const { credentialId: _, ...texts } = kong(key, i);
  return texts;
}

/** CPU time of one record, ns, over at least a quarter of a second. */
function nsEach(pass: () => void, count: number): number {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  let records = 0;
  while (performance.now() - startedAt < 250) {
    pass();
    records += count;
  }
  const { user, system } = process.cpuUsage(cpu);
  return ((user + system) * 1000) / records;
}

/** The best of several windows: the machine's other work only ever slows one down. */
function best(pass: () => void, count: number): number {
  let each = Number.POSITIVE_INFINITY;
  for (let window = 0; window < WINDOWS; window++) each = Math.min(each, nsEach(pass, count));
  return each;
}

function measure(name: string, made: Batch): void {
  const enricher = createEnricher({ pepper: pepperKey('a pepper for benchmarks'), geography });
  const event = createEvent();
  const draft = createDraft();
  resetDraft(draft, made.bytes);
  Object.assign(draft, { auth: AUTH.ok, status: 200, durationMs: 12, bytesOut: 900 });
  const pass = () => {
    for (let i = 0; i < made.count; i++) {
      load(made, i, draft);
      enricher.resolve(draft, TRAITS, event);
    }
  };
  for (let warmed = 0; warmed < 200_000; warmed += made.count) pass();
  const each = best(pass, made.count);
  print(name, each);
}

function print(name: string, each: number): void {
  const share = ((each / parseNs) * 100).toFixed(0).padStart(4);
  process.stdout.write(
    `${name.padEnd(40)} ${(1000 / each).toFixed(2)} M/s  ${each.toFixed(0)} ns each ${share} %\n`,
  );
}

/** What the share is of: JSON.parse of the record that such a draft comes from, 1.2 KB in Kong's form. */
const line = JSON.stringify({
  request: { ...kong(1, 1), headers: { ...kong(2, 2), cookie: 'x'.repeat(200) } },
  response: { status: 200, size: 900, headers: { ...kong(3, 3) } },
  latencies: { request: 12, kong: 1, proxy: 11 },
});
const parseNs = best(() => JSON.parse(line), 1);
print(`JSON.parse of ${line.length} bytes`, parseNs);
const address = { clientAddress: '81.2.69.142', credentialId: 'a' };
measure('nothing but credential and address', batchOf([address]));
measure('kong, 16 keys', batch(16, 1000));
measure('kong, 1 k keys', batch(1000, 20_000));
measure('kong, 1 k keys, raw key only', batch(1000, 20_000, withoutCredential));
measure('kong, 17 k keys', batch(17_000, 68_000));
measure('raw key only, 400 k keys (misses)', batch(400_000, 400_000, withoutCredential));
