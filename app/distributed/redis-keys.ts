/**
 * Keys out of the state in Redis: their records are restored into an engine that is thrown away, so that the console
 * tells of them what a single process would. As of the last checkpoint, and bounded: never more records at once than
 * are asked for.
 */
import type { Config } from '../../core/config.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import { KEY_GROUPS } from '../../core/event.ts';
import type { LoadedState, ResultStore, SubjectRow } from '../../core/store.ts';
import type { Coverage, KeyState } from '../../detectors/engine/contract.ts';
import { createEngine, type DetectionEngine } from '../../detectors/engine/engine.ts';
import { keyStates } from '../../detectors/engine/key-states.ts';
import type { PlacedPart } from '../../detectors/engine/layout.ts';
import { savedIdentity } from '../../enrich/digest.ts';
import type { StateReader } from '../../store/redis/reader.ts';
import type { KeyFilter } from '../contract.ts';
import type { KeySource } from '../key-data.ts';

export interface RestoreOptions {
  readonly directory: KeyDirectory;
  readonly detectors: Config['detectors'];
  readonly partitions: number;
  state(): Promise<StateReader>;
}

export interface RedisKeyOptions extends RestoreOptions {
  readonly coverage: Coverage;
  results(): ResultStore;
}

export function redisKeySource(options: RedisKeyOptions): KeySource {
  const { directory } = options;
  return {
    directory,
    async states(filter) {
      const rows = await firstRows(filter, options);
      const states = await statesOf(rows, options);
      return states.slice(0, filter.limit);
    },
    async state(id) {
      const row = await rowOf(id, await options.state());
      return row === undefined ? undefined : (await statesOf([row], options))[0];
    },
    async someIds(limit) {
      const ids: string[] = [];
      const state = await options.state();
      for (let group = 0; group < KEY_GROUPS && ids.length < limit; group++) {
        for await (const rows of state.subjects(group)) {
          ids.push(...rows.map(({ id }) => id));
          if (ids.length >= limit) break;
        }
      }
      return ids;
    },
    usage: (keyId, sinceAt) => options.results().usage(digestOf(keyId), sinceAt),
    // The raw key stays where it was typed: the API hears hashes only.
    identify: () => undefined,
    // Each ingest process has the bindings that it has seen.
    credentialOf: () => undefined,
  };
}

/** 16 bytes, as a subject's row is found by. */
function digestOf(id: string): Uint8Array {
  const { digest0, digest1, digest2, digest3 } = savedIdentity(id);
  const bytes = Buffer.alloc(16);
  for (const [i, word] of [digest0, digest1, digest2, digest3].entries())
    bytes.writeInt32LE(word, 4 * i);
  return bytes;
}

/** Undefined where detection has no record of the key. */
export async function rowOf(id: string, state: StateReader): Promise<SubjectRow | undefined> {
  const group = savedIdentity(id).digest0 & (KEY_GROUPS - 1);
  const row = await state.subject(group, digestOf(id));
  return row?.id === id ? row : undefined;
}

/** The first by id of those that pass. Reads all, and keeps twice as many as are asked for at the most. */
async function firstRows(filter: KeyFilter, options: RedisKeyOptions): Promise<SubjectRow[]> {
  const state = await options.state();
  let kept: SubjectRow[] = [];
  for (let partition = 0; partition < options.partitions; partition++) {
    const lastAt = lastAtIn(await layoutOf(state, partition));
    for (let group = partition; group < KEY_GROUPS; group += options.partitions) {
      for await (const rows of state.subjects(group)) {
        kept.push(...rows.filter((row) => passes(row, filter, lastAt, options.directory)));
        if (kept.length > 2 * filter.limit) kept = firstOf(kept, filter.limit);
      }
    }
  }
  return firstOf(kept, filter.limit);
}

function firstOf(rows: readonly SubjectRow[], limit: number): SubjectRow[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit);
}

function passes(
  row: SubjectRow,
  { prefix = '', consumer, sinceAt }: KeyFilter,
  lastAt: (record: Uint8Array) => number,
  directory: KeyDirectory,
): boolean {
  if (!row.id.startsWith(prefix)) return false;
  if (sinceAt !== undefined && lastAt(row.record) < sinceAt) return false;
  if (consumer === undefined) return true;
  const declared = directory.declared(row.id, row.consumer)?.entry?.consumer;
  return (declared ?? row.consumer) === consumer;
}

async function layoutOf(state: StateReader, partition: number): Promise<readonly PlacedPart[]> {
  const { layout = [] } = await state.meta(partition, ['layout']);
  return layout as readonly PlacedPart[];
}

/** Answers a function that reads when a key was used last from a record as it was saved. */
function lastAtIn(layout: readonly PlacedPart[]): (record: Uint8Array) => number {
  const own = layout.find(({ id }) => id === 'subject')?.fields ?? [];
  const field = own.find(({ name }) => name === 'lastAt');
  if (field === undefined) return () => Number.NEGATIVE_INFINITY;
  return (record) =>
    new DataView(record.buffer, record.byteOffset, record.length).getFloat64(field.offset, true);
}

async function statesOf(
  rows: readonly SubjectRow[],
  options: RedisKeyOptions,
): Promise<readonly KeyState[]> {
  const limit = Number.POSITIVE_INFINITY;
  const found: KeyState[] = [];
  for await (const { engine } of enginesOf(rows, options))
    found.push(...keyStates(engine, { limit }, options.coverage));
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Records as they lie in Redis, in engines to be thrown away; of a partition each, which has one layout. */
export async function* enginesOf(
  rows: readonly SubjectRow[],
  options: RestoreOptions,
): AsyncIterable<{ readonly engine: DetectionEngine; readonly rows: readonly SubjectRow[] }> {
  const state = await options.state();
  const byPartition = new Map<number, SubjectRow[]>();
  for (const row of rows) {
    const partition = row.group % options.partitions;
    const others = byPartition.get(partition);
    if (others === undefined) byPartition.set(partition, [row]);
    else others.push(row);
  }
  for (const [partition, own] of byPartition) {
    const meta = await state.meta(partition, ['layout', 'sources', 'firstAt', 'lastAt', 'lineage']);
    const loaded: LoadedState = {
      meta: { ...meta, ahead: {}, watermark: null, attempts: {} },
      streams: [],
      groups: [],
      subjects: own,
      open: [],
    };
    yield { engine: restored(loaded, options), rows: own };
  }
}

function restored(state: LoadedState, options: RestoreOptions): DetectionEngine {
  const engine = createEngine({
    subjectsMax: KEY_GROUPS,
    detectors: options.detectors,
    directory: options.directory,
    geographyVersion: '',
    durable: false,
    onFinding: () => {},
    onIncident: () => {},
  });
  engine.restore(state);
  return engine;
}
