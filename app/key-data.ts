/** Keys as people ask for them: by id, by label, or by the raw key itself. */
import type { KeyDirectory } from '../core/directory.ts';
import { KeyhoundError } from '../core/errors.ts';
import type { Rung } from '../core/ladder.ts';
import type { KeyLimits } from '../core/response.ts';
import type { UsageRow } from '../core/store.ts';
import { suggest } from '../core/suggest.ts';
import type { Coverage, KeyState } from '../detectors/engine/contract.ts';
import { keyStateOf, keyStates } from '../detectors/engine/key-states.ts';
import type { KeyFilter, KeyLine, KeyLookup, KeyReference } from './contract.ts';
import type { Session } from './session.ts';

const HOUR_MS = 3_600_000;
/** Usage told with a key: the last month of its life. */
const USAGE_MS = 31 * 24 * HOUR_MS;
/** Ids and labels looked through for the one that was meant. */
const CANDIDATES_MAX = 5000;
export interface KeyData {
  /** In order of id. */
  keys(filter: KeyFilter): Promise<readonly KeyLine[]>;
  key(reference: KeyReference): Promise<KeyLookup>;
  /** Hours of a key at or after an instant, oldest first; none where nothing was saved. */
  usage(keyId: string, sinceAt: number): Promise<readonly UsageRow[]>;
}

/** Where keys and their usage are. */
export interface KeySource {
  readonly directory: KeyDirectory;
  /** Keys with a record, in order of id. */
  states(filter: KeyFilter): Promise<readonly KeyState[]>;
  state(id: string): Promise<KeyState | undefined>;
  /** Some ids, for finding the one that was meant. */
  someIds(limit: number): Promise<readonly string[]>;
  usage(keyId: string, sinceAt: number): Promise<readonly UsageRow[]>;
  /** Id of a raw key; undefined where it cannot be one. */
  identify(rawKey: string): string | undefined;
  /** The gateway's credential behind the hash of a raw key, where a record has shown both. */
  credentialOf(id: string): string | undefined;
  /** What stands of the key. Left out: nothing. */
  rungOf?(id: string): Rung;
  /** Its limits at the decision endpoint. */
  limitsOf?(id: string): KeyLimits | undefined;
}

/** What the response says of a key. */
export type KeyResponse = Pick<KeySource, 'rungOf' | 'limitsOf'>;

type KeySession = Pick<Session, 'engine' | 'enricher' | 'directory' | 'store'>;

/** Of a session. `coverage`: what is known of sources and geography data while it runs. */
export function keySourceOf(
  session: KeySession,
  coverage: Coverage = {},
  response: KeyResponse = {},
): KeySource {
  const { engine, enricher, directory, store } = session;
  return {
    ...response,
    directory,
    states: async (filter) => keyStates(engine, filter, coverage),
    state: async (id) => keyStateOf(engine, id, coverage),
    someIds: async (limit) => keyStates(engine, { limit }).map(({ id }) => id),
    async usage(keyId, sinceAt) {
      // The id itself is the first of all ids that begin with it.
      const [row] = (await store?.subjects({ limit: 1, prefix: keyId })) ?? [];
      return row?.id === keyId ? store!.usage(row.digest, sinceAt) : [];
    },
    identify: (rawKey) => enricher.identify(rawKey)?.id,
    credentialOf: (id) => (id.startsWith('h:') ? enricher.aliases.find(id)?.id : undefined),
  };
}

export function createKeyData(source: KeySource): KeyData {
  const lineOf = (state: KeyState): KeyLine => ({
    type: 'key',
    ...state,
    rung: source.rungOf?.(state.id) ?? 'observe',
  });
  const { directory } = source;

  async function found(state: KeyState): Promise<KeyLookup> {
    const sinceAt = Math.floor((Date.parse(state.lastAt) - USAGE_MS) / HOUR_MS) * HOUR_MS;
    const limits = source.limitsOf?.(state.id);
    const key = { ...lineOf(state), ...(limits === undefined ? {} : { limits }) };
    return { kind: 'found', key, usage: await source.usage(state.id, sinceAt) };
  }

  async function byCredential(id: string): Promise<KeyState | undefined> {
    const credential = source.credentialOf(id);
    return credential === undefined ? undefined : source.state(credential);
  }

  async function byLabel(label: string): Promise<KeyLookup> {
    const entries = directory.withLabel(label);
    const known = await Promise.all(entries.map(({ id }) => source.state(id)));
    const states = known.flatMap((state) => state ?? []);
    if (states.length === 1) return found(states[0]!);
    if (states.length > 1) return { kind: 'ambiguous', candidates: states.map(lineOf) };
    if (entries.length > 0) throw unused();
    return { kind: 'unknown', nearest: await nearest(source, label) };
  }

  return {
    keys: async (filter) => (await source.states(filter)).map(lineOf),
    async key(reference) {
      const id = 'raw' in reference ? source.identify(reference.raw) : reference.name;
      if (id === undefined || id === '') return { kind: 'unknown', nearest: undefined };
      const state = (await source.state(id)) ?? (await byCredential(id));
      if (state !== undefined) return found(state);
      if ('raw' in reference) return { kind: 'unknown', nearest: undefined };
      if (directory.entry(id) !== undefined) throw unused();
      return byLabel(id);
    },
    usage: (keyId, sinceAt) => source.usage(keyId, sinceAt),
  };
}

async function nearest(source: KeySource, name: string): Promise<string | undefined> {
  const candidates: string[] = [];
  for (const { id, label } of source.directory.all()) {
    if (candidates.length >= CANDIDATES_MAX) break;
    candidates.push(label ?? id);
  }
  if (candidates.length < CANDIDATES_MAX) {
    candidates.push(...(await source.someIds(CANDIDATES_MAX)));
  }
  return suggest(name, candidates);
}

function unused(): KeyhoundError {
  return new KeyhoundError('usage', 'this key is registered, but it has not been used yet', {
    code: 'key-unused',
    hint: 'Its baseline begins with its first use; `keyhound keys` lists the keys that have one.',
  });
}
