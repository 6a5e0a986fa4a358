/**
 * NGINX, open source. Without `folder` it asks the decision endpoint (auth_request), which is the better way: it knows
 * raw keys, any limit and all rungs. With `folder` it needs nothing per request: keys are looked up in map files, by
 * the id that NGINX itself has for them (a map of the operator's, `$key_id`), and a reload makes a change effective.
 *
 * NGINX limits by zones of a fixed rate, so a throttle is the zone whose rate comes nearest below the limit wished.
 * All zones of a key apply, and a refusal stands beside them: a person's stricter line keeps its effect.
 */
import { access, constants } from 'node:fs/promises';
import { resolve } from 'node:path';
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
import { cannotCheck } from './checks.ts';
import { runCommand } from './command.ts';
import { throughDecide } from './decide.ts';
import { beginsPlain, plainId, subjectOf } from './keys.ts';
import {
  type MapEntry,
  type MapSyntax,
  markFile,
  readMap,
  replaceFile,
  textOf,
  withEntries,
} from './map-file.ts';
import { nearestRate, rateText } from './rates.ts';
import { ALL_BUT_CONTAIN, cannotRung, ON_OR_OFF } from './rungs.ts';

const configSchema = z
  .strictObject({
    folder: z
      .string()
      .min(1)
      .optional()
      .describe('Folder of the map files. Left out: NGINX asks the decision endpoint.'),
    reload: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe(
        'Command that makes NGINX read them, as a list of words, e.g. [nginx, -s, reload].',
      ),
    reloadMs: z.int().min(100).max(60_000).default(10_000).describe('Time limit of reload, ms.'),
    throttles: z
      .array(
        z.strictObject({
          name: z
            .string()
            .regex(/^[a-z][a-z0-9-]{0,31}$/)
            .describe('File throttle-NAME.map.'),
          perMinute: z.int().min(1).describe('Rate of its limit_req_zone, r/m.'),
        }),
      )
      .default([])
      .describe('Zones that keys are put into. None: NGINX throttles nothing.'),
    hashes: z
      .boolean()
      .default(false)
      .describe('The id looked up is our own hash (njs) where a key has no other.'),
    settleMs: z.int().min(0).max(600_000).default(5000).describe('Bound of a reload, ms.'),
  })
  .refine(({ folder, throttles, reload }) => folder !== undefined || !(reload ?? throttles[0]), {
    message: 'reload and throttles need folder',
    path: ['folder'],
  });
export type NginxConfig = z.infer<typeof configSchema>;

export const nginx: GatewayKind<NginxConfig> = Object.freeze({
  kind: 'nginx',
  summary: 'auth_request against the decision endpoint, or map files and a reload.',
  keys: Object.freeze(['nginx:', 'h:']),
  config: configSchema,
  asks: ({ folder }: NginxConfig) => folder === undefined,
  create(config: NginxConfig, tools: GatewayTools): GatewayAdapter {
    if (config.folder === undefined) {
      const settings = { settleMs: Math.min(config.settleMs, 1000) };
      return throughDecide({ kind: 'nginx', config: settings, tools, limits: [] });
    }
    return new NginxMaps(config, resolve(tools.folder, config.folder), tools);
  },
});

/** Patterns (`~…`) match letters as they are; plain words in any case, which two ids may differ by. */
const SYNTAX: MapSyntax = {
  parse(line) {
    const match = /^\s*"(~\^)?((?:[^"\\$]|\\.)+?)\$?"\s+"?([^";]*)"?;\s*$/.exec(line);
    if (match === null) return undefined;
    return { key: match[2]!.replaceAll(/\\(.)/g, '$1'), value: match[3]! };
  },
  print({ key, value }) {
    if (/^[0-9a-f-]+$/.test(key)) return `"${key}" "${value}";`;
    return `"~^${key.replaceAll(/[.+]/g, '\\$&')}$" "${value}";`;
  },
};
const REFUSED = 'refused.map';
/** Is there while files may be ahead of what NGINX has read. After a crash of the machine NGINX reads them anyway. */
const DUE = '.reload-due';

class NginxMaps implements GatewayAdapter {
  readonly name: string;
  readonly kind = 'nginx';
  readonly rungs: ReadonlySet<ActingRung>;
  readonly write = 'set';
  readonly settleMs: number;
  readonly callsPerSecond = 1;
  readonly #config: NginxConfig;
  readonly #folder: string;
  readonly #tools: GatewayTools;
  readonly #turns = new Turns();

  constructor(config: NginxConfig, folder: string, tools: GatewayTools) {
    this.#config = config;
    this.#folder = folder;
    this.#tools = tools;
    this.name = tools.name;
    this.settleMs = config.settleMs;
    this.rungs = config.throttles.length === 0 ? ON_OR_OFF : ALL_BUT_CONTAIN;
  }

  covers(subjectId: string): boolean {
    return beginsPlain(subjectId, this.#tools.keys, this.#config.hashes);
  }

  read(target: KeyTarget, signal: AbortSignal): Promise<GatewayState> {
    return this.#turns.take(async () => {
      await this.#finishReload(signal);
      return this.#state(plainId(target, this.name));
    });
  }

  plan({ target, original, wish }: Omit<ApplyRequest, 'present'>): GatewayPlan {
    const id = plainId(target, this.name);
    const reload = this.#config.reload?.join(' ');
    const after = reload === undefined ? [] : [reload];
    const steps = (wanted: Wanted, other: Wanted) =>
      this.#files()
        .filter((file) => wanted.has(file) !== other.has(file))
        .map((file) => {
          const line = SYNTAX.print({ key: id, value: valueIn(file, id) });
          const verb = wanted.has(file) ? 'add the line' : 'remove the line';
          return `${verb} ${line} in ${this.#path(file)}`;
        });
    const none = filesOf(original);
    const wanted = this.#wanted(original, wish);
    const calls = steps(wanted, none);
    if (calls.length === 0) {
      const kept = wish === null ? {} : { keepsOperatorLimit: true };
      return { calls, undo: [], siblings: [], needsSeal: false, ...kept };
    }
    const undo = [...steps(none, wanted), ...after];
    return { calls: [...calls, ...after], undo, siblings: [], needsSeal: false };
  }

  apply({ target, original, wish }: ApplyRequest, signal: AbortSignal): Promise<GatewayState> {
    return this.#turns.take(async () => {
      const id = plainId(target, this.name);
      const wanted = this.#wanted(original, wish);
      const before = filesOf(original);
      const changes: Change[] = [];
      for (const file of this.#files()) {
        // What a person had written keeps to be theirs.
        const tag = before.has(file) || wish === null ? {} : { tag: wish.tag };
        const entries = wanted.has(file) ? [{ key: id, value: valueIn(file, id), ...tag }] : [];
        await this.#change(file, id, entries, changes);
      }
      await this.#commit(changes, signal);
      return this.#state(id);
    });
  }

  owned(signal: AbortSignal): Promise<readonly OwnedObject[]> {
    return this.#turns.take(async () => {
      const all: OwnedObject[] = [];
      for (const file of this.#files()) {
        for (const { key, tag } of await readMap(this.#path(file), SYNTAX)) {
          if (tag === undefined) continue;
          all.push({
            tag,
            subjectId: subjectOf(key, this.#tools.keys, this.#config.hashes),
            what: `line of ${key} in ${this.#path(file)}`,
            remove: () => this.#remove(file, key, tag, signal),
          });
        }
      }
      return all;
    });
  }

  async check(): Promise<readonly GatewayCheck[]> {
    const name = `gateway ${this.name}`;
    const checks: GatewayCheck[] = [];
    for (const file of this.#files()) {
      const path = this.#path(file);
      const ok = await access(path, constants.R_OK | constants.W_OK).then(
        () => true,
        () => false,
      );
      const detail = ok ? `${path} can be written` : `${path} is not there, or cannot be written`;
      checks.push({
        name,
        ok,
        detail,
        ...(ok ? {} : { hint: `touch ${path}, and include it in a map of NGINX.` }),
      });
    }
    const { reload } = this.#config;
    const told =
      reload === undefined ? 'nobody: set reload, or watch the folder' : reload.join(' ');
    checks.push({ name, ok: reload !== undefined, detail: `NGINX is told of a change by ${told}` });
    const why = 'map files know ids only, and auth_request through decide can do all';
    checks.push(cannotCheck(name, this.rungs, why));
    return checks;
  }

  #files(): string[] {
    return [REFUSED, ...this.#config.throttles.map(({ name }) => throttleFile(name))];
  }

  #path(file: string): string {
    return resolve(this.#folder, file);
  }

  #wanted(original: GatewayState, wish: Wish | null): Wanted {
    const files = new Set(filesOf(original));
    if (wish === null) return files;
    if (wish.rung === 'suspend' || wish.rung === 'revoke') return files.add(REFUSED);
    const zone = nearestRate(this.#config.throttles, wish.limit);
    if (wish.rung === 'contain' || zone === undefined) {
      throw cannotRung(this.name, wish.rung);
    }
    return files.add(throttleFile(zone.name));
  }

  async #state(id: string): Promise<GatewayState> {
    const files: string[] = [];
    const tags = new Set<string>();
    for (const file of this.#files()) {
      const found = (await readMap(this.#path(file), SYNTAX)).filter(({ key }) => key === id);
      if (found.length > 0) files.push(file);
      for (const { tag } of found) if (tag !== undefined) tags.add(tag);
    }
    const zones = this.#config.throttles.filter(({ name }) => files.includes(throttleFile(name)));
    return {
      exists: true,
      fingerprint: files.join(' ') || 'none',
      facts: { files, rates: zones.map(rateText), tags: [...tags] },
    };
  }

  async #change(file: string, id: string, wanted: readonly MapEntry[], changes: Change[]) {
    const path = this.#path(file);
    const before = await textOf(path);
    const after = withEntries(before, id, wanted, SYNTAX);
    if (after !== before) changes.push({ path, before, after });
  }

  /** When NGINX refuses the reload the files are put back: they say what NGINX does, also to who reads them next. */
  async #commit(changes: readonly Change[], signal: AbortSignal): Promise<void> {
    if (changes.length === 0) return;
    const { reload } = this.#config;
    if (reload !== undefined) await markFile(this.#path(DUE), true);
    for (const { path, after } of changes) await replaceFile(path, after);
    if (reload === undefined) return;
    try {
      await runCommand(this.name, reload, this.#config.reloadMs, signal);
    } catch (error) {
      for (const { path, before } of changes) await replaceFile(path, before);
      throw error;
    }
    await markFile(this.#path(DUE), false);
  }

  /** After a crash between file and reload, or a reload that failed. */
  async #finishReload(signal: AbortSignal): Promise<void> {
    const { reload, reloadMs } = this.#config;
    if (reload === undefined) return;
    const due = await access(this.#path(DUE)).then(
      () => true,
      () => false,
    );
    if (!due) return;
    await runCommand(this.name, reload, reloadMs, signal);
    await markFile(this.#path(DUE), false);
  }

  #remove(file: string, key: string, tag: string, signal: AbortSignal): Promise<void> {
    return this.#turns.take(async () => {
      const found = await readMap(this.#path(file), SYNTAX);
      const kept = found.filter((entry) => entry.key === key && entry.tag !== tag);
      const changes: Change[] = [];
      await this.#change(file, key, kept, changes);
      await this.#commit(changes, signal);
    });
  }
}

type Wanted = Set<string>;

interface Change {
  readonly path: string;
  readonly before: string;
  readonly after: string;
}

function throttleFile(name: string): string {
  return `throttle-${name}.map`;
}

/** limit_req counts by the value: a zone's map answers the key itself. */
function valueIn(file: string, id: string): string {
  return file === REFUSED ? '1' : id;
}

function filesOf(state: GatewayState): Wanted {
  return new Set((state.facts['files'] as readonly string[] | undefined) ?? []);
}
