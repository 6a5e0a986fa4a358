/** One Admin API of APISIX: finds a credential, reads it, and brings it to a wish. */
import { z } from 'zod';
import { KeyhoundError } from '../../core/errors.ts';
import type {
  ApplyRequest,
  GatewayCheck,
  GatewayState,
  GatewayTools,
  KeyTarget,
  OwnedObject,
  Wish,
} from '../../core/gateway.ts';
import { isThrottle } from '../../core/ladder.ts';
import { TurnsByName } from '../../core/turns.ts';
import { isObject, type Json } from './admin-api.ts';
import type { ApisixApi } from './apisix-api.ts';
import {
  type Entry,
  isReadable,
  type Marks,
  pluginWith,
  readMarks,
  valuesOf,
  wishedOn,
  writeMarks,
} from './apisix-limits.ts';
import { hostOf } from './http-call.ts';
import { keyUnknown } from './keys.ts';
import type { GatewayNode } from './nodes.ts';
import { putBack, type SealedKeys } from './sealed-key.ts';
import { ABSENT, canonical, fingerprintOf } from './state.ts';

const limitSchema = z.object({ requests: z.number(), windowMs: z.number() });
const factsSchema = z.object({
  consumer: z.string(),
  siblings: z.array(z.string()),
  /** The operator's own limit-count of the consumer, as far as Keyhound changes it. */
  limit: z.record(z.string(), z.unknown()).nullable(),
  /** Strictest limit of routes and others, which one of the consumer replaces. */
  wider: limitSchema.nullable(),
});
export type ApisixFacts = z.infer<typeof factsSchema>;

export function factsOf(state: GatewayState): ApisixFacts | undefined {
  return state.exists ? factsSchema.parse(state.facts) : undefined;
}

export interface ApisixNodeParts {
  readonly api: ApisixApi;
  readonly tools: GatewayTools;
  readonly sealed: SealedKeys;
}

/** Consumers of credentials that were found; forgotten all at once when they are too many. */
const FOUND_MAX = 10_000;

export class ApisixNode implements GatewayNode {
  readonly host: string;
  readonly #parts: ApisixNodeParts;
  /** Credentials of one consumer share its plugins: a consumer is read, changed and written in turn. */
  readonly #turns = new TurnsByName();
  readonly #found = new Map<string, string>();

  constructor(parts: ApisixNodeParts) {
    this.#parts = parts;
    this.host = hostOf(parts.api.http.url);
  }

  async read(target: KeyTarget, signal: AbortSignal): Promise<GatewayState> {
    const { credentialId } = target;
    const { api } = this.#parts;
    if (credentialId === undefined || !api.isPlain(credentialId)) return ABSENT;
    const consumer = await this.#consumerOf(credentialId, target.consumer, signal);
    if (consumer === undefined) return ABSENT;
    const others = await api.list(`/consumers/${consumer}/credentials`, signal);
    const siblings = others.map(({ id }) => String(id)).filter((id) => id !== credentialId);
    const wider = (await api.wider(signal)) ?? null;
    return this.#state(credentialId, { consumer, siblings: siblings.sort(), wider }, signal);
  }

  async #state(
    credential: string,
    known: Omit<ApisixFacts, 'limit'>,
    signal: AbortSignal,
  ): Promise<GatewayState> {
    const { api } = this.#parts;
    const { consumer } = known;
    if ((await this.#credential(consumer, credential, signal)) === undefined) return ABSENT;
    const about = await api.get(`/consumers/${consumer}`, '/consumers/NAME', signal);
    return stateOf(about ?? {}, credential, known);
  }

  #credential(consumer: string, id: string, signal: AbortSignal): Promise<Json | undefined> {
    const path = `/consumers/${consumer}/credentials/${id}`;
    return this.#parts.api.get(path, '/consumers/NAME/credentials/ID', signal);
  }

  /** Of a credential the API tells nothing without its consumer: where the log names none, all are looked through. */
  async #consumerOf(
    credential: string,
    named: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { api } = this.#parts;
    const likely = [this.#found.get(credential), named].filter((name) => name !== undefined);
    for (const name of likely.filter((candidate) => api.isPlain(candidate))) {
      if ((await this.#credential(name, credential, signal)) !== undefined) return name;
    }
    const all = (await api.list('/consumers', signal)).map(({ username }) => String(username));
    for (const name of all.filter((candidate) => !likely.includes(candidate))) {
      if ((await this.#credential(name, credential, signal)) === undefined) continue;
      if (this.#found.size >= FOUND_MAX) this.#found.clear();
      this.#found.set(credential, name);
      return name;
    }
    return undefined;
  }

  async apply(request: ApplyRequest, signal: AbortSignal): Promise<GatewayState> {
    const facts = factsOf(request.original);
    const { credentialId } = request.target;
    if (facts === undefined || credentialId === undefined) return this.read(request.target, signal);
    return this.#turns.take(facts.consumer, () =>
      this.#bring(request, facts, credentialId, signal),
    );
  }

  async #bring(
    { target, wish }: ApplyRequest,
    facts: ApisixFacts,
    id: string,
    signal: AbortSignal,
  ): Promise<GatewayState> {
    const { api, sealed } = this.#parts;
    const path = `/consumers/${facts.consumer}/credentials/${id}`;
    const what = '/consumers/NAME/credentials/ID';
    const credential = await this.#credential(facts.consumer, id, signal);
    const isDeleted = deletes(wish);
    if (isDeleted && credential !== undefined) {
      await sealed.keep(target, unstamped(credential), wish?.untilAt ?? null);
      await api.write('DELETE', path, what, undefined, signal);
    }
    await this.#limit(facts.consumer, id, entryOf(wish, id), signal);
    // Last: a key that comes back throttled was never without its limit.
    if (!isDeleted && credential === undefined) {
      const body = await sealed.take(target);
      const put = () => api.write('PUT', path, what, body, signal);
      const isBack = async () => (await this.#credential(facts.consumer, id, signal)) !== undefined;
      await putBack(put, isBack);
    }
    return this.#state(id, facts, signal);
  }

  /** Makes the entry of a credential what is wished; others stay. */
  async #limit(
    name: string,
    credential: string,
    entry: Entry | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { api } = this.#parts;
    const consumer = await api.get(`/consumers/${name}`, '/consumers/NAME', signal);
    if (consumer === undefined) throw this.#gone(name);
    const marks = readMarks(consumer['labels']);
    const others = marks.entries.filter((other) => other.credential !== credential);
    if (entry === undefined && others.length === marks.entries.length) return;
    const entries = entry === undefined ? others : [...others, entry];
    const over = entries.length === 0 ? undefined : await api.wider(signal);
    await this.#write(name, consumer, { ...marks, entries, over }, signal);
  }

  async #write(name: string, consumer: Json, marks: Marks, signal: AbortSignal): Promise<void> {
    const { api, tools } = this.#parts;
    const plugins = isObject(consumer['plugins']) ? consumer['plugins'] : {};
    const present = plugins['limit-count'];
    const base = marks.was === undefined ? valuesOf(present) : (marks.was ?? undefined);
    if (marks.entries.length > 0 && marks.was === undefined && !isReadable(present)) {
      throw new KeyhoundError(
        'operating',
        `gateway ${tools.name}: limit-count of consumer ${name} has rules or variables: it is left alone`,
        { code: 'gateway-rejected', hint: 'Suspend the key, or give the consumer a plain limit.' },
      );
    }
    const wished = wishedOn(marks.entries, base, marks.over);
    const { 'limit-count': _, ...rest } = plugins;
    const limit =
      wished.values === undefined ? {} : { 'limit-count': pluginWith(present, wished.values) };
    const labels = writeMarks({ ...marks, entries: wished.entries, was: base ?? null });
    const { labels: __, plugins: ___, ...about } = unstamped(consumer);
    const next = {
      ...about,
      plugins: { ...rest, ...limit },
      ...(labels === undefined ? {} : { labels }),
    };
    if (canonical(next) === canonical({ plugins: {}, ...unstamped(consumer) })) return;
    await api.write('PUT', `/consumers/${name}`, '/consumers/NAME', next, signal);
  }

  #gone(name: string): KeyhoundError {
    return keyUnknown(this.#parts.tools.name, `consumer ${name} is gone`);
  }

  async owned(signal: AbortSignal): Promise<readonly OwnedObject[]> {
    const { api, tools } = this.#parts;
    const prefix = tools.keys[0] ?? 'apisix:';
    const consumers = await api.list('/consumers', signal);
    return consumers.flatMap(({ username, labels }) => {
      const name = String(username);
      return readMarks(labels).entries.map((entry) => ({
        tag: entry.action,
        subjectId: `${prefix}${entry.credential}`,
        what: `limit-count of consumer ${name}`,
        remove: (until: AbortSignal) =>
          this.#turns.take(name, () => this.#remove(name, entry, until)),
      }));
    });
  }

  async #remove(name: string, { action, credential }: Entry, signal: AbortSignal): Promise<void> {
    const { api } = this.#parts;
    const consumer = await api.get(`/consumers/${name}`, '/consumers/NAME', signal);
    const isThere = readMarks(consumer?.['labels']).entries.some(
      (entry) => entry.action === action,
    );
    if (isThere) await this.#limit(name, credential, undefined, signal);
  }

  async check(signal: AbortSignal): Promise<readonly GatewayCheck[]> {
    const name = `gateway ${this.#parts.tools.name} at ${this.host}`;
    const about = await this.#parts.api.server(signal);
    const limits =
      'cannot contain; suspends by deleting, sealed; its other credentials get a limit, too';
    return [
      { name, ok: true, detail: `${about}; consumers can be read` },
      { name, ok: true, detail: limits },
    ];
  }
}

export function deletes(wish: Wish | null): boolean {
  return wish?.rung === 'suspend' || wish?.rung === 'revoke';
}

export function entryOf(wish: Wish | null, credential: string): Entry | undefined {
  if (wish?.limit === undefined || !isThrottle(wish.rung)) return undefined;
  return { action: wish.tag, credential, limit: wish.limit };
}

/** APISIX stamps times by itself. */
function unstamped(value: Json): Json {
  const { create_time: _, update_time: __, ...rest } = value;
  return rest;
}

/** `ours`: what is there for the credential, and what somebody changed of it. */
export function fingerprintWith(limit: ApisixFacts['limit'], ours: object): string {
  return fingerprintOf([limit, ours]);
}

function stateOf(
  consumer: Json,
  credential: string,
  known: Omit<ApisixFacts, 'limit'>,
): GatewayState {
  const plugins = isObject(consumer['plugins']) ? consumer['plugins'] : {};
  const marks = readMarks(consumer['labels']);
  const present = valuesOf(plugins['limit-count']);
  const base = marks.was === undefined ? present : (marks.was ?? undefined);
  const wished = wishedOn(marks.entries, base, marks.over).values;
  const entry = marks.entries.find((candidate) => candidate.credential === credential);
  // What stands there for another credential, as we wrote it, is no change of this one.
  const isTouched = marks.entries.length > 0 && canonical(present) !== canonical(wished);
  const ours = {
    ...(entry === undefined ? {} : { action: entry.action, limit: entry.limit }),
    ...(isTouched ? { changedTo: present ?? null } : {}),
  };
  const facts: ApisixFacts = { ...known, limit: base ?? null };
  return {
    exists: true,
    fingerprint: fingerprintWith(facts.limit, ours),
    facts: Object.keys(ours).length === 0 ? { ...facts } : { ...facts, ours },
  };
}
