/**
 * HAProxy, by its maps: the runtime API makes a change effective at once, in every node, and costs nothing per
 * request. The maps are Keyhound's own; the values carry the tag of the action:
 *
 *   refused map    ID  TAG
 *   limits map     ID  REQUESTS:TAG      at most so many in `windowMs`, the window of the stick-table
 *
 * What the runtime API changes is forgotten at a restart, so the files are written as well, where a node's `files`
 * says in which folder they are. Without nodes it asks the decision endpoint.
 */
import { basename, resolve } from 'node:path';
import { z } from 'zod';
import type {
  ApplyRequest,
  GatewayAdapter,
  GatewayCheck,
  GatewayKind,
  GatewayPlan,
  GatewayState,
  GatewayTools,
  KeyTarget,
  OwnedObject,
  Wish,
} from '../../core/gateway.ts';
import type { ActingRung } from '../../core/ladder.ts';
import { Turns } from '../../core/turns.ts';
import { cannotCheck, tried } from './checks.ts';
import { throughDecide } from './decide.ts';
import { HaproxyNode } from './haproxy-socket.ts';
import { beginsPlain, plainId, subjectOf } from './keys.ts';
import { type MapSyntax, replaceFile, textOf, withEntries } from './map-file.ts';
import { ALL_BUT_CONTAIN, cannotRung, ON_OR_OFF } from './rungs.ts';

const mapPath = z.string().regex(/^[A-Za-z0-9._/-]{1,200}$/, 'letters, digits, . _ / -');

const configSchema = z
  .strictObject({
    nodes: z
      .array(
        z.strictObject({
          socket: z
            .string()
            .regex(/^(\/[^\s;]+|[^\s;/]+:\d{1,5})$/, 'a path, or HOST:PORT')
            .describe('Its stats socket of level admin: a path, or HOST:PORT.'),
          files: z
            .string()
            .min(1)
            .optional()
            .describe('Folder of its map files as seen from here, written for a restart.'),
        }),
      )
      .max(64)
      .default([])
      .describe('All of its nodes. None: HAProxy asks the decision endpoint.'),
    refused: mapPath
      .default('/etc/haproxy/keyhound/refused.map')
      .describe('Map of refused keys, as HAProxy’s configuration names it.'),
    limits: mapPath
      .optional()
      .describe('Map of limits, as HAProxy’s configuration names it. Left out: no throttle.'),
    windowMs: z
      .int()
      .min(1000)
      .max(86_400_000)
      .default(10_000)
      .describe('Window of the stick-table that requests are counted in, ms.'),
    hashes: z
      .boolean()
      .default(false)
      .describe('HAProxy looks up our own hash (its hmac converter) where a key has no other id.'),
    timeoutMs: z.int().min(100).max(30_000).default(2000).describe('Time limit of a command, ms.'),
  })
  .refine(({ refused, limits }) => limits === undefined || basename(limits) !== basename(refused), {
    message: 'the maps need different names',
    path: ['limits'],
  });
export type HaproxyConfig = z.infer<typeof configSchema>;

export const haproxy: GatewayKind<HaproxyConfig> = Object.freeze({
  kind: 'haproxy',
  summary: 'Maps through the runtime API of each node, and their files; or the decision endpoint.',
  keys: Object.freeze(['haproxy:', 'h:']),
  config: configSchema,
  asks: ({ nodes }: HaproxyConfig) => nodes.length === 0,
  create(config: HaproxyConfig, tools: GatewayTools): GatewayAdapter {
    if (config.nodes.length > 0) return new HaproxyMaps(config, tools);
    const name = `gateway ${tools.name}`;
    const detail =
      'needs Lua to ask, and a refused connection costs it seconds: name nodes instead';
    const limits = [{ name, ok: true, detail }];
    return throughDecide({ kind: 'haproxy', config: { settleMs: 1000 }, tools, limits });
  },
});

const SYNTAX: MapSyntax = {
  parse(line) {
    const match = /^\s*([^#\s]\S*)\s+(\S.*?)\s*$/.exec(line);
    return match === null ? undefined : { key: match[1]!, value: match[2]! };
  },
  print: ({ key, value }) => `${key} ${value}`,
};

/** What a key's entries are; undefined: no entry. */
interface Entries {
  readonly refused?: string | undefined;
  readonly limit?: string | undefined;
}

class HaproxyMaps implements GatewayAdapter {
  readonly name: string;
  readonly kind = 'haproxy';
  readonly rungs: ReadonlySet<ActingRung>;
  readonly write = 'set';
  readonly settleMs = 1000;
  readonly callsPerSecond = 50;
  readonly #config: HaproxyConfig;
  readonly #tools: GatewayTools;
  readonly #nodes: readonly HaproxyNode[];
  readonly #turns = new Turns();

  constructor(config: HaproxyConfig, tools: GatewayTools) {
    this.#config = config;
    this.#tools = tools;
    this.name = tools.name;
    this.rungs = config.limits === undefined ? ON_OR_OFF : ALL_BUT_CONTAIN;
    this.#nodes = config.nodes.map(
      ({ socket }) => new HaproxyNode(socket, tools.name, config.timeoutMs),
    );
  }

  covers(subjectId: string): boolean {
    return beginsPlain(subjectId, this.#tools.keys, this.#config.hashes);
  }

  async read(target: KeyTarget, signal: AbortSignal): Promise<GatewayState> {
    return this.#state(plainId(target, this.name), signal);
  }

  plan({ target, original, wish }: Omit<ApplyRequest, 'present'>): GatewayPlan {
    const id = plainId(target, this.name);
    const before = entriesOf(original);
    const wanted = this.#wanted(original, wish);
    const calls = this.#commands(id, before, wanted);
    const none = { calls: [], undo: [], siblings: [], needsSeal: false };
    if (calls.length === 0) return wish === null ? none : { ...none, keepsOperatorLimit: true };
    return { ...none, calls, undo: this.#commands(id, wanted, before) };
  }

  apply({ target, original, wish }: ApplyRequest, signal: AbortSignal): Promise<GatewayState> {
    return this.#turns.take(async () => {
      const id = plainId(target, this.name);
      const wanted = this.#wanted(original, wish);
      for (const [map, value] of this.#maps(wanted)) {
        await this.#write(map, id, value, signal);
      }
      return this.#state(id, signal);
    });
  }

  async owned(signal: AbortSignal): Promise<readonly OwnedObject[]> {
    const found = new Map<string, OwnedObject>();
    for (const node of this.#nodes) {
      for (const [map] of this.#maps({})) {
        for (const { key, value } of await node.lines(map, signal)) {
          const tag = tagOf(value);
          if (tag === undefined) continue;
          const remove = (until: AbortSignal) => this.#removeTagged(map, key, tag, until);
          const subjectId = subjectOf(key, this.#tools.keys, this.#config.hashes);
          const what = `entry of ${key} in ${map}`;
          found.set(`${map} ${key} ${tag}`, { tag, subjectId, what, remove });
        }
      }
    }
    return [...found.values()];
  }

  async check(signal: AbortSignal): Promise<readonly GatewayCheck[]> {
    const name = `gateway ${this.name}`;
    const checks: GatewayCheck[] = [];
    for (const [i, node] of this.#nodes.entries()) {
      const look = async () => {
        const version = await node.version(signal);
        for (const [map] of this.#maps({})) await node.value(map, 'keyhound-check', signal);
        const files = this.#config.nodes[i]!.files;
        const kept = files === undefined ? 'forgets at a restart: set files' : `files in ${files}`;
        const detail = `HAProxy ${version} at ${node.socket}, ${kept}`;
        return [{ name, ok: files !== undefined, detail }];
      };
      checks.push(...(await tried(name, look, signal)));
    }
    checks.push(cannotCheck(name, this.rungs, 'maps know ids only'));
    return checks;
  }

  /** Maps there are, with what a key is to have in each. */
  #maps({ refused, limit }: Entries): [string, string | undefined][] {
    const { refused: first, limits } = this.#config;
    return limits === undefined
      ? [[first, refused]]
      : [
          [first, refused],
          [limits, limit],
        ];
  }

  /** Original + wish: a person's entry stays, and so does their lower limit. */
  #wanted(original: GatewayState, wish: Wish | null): Entries {
    const before = entriesOf(original);
    if (wish === null) return before;
    if (wish.rung === 'suspend' || wish.rung === 'revoke') {
      return { ...before, refused: before.refused ?? wish.tag };
    }
    if (!this.rungs.has(wish.rung) || wish.limit === undefined) {
      throw cannotRung(this.name, wish.rung);
    }
    const { requests, windowMs } = wish.limit;
    const count = Math.max(1, Math.floor((requests * this.#config.windowMs) / windowMs));
    if (before.limit !== undefined && numberOf(before.limit) <= count) return before;
    return { ...before, limit: `${count}:${wish.tag}` };
  }

  async #state(id: string, signal: AbortSignal): Promise<GatewayState> {
    const states: Entries[] = [];
    for (const node of this.#nodes) {
      const refused = await node.value(this.#config.refused, id, signal);
      const { limits } = this.#config;
      const limit = limits === undefined ? undefined : await node.value(limits, id, signal);
      states.push({ refused, limit });
    }
    const prints = states.map(({ refused, limit }) => {
      const rate =
        limit === undefined ? 'free' : `${numberOf(limit)} in ${this.#config.windowMs} ms`;
      return refused === undefined ? rate : `refused, ${rate}`;
    });
    const alike = new Set(prints).size === 1;
    const facts: Record<string, unknown> = { ...strictest(states) };
    if (!alike) facts['nodes'] = this.#nodes.map(({ socket }, i) => `${socket}: ${prints[i]}`);
    return { exists: true, fingerprint: alike ? prints[0]! : prints.join(' | '), facts };
  }

  /** Files first: a node that starts again in between finds what holds. */
  async #write(map: string, id: string, value: string | undefined, signal: AbortSignal) {
    for (const path of this.#pathsOf(map)) {
      const before = await textOf(path);
      const tag = value === undefined ? undefined : tagOf(value);
      const entry = tag === undefined ? { key: id } : { key: id, tag };
      const wanted = value === undefined ? [] : [{ ...entry, value }];
      const after = withEntries(before, id, wanted, SYNTAX);
      if (after !== before) await replaceFile(path, after);
    }
    for (const node of this.#nodes) {
      if (value === undefined) await node.remove(map, id, signal);
      else await node.setValue(map, id, value, signal);
    }
  }

  #removeTagged(map: string, key: string, tag: string, signal: AbortSignal): Promise<void> {
    return this.#turns.take(async () => {
      for (const node of this.#nodes) {
        const value = await node.value(map, key, signal);
        if (value !== undefined && tagOf(value) !== tag) return;
      }
      await this.#write(map, key, undefined, signal);
    });
  }

  #pathsOf(map: string): string[] {
    const folders = this.#config.nodes.flatMap(({ files }) => files ?? []);
    const paths = folders.map((folder) => resolve(this.#tools.folder, folder, basename(map)));
    return [...new Set(paths)];
  }

  #commands(id: string, from: Entries, to: Entries): string[] {
    const before = this.#maps(from);
    return this.#maps(to).flatMap(([map, value], i) => {
      const old = before[i]![1];
      if (old === value) return [];
      const verb = value === undefined ? 'del' : old === undefined ? 'add' : 'set';
      const command = `${verb} map ${map} ${id}${value === undefined ? '' : ` ${value}`}`;
      const atNodes = this.#nodes.map(
        ({ socket }) => `echo '${command}' | socat ${dial(socket)} -`,
      );
      const line =
        value === undefined ? `remove the line of ${id} from` : `write ${id} ${value} into`;
      return [...atNodes, ...this.#pathsOf(map).map((path) => `${line} ${path}`)];
    });
  }
}

function dial(socket: string): string {
  return socket.startsWith('/') ? socket : `tcp:${socket}`;
}

function tagOf(value: string): string | undefined {
  return /^(?:\d+:)?(act_[a-z0-9_]{1,36})$/.exec(value)?.[1];
}

function numberOf(limit: string): number {
  return Number.parseInt(limit, 10) || 0;
}

function entriesOf(state: GatewayState): Entries {
  const { refused, limit } = state.facts as { refused?: string; limit?: string };
  return { refused, limit };
}

/** Nodes that disagree were left so by a write that was cut off: the strictest of them is what a person had set. */
function strictest(states: readonly Entries[]): Entries {
  const refused = states.find((state) => state.refused !== undefined)?.refused;
  const limits = states.flatMap(({ limit }) => limit ?? []);
  const limit = limits.sort((a, b) => numberOf(a) - numberOf(b))[0];
  return {
    ...(refused === undefined ? {} : { refused }),
    ...(limit === undefined ? {} : { limit }),
  };
}
