/** One Admin API of Kong: reads a key, and brings it to a wish. */
import type {
  ApplyRequest,
  GatewayCheck,
  GatewayState,
  GatewayTools,
  KeyTarget,
  OwnedObject,
} from '../../core/gateway.ts';
import { TurnsByName } from '../../core/turns.ts';
import { isObject, type Json } from './admin-api.ts';
import { hostOf } from './http-call.ts';
import { keyUnknown } from './keys.ts';
import type { Entry, KongLimits } from './kong-limits.ts';
import { type KongApi, type KongKey, pluginOf, textOf } from './kong-node.ts';
import { factsOf, type KongFacts, stateOf } from './kong-state.ts';
import {
  type Change,
  changeOf,
  changesOf,
  type KongWishSettings,
  type Wanted,
  wantedOf,
} from './kong-wish.ts';
import type { GatewayNode } from './nodes.ts';
import { putBack, type SealedKeys } from './sealed-key.ts';
import { ABSENT } from './state.ts';

/** Kong takes anything else in its place for a raw key. */
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface KongNodeParts {
  readonly api: KongApi;
  readonly tools: GatewayTools;
  readonly settings: KongWishSettings;
  readonly sealed: SealedKeys;
}

export class KongNode implements GatewayNode {
  readonly host: string;
  readonly #parts: KongNodeParts;
  /** Keys of one consumer share a plugin: its entries are read, changed and written in turn. */
  readonly #turns = new TurnsByName();

  constructor(parts: KongNodeParts) {
    this.#parts = parts;
    this.host = hostOf(parts.api.http.url);
  }

  async read(target: KeyTarget, signal: AbortSignal): Promise<GatewayState> {
    const { credentialId } = target;
    if (credentialId === undefined || !UUID.test(credentialId)) return ABSENT;
    const { api } = this.#parts;
    const consumer = await api.consumerOf(credentialId, signal);
    if (consumer === undefined) return ABSENT;
    return stateOf(await api.readKey(target, consumer, {}, signal), credentialId);
  }

  async apply(request: ApplyRequest, signal: AbortSignal): Promise<GatewayState> {
    const facts = factsOf(request.original);
    const { credentialId } = request.target;
    if (facts === undefined || credentialId === undefined) return this.read(request.target, signal);
    const { id } = facts.consumer;
    return this.#turns.take(id, () => this.#bring(request, facts, credentialId, signal));
  }

  async #bring(
    { target, wish }: ApplyRequest,
    facts: KongFacts,
    credential: string,
    signal: AbortSignal,
  ): Promise<GatewayState> {
    const { api, settings, sealed } = this.#parts;
    const { siblings } = facts;
    const wanted = wantedOf(wish, credential, facts, settings);
    // What it replaces now, which may be another limit than when the original was recorded.
    const known = wanted.limit === undefined ? facts : { siblings };
    const key = await this.#read(target, facts, known, signal);
    const path = credentialPath(facts, credential);
    const what = '/consumers/ID/key-auth/ID';
    if (wanted.deleted && key.credential !== undefined) {
      await sealed.keep(target, this.#preImage(key.credential), wish?.untilAt ?? null);
      await api.write('DELETE', path, what, undefined, signal);
    }
    for (const change of inOrder(changesOf(key, credential, wanted, settings), wanted)) {
      await this.#change(change, signal);
    }
    // Last: a key that comes back throttled was never without its limit.
    if (!wanted.deleted && key.credential === undefined) {
      const body = this.#restored(await sealed.take(target));
      const put = () => api.write('PUT', path, what, body, signal);
      await putBack(put, async () => {
        const again = await this.#read(target, facts, facts, signal);
        return again.credential !== undefined;
      });
    }
    return stateOf(await this.#read(target, facts, facts, signal), credential);
  }

  async #read(
    target: KeyTarget,
    { consumer }: KongFacts,
    known: Partial<KongFacts>,
    signal: AbortSignal,
  ): Promise<KongKey> {
    const { api, tools } = this.#parts;
    const key = await api.readKey(target, consumer.id, known, signal);
    if (key !== undefined) return key;
    throw keyUnknown(tools.name, `the consumer of ${target.subjectId} is gone`);
  }

  /** A time to live goes on while the credential is away. */
  #preImage({ key, tags, ttl }: Json): Json {
    const endsAt = typeof ttl === 'number' ? this.#parts.tools.now() + ttl * 1000 : null;
    return { key, tags: Array.isArray(tags) ? tags : null, endsAt };
  }

  #restored(preImage: unknown): Json {
    const { key, tags, endsAt } = preImage as Json;
    const leftMs = typeof endsAt === 'number' ? endsAt - this.#parts.tools.now() : undefined;
    const ttl = leftMs === undefined ? {} : { ttl: Math.max(1, Math.round(leftMs / 1000)) };
    return { key, ...(Array.isArray(tags) ? { tags } : {}), ...ttl };
  }

  #change({ method, id, body }: Change, signal: AbortSignal): Promise<void> {
    return this.#parts.api.write(method, `/plugins/${id}`, '/plugins/ID', body, signal);
  }

  async owned(signal: AbortSignal): Promise<readonly OwnedObject[]> {
    const plugins = await this.#parts.api.list('/plugins?tags=keyhound', '/plugins', signal);
    return plugins.flatMap((json) => {
      const plugin = pluginOf(json);
      const consumer = isObject(json['consumer']) ? textOf(json['consumer']['id']) : '';
      return (plugin?.entries ?? []).map((entry) => ({
        tag: entry.action,
        subjectId: `${this.#prefix()}${entry.credential}`,
        what: `plugin ${plugin?.name} ${plugin?.id} of consumer ${consumer}`,
        remove: (until: AbortSignal) =>
          this.#turns.take(consumer, () => this.#remove(plugin?.id ?? '', entry, until)),
      }));
    });
  }

  #prefix(): string {
    return this.#parts.tools.keys[0] ?? 'kong:';
  }

  async #remove(id: string, gone: Entry, signal: AbortSignal): Promise<void> {
    const { api } = this.#parts;
    const found = await api.list('/plugins?tags=keyhound', '/plugins', signal);
    const plugin = found.map(pluginOf).find((candidate) => candidate?.id === id);
    if (plugin === undefined) return;
    const entries = plugin.entries.filter(({ action }) => action !== gone.action);
    const over: KongLimits = plugin.over;
    const change = changeOf(plugin, entries, over);
    if (change !== undefined) await this.#change(change, signal);
  }

  async check(signal: AbortSignal): Promise<readonly GatewayCheck[]> {
    const { api, tools } = this.#parts;
    const name = `gateway ${tools.name} at ${this.host}`;
    const info = await api.info(signal);
    const config = isObject(info['configuration']) ? info['configuration'] : {};
    const database = textOf(config['database']) || 'unknown';
    const about = `Kong ${textOf(info['version'])}, database ${database}`;
    if (database === 'off') {
      return [
        {
          name,
          ok: false,
          detail: `${about}: its Admin API cannot change anything`,
          hint: 'Without a database Kong takes whole configurations only; act through its own deployment.',
        },
      ];
    }
    await api.list('/key-auths', '/key-auths', signal);
    await api.list('/plugins', '/plugins', signal);
    const detail =
      'cannot contain; limits and blocks are of the consumer, so its other keys get them, too';
    return [
      { name, ok: true, detail: `${about}; credentials and plugins can be read` },
      { name, ok: true, detail },
    ];
  }
}

export function credentialPath({ consumer }: KongFacts, credential: string): string {
  return `/consumers/${encodeURIComponent(consumer.id)}/key-auth/${encodeURIComponent(credential)}`;
}

/** What holds the key comes before what lets go of it. */
function inOrder(changes: readonly Change[], { limit, block }: Wanted): Change[] {
  const holds = ({ method, body }: Change): boolean =>
    method !== 'DELETE' &&
    JSON.stringify(body?.['tags'] ?? []).includes(limit?.action ?? block?.action ?? ' ');
  return [...changes].sort((a, b) => Number(holds(b)) - Number(holds(a)));
}
