/**
 * Another consumer of the topic: protobufjs and the documentation in events.proto, written down as plainly as it
 * reads, and none of our codec.
 */
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { type ApiEvent, createEvent, type Place } from '../../../core/event.ts';
import type { SourceState } from '../../../core/source.ts';
import type { AnyBatch, AnyItem } from './any-batch.ts';

export const SCHEMA = readFileSync(
  new URL('../../../core/wire/events.proto', import.meta.url),
  'utf8',
);

export function schemaType(schema: string, name = 'EventBatch'): protobuf.Type {
  return protobuf.parse(schema, { keepCase: true }).root.lookupType(`keyhound.events.v1.${name}`);
}

/** Numbers of 64 bits come as text. */
type Columns = Readonly<Record<string, readonly (number | string)[]>>;
interface Named {
  readonly code: number;
}
interface Batch {
  readonly streams: readonly { name: string; source: string; lateness_ms: number }[];
  readonly keys: readonly { digest: Uint8Array; id: string }[];
  readonly places: readonly (Pick<
    Place,
    'country' | 'region' | 'city' | 'latitude' | 'longitude'
  > & {
    radius_km: number;
    time_zone: string;
    asn: string;
    country_code: number;
    region_code: number;
    kind: number;
  })[];
  readonly routes: readonly (Named & { template: string })[];
  readonly clients: readonly (Named & { name: string })[];
  readonly networks: readonly (Named & { id: string })[];
  readonly strings: readonly string[];
  readonly stream_latest_at: readonly number[];
  readonly stream_states: readonly number[];
  readonly events: Columns | null;
  readonly attempts: Columns | null;
  readonly controls: readonly { sequence: string; body: Uint8Array }[];
  readonly order: readonly number[];
}

const STATES = ['', 'starting', 'live', 'silent', 'ended', 'failed'] as const;
const KINDS = ['unknown', 'public', 'private'] as const;

const TYPE = schemaType(SCHEMA);

export function readBySchema(bytes: Uint8Array): AnyBatch {
  const options = { defaults: true, arrays: true, longs: String };
  const batch = TYPE.toObject(TYPE.decode(bytes), options) as Batch;
  const tables = [
    events(batch),
    attempts(batch),
    batch.controls.map(
      ({ sequence, body }): AnyItem => ({
        kind: 'control',
        control: { sequence: Number(sequence), body: new Uint8Array(body) },
      }),
    ),
  ];
  const items: AnyItem[] = [];
  for (const run of batch.order) items.push(...tables[run % 4]!.splice(0, Math.floor(run / 4)));
  const streams = batch.streams.map(({ name, source, lateness_ms }, i) => ({
    name,
    source,
    latenessMs: lateness_ms,
    state: STATES[batch.stream_states[i]!] as SourceState,
    latestAt: batch.stream_latest_at[i]!,
  }));
  return { streams, items };
}

function entry(columns: Columns, name: string, i: number): number {
  return Number(columns[name]![i] ?? 0);
}

/** Streams, positions and seconds of a table. */
function* places(columns: Columns) {
  const positions: Record<number, number> = {};
  const seconds: Record<number, number> = {};
  for (let i = 0; i < columns['at']!.length; i++) {
    const stream = entry(columns, 'stream', i);
    const position = (positions[stream] ?? 0) + entry(columns, 'position', i);
    const second = (seconds[stream] ?? 0) + entry(columns, 'latest_second', i);
    positions[stream] = position;
    seconds[stream] = second;
    const isFirst = (entry(columns, 'flags', i) & 128) !== 0;
    const latestSecond = isFirst ? Number.NEGATIVE_INFINITY : second;
    yield { i, place: { stream: stream - 1, position }, latestSecond };
  }
}

function events(batch: Batch): AnyItem[] {
  const columns = batch.events;
  if (columns === null) return [];
  const items: AnyItem[] = [];
  for (const { i, place, latestSecond } of places(columns)) {
    const column = (name: string) => entry(columns, name, i);
    const flags = column('flags');
    const fingerprint = BigInt(columns['fingerprint']![i] ?? 0);
    const event: ApiEvent = {
      ...createEvent(),
      ...place,
      ...partsOf(batch, column),
      at: column('at'),
      attested: (flags & 1) !== 0,
      mayAct: (flags & 2) !== 0,
      fromBrowser: (flags & 4) !== 0,
      auth: ((flags >> 3) & 3) as ApiEvent['auth'],
      limitedBy: ((flags >> 5) & 3) as ApiEvent['limitedBy'],
      status: column('status'),
      durationMs: column('duration_ms'),
      bytesIn: column('bytes_in') - 1,
      bytesOut: column('bytes_out') - 1,
      resource: column('resource'),
      resourceNumber: column('resource_number') - 1,
      scopeBreaches: column('scope_breaches'),
      fingerprint0: Number(BigInt.asUintN(32, fingerprint)),
      fingerprint1: Number(fingerprint >> 32n),
    };
    columns['exact_field']!.forEach((field, j) => {
      if (entry(columns, 'exact_event', j) !== i) return;
      const name = ['', 'status', 'bytesIn', 'bytesOut', 'resourceNumber'][Number(field)]!;
      Object.assign(event, { [name]: entry(columns, 'exact_value', j) });
    });
    items.push({ kind: 'event', event, latestSecond });
  }
  return items;
}

function partsOf(batch: Batch, column: (name: string) => number): Partial<ApiEvent> {
  const parts: Partial<ApiEvent> = {
    method: batch.strings[column('method') - 1] ?? '',
    consumer: batch.strings[column('consumer') - 1] ?? '',
    environment: batch.strings[column('environment') - 1] ?? '',
  };
  const network = batch.networks[column('network') - 1];
  if (network !== undefined) Object.assign(parts, { network: network.code, networkId: network.id });
  const key = batch.keys[column('key') - 1];
  if (key !== undefined) {
    const digest = new DataView(Uint8Array.from(key.digest).buffer);
    const word = (i: number) => digest.getInt32(4 * i);
    const words = { digest0: word(0), digest1: word(1), digest2: word(2), digest3: word(3) };
    parts.key = { id: key.id, ...words };
  }
  const place = batch.places[column('place') - 1];
  if (place !== undefined) {
    const { radius_km, time_zone, country_code, region_code, kind, asn, ...rest } = place;
    parts.place = {
      ...rest,
      asn: Number(asn),
      radiusKm: radius_km,
      timeZone: time_zone,
      countryCode: country_code,
      regionCode: region_code,
      kind: KINDS[kind]!,
    };
  }
  const route = batch.routes[column('route') - 1];
  if (route !== undefined) parts.route = { ...route };
  const client = batch.clients[column('client') - 1];
  if (client !== undefined) parts.client = { ...client };
  return parts;
}

function attempts(batch: Batch): AnyItem[] {
  const columns = batch.attempts;
  if (columns === null) return [];
  const items: AnyItem[] = [];
  for (const { i, place, latestSecond } of places(columns)) {
    const network = batch.networks[entry(columns, 'network', i) - 1];
    const attempt = {
      ...place,
      at: entry(columns, 'at', i),
      network: network?.code ?? 0,
      networkId: network?.id ?? '',
      member: entry(columns, 'member', i),
      failed: (entry(columns, 'flags', i) & 1) !== 0,
      consumer: batch.strings[entry(columns, 'consumer', i) - 1] ?? '',
    };
    items.push({ kind: 'attempt', attempt, latestSecond });
  }
  return items;
}
