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
  identity: undefined,
  trust: 'act',
  keyNames: ['apikey', 'x-api-key', 'api_key', 'api-key'],
};
const AGENTS = ['curl/8.6.0', 'python-requests/2.32.0', 'Go-http-client/2.0', 'okhttp/4.12.0'];

type Texts = Partial<Record<FieldName, string>>;

function draftOf(texts: Texts, at: number): RecordDraft {
  const draft = createDraft();
  const parts = Object.entries(texts).map(
    ([name, text]) => [name as FieldName, Buffer.from(text)] as const,
  );
  const bytes = Buffer.concat(parts.map(([, part]) => part));
  resetDraft(draft, bytes);
  let from = 0;
  for (const [name, part] of parts) {
    draft.start[FIELD[name]] = from;
    from += part.length;
    draft.end[FIELD[name]] = from;
  }
  return Object.assign(draft, { at, auth: AUTH.ok, status: 200, durationMs: 12, bytesOut: 900 });
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
    clientAddress: `${11 + (key % 180)}.${key % 250}.${(key >> 3) % 250}.${i % 4}`,
    method: i % 5 === 0 ? 'POST' : 'GET',
    target: `/v1/orders/${1000 + (i % 9000)}/items?limit=10`,
    userAgent: AGENTS[key % AGENTS.length]!,
    requestId: hex(i, 32),
  };
}

function drafts(keys: number, count: number, texts = kong): RecordDraft[] {
  return Array.from({ length: count }, (_, i) =>
    draftOf(texts(i % keys, i), 1_772_000_000_000 + i),
  );
}

function withoutCredential(key: number, i: number): Texts {
  const { credentialId: _, ...texts } = kong(key, i);
  return texts;
}

/** Millions of records per CPU-second over at least `seconds`, after one warm pass. */
function measure(name: string, made: readonly RecordDraft[], seconds: number): void {
  const enricher = createEnricher({ pepper: pepperKey('a pepper for benchmarks'), geography });
  const event = createEvent();
  const pass = () => {
    for (const draft of made) enricher.resolve(draft, TRAITS, event);
  };
  for (let warmed = 0; warmed < 200_000; warmed += made.length) pass();
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  let records = 0;
  while (performance.now() - startedAt < seconds * 1000) {
    pass();
    records += made.length;
  }
  const { user, system } = process.cpuUsage(cpu);
  const each = ((user + system) * 1000) / records;
  process.stdout.write(
    `${name.padEnd(46)} ${(1000 / each).toFixed(2)} M/s  ${each.toFixed(0)} ns each\n`,
  );
}

const geography = openGeography();
const SECONDS = 2;
measure('kong, 1 k keys', drafts(1000, 20_000), SECONDS);
measure('kong, 1 k keys, raw key only', drafts(1000, 20_000, withoutCredential), SECONDS);
measure('kong, 17 k keys', drafts(17_000, 68_000), SECONDS);
measure('raw key only, 400 k keys (misses)', drafts(400_000, 400_000, withoutCredential), SECONDS);
const one = drafts(1, 1);
measure('one record again and again', one, SECONDS);
const addressOnly = draftOf({ clientAddress: '81.2.69.142', credentialId: 'a' }, 1);
measure('nothing but credential and address', [addressOnly], SECONDS);
