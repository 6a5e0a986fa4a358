/** Keys as people ask for them: by id, by label, or by the raw key itself. */
import { KeyhoundError } from '../core/errors.ts';
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
/** Nothing acts on keys in this version. */
const RUNG = 'observe';

export interface KeyData {
  /** In order of id. */
  keys(filter: KeyFilter): readonly KeyLine[];
  key(reference: KeyReference): Promise<KeyLookup>;
  /** Hours of a key at or after an instant, oldest first; none where nothing was saved. */
  usage(keyId: string, sinceAt: number): Promise<readonly UsageRow[]>;
}

type KeySession = Pick<Session, 'engine' | 'enricher' | 'directory' | 'store'>;

/** `coverage`: what is known of sources and geography data while it runs. */
export function createKeyData(session: KeySession, coverage: Coverage = {}): KeyData {
  const { engine, enricher, directory, store } = session;
  const stateOf = (id: string): KeyState | undefined => keyStateOf(engine, id, coverage);

  async function usage(keyId: string, sinceAt: number): Promise<readonly UsageRow[]> {
    // The id itself is the first of all ids that begin with it.
    const [row] = (await store?.subjects({ limit: 1, prefix: keyId })) ?? [];
    return row?.id === keyId ? store!.usage(row.digest, sinceAt) : [];
  }

  async function found(state: KeyState): Promise<KeyLookup> {
    const sinceAt = Math.floor((Date.parse(state.lastAt) - USAGE_MS) / HOUR_MS) * HOUR_MS;
    return { kind: 'found', key: lineOf(state), usage: await usage(state.id, sinceAt) };
  }

  async function byLabel(label: string): Promise<KeyLookup> {
    const entries = directory.withLabel(label);
    const states = entries.flatMap(({ id }) => stateOf(id) ?? []);
    if (states.length === 1) return found(states[0]!);
    if (states.length > 1) return { kind: 'ambiguous', candidates: states.map(lineOf) };
    if (entries.length > 0) throw unused();
    return { kind: 'unknown', nearest: nearest(session, label) };
  }

  return {
    keys: (filter) => keyStates(engine, filter, coverage).map(lineOf),
    async key(reference) {
      const id = 'raw' in reference ? enricher.identify(reference.raw)?.id : reference.name;
      if (id === undefined || id === '') return { kind: 'unknown', nearest: undefined };
      const state = stateOf(id) ?? stateOf(credentialOf(session, id));
      if (state !== undefined) return found(state);
      if ('raw' in reference) return { kind: 'unknown', nearest: undefined };
      if (directory.entry(id) !== undefined) throw unused();
      return byLabel(id);
    },
    usage,
  };
}

/** The gateway's credential behind the hash of a raw key, where a record has shown both. */
function credentialOf({ enricher }: KeySession, id: string): string {
  return (id.startsWith('h:') ? enricher.aliases.find(id)?.id : undefined) ?? '';
}

function lineOf(state: KeyState): KeyLine {
  return { type: 'key', ...state, rung: RUNG };
}

function nearest({ engine, directory }: KeySession, name: string): string | undefined {
  const candidates: string[] = [];
  for (const { id, label } of directory.all()) {
    if (candidates.length >= CANDIDATES_MAX) break;
    candidates.push(label ?? id);
  }
  if (candidates.length < CANDIDATES_MAX) {
    for (const { id } of keyStates(engine, { limit: CANDIDATES_MAX })) candidates.push(id);
  }
  return suggest(name, candidates);
}

function unused(): KeyhoundError {
  return new KeyhoundError('usage', 'this key is registered, but it has not been used yet', {
    code: 'key-unused',
    hint: 'Its baseline begins with its first use; `keyhound keys` lists the keys that have one.',
  });
}
