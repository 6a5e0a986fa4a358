/**
 * A runner of actions is killed with -9 again and again, at random instants, at a gateway that also fails at random.
 * Whatever is told to it is told again after a kill, until it was confirmed, as the engine does. In the end each
 * action took effect exactly once and was taken back exactly once, nothing is stuck, and the audit chain is whole.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { actionId } from '../../../../responders/actions/ids.ts';
import { verifyAudit } from '../../../../responders/audit-verify.ts';
import { sampleDecision } from '../../../support/response-samples.ts';
import { fakeKey } from '../fake-api.ts';
import type { Command, KillDriver, KillStores } from './contract.ts';
import { type HttpGateway, startGateway } from './gateway.ts';

export interface KillTest {
  readonly driver: KillDriver;
  /** Of the module that exports the driver. */
  readonly url: string;
  createPlace(): Promise<string>;
  readonly kills: number;
  /** Named in the test, so that a run can be had again. */
  readonly seed?: number;
  /** Called after each kill, before the next process starts, e.g. to restart a server. */
  disturb?(kill: number): Promise<void>;
}

/** Keys of several decisions; every third decision is about one of them, the others have a key of their own. */
const SHARED = 3;
/** Commands that are under way at once. */
const AT_ONCE = 3;
/** Decisions that have not taken effect yet, at most: what is left for the end, without faults, proves little. */
const BACKLOG = 6;
/** Calls of the gateway, before and after they take effect, or confirmations, between two kills. */
const EVENTS_MAX = 40;
const KILL_MS_MAX = 6;

/** In CI; a release is tested with KILLS=200. */
export const KILLS = Number(process.env['KILLS'] ?? 30);

export function testKills(options: KillTest): void {
  const { driver, kills, seed = 20_260_301 } = options;
  const title = `${driver.name}: after ${kills} kill -9 each action was in effect exactly once (seed ${seed})`;
  test(title, { timeout: 900_000 }, async () => {
    const place = await options.createPlace();
    const gateway = await startGateway();
    const run = new Run(options, place, gateway, randomOf(seed));
    try {
      await run.whole();
      await run.end();
      const stores = await driver.open(place);
      await assertOutcome(stores, gateway, run.ended).finally(() => stores.close());
    } finally {
      await run.end();
      await gateway.close();
    }
  });
}

class Run {
  /** Ids of decisions that were made, and of those that were ended. */
  readonly made: string[] = [];
  readonly ended = new Set<string>();
  readonly #options: KillTest;
  readonly #place: string;
  readonly #gateway: HttpGateway;
  readonly #random: () => number;
  readonly #underWay = new Map<number, Command>();
  #child: ChildProcess | undefined;
  #next = 1;
  #kills = 0;
  #toKill = 1;
  #killsAfter: 'call' | 'confirmation' = 'call';
  #settled = Promise.withResolvers<void>();
  #errors = '';

  constructor(options: KillTest, place: string, gateway: HttpGateway, random: () => number) {
    this.#options = options;
    this.#place = place;
    this.#gateway = gateway;
    this.#random = random;
  }
  /** All of it: until so many kills were made and everything is settled. */
  async whole(): Promise<void> {
    const gateway = this.#gateway;
    gateway.onCall = () => {
      this.#event('call');
      if (this.#kills < this.#options.kills) this.#fill();
    };
    gateway.fault = (writes) => {
      if (this.#kills >= this.#options.kills) return 'none';
      const dice = this.#random();
      if (dice < (writes ? 0.2 : 0.05)) return 'cut';
      return dice > 0.95 ? 'away' : 'none';
    };
    this.#start();
    await this.#settled.promise;
  }
  async end(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  #start(): void {
    const script = fileURLToPath(new URL('./runner-child.ts', import.meta.url));
    const { url } = this.#options;
    const flags = ['--disable-warning=ExperimentalWarning'];
    const child = spawn(process.execPath, [...flags, script, url, this.#place, this.#gateway.url]);
    this.#child = child;
    this.#killsAfter = this.#random() < 0.8 ? 'call' : 'confirmation';
    this.#toKill = 1 + Math.floor(this.#random() * EVENTS_MAX);
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk;
      const lines = text.split('\n');
      text = lines.pop()!;
      for (const line of lines) this.#confirmed(Number(line));
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#errors += chunk;
    });
    child.stdin.on('error', () => {});
    child.once('exit', (_, signal) => void this.#exited(signal));
    for (const command of this.#underWay.values()) this.#send(command);
    this.#fill();
  }
  async #exited(signal: NodeJS.Signals | null): Promise<void> {
    if (signal !== 'SIGKILL') {
      this.#settled.reject(new Error(`the child ended by itself: ${this.#errors}`));
    } else if (this.#kills <= this.#options.kills && this.#child !== undefined) {
      await this.#options.disturb?.(this.#kills);
      this.#start();
    }
  }
  #send(command: Command): void {
    this.#child!.stdin!.write(`${JSON.stringify(command)}\n`);
  }
  #fill(): void {
    const over = this.#kills >= this.#options.kills;
    if (over && this.#underWay.size === 0) this.#tell({ do: 'settle' });
    while (!over && this.#underWay.size < AT_ONCE && this.#backlog() < BACKLOG) {
      this.#tell(this.#order());
    }
  }
  #tell(order: Command extends infer C ? (C extends unknown ? Omit<C, 'n'> : never) : never): void {
    const command = { ...order, n: this.#next++ } as Command;
    this.#underWay.set(command.n, command);
    this.#send(command);
  }
  #backlog(): number {
    const { effects } = this.#gateway;
    return this.made.filter((id) => !this.ended.has(id) && !effects.has(actionId(id, 'kong')))
      .length;
  }
  /** A new decision, or the end of one that was confirmed. */
  #order() {
    const asked = new Set<string>();
    for (const one of this.#underWay.values()) if (one.do === 'decide') asked.add(one.decision.id);
    const standing = this.made.filter((id) => !this.ended.has(id) && !asked.has(id));
    // Mostly what took effect; else also what was only just asked for.
    const anyOf = this.#random() < 0.2;
    const free = standing.filter((id) => anyOf || this.#gateway.effects.has(actionId(id, 'kong')));
    if (free.length > 0 && this.#random() < 0.45) {
      const id = free[Math.floor(this.#random() * free.length)]!;
      this.ended.add(id);
      return { do: 'end', id } as const;
    }
    const n = this.made.length;
    const decision = sampleDecision({
      id: `dec_${String(n).padStart(20, '0')}`,
      subject: { kind: 'key', id: keyOf(n) },
      untilAt: null,
    });
    this.made.push(decision.id);
    return { do: 'decide', decision } as const;
  }
  #confirmed(n: number): void {
    const command = this.#underWay.get(n);
    this.#underWay.delete(n);
    if (command?.do === 'settle') this.#settled.resolve();
    else this.#fill();
    this.#event('confirmation');
  }
  /** After some of these comes the kill, a moment later. */
  #event(what: 'call' | 'confirmation'): void {
    if (what !== this.#killsAfter || this.#kills >= this.#options.kills) return;
    if (--this.#toKill !== 0) return;
    this.#kills++;
    const child = this.#child!;
    setTimeout(() => child.kill('SIGKILL'), this.#random() * KILL_MS_MAX);
  }
}

function keyOf(n: number): string {
  return n % 3 === 0 ? `kong:shared-${n % (3 * SHARED)}` : `kong:own-${n}`;
}

async function assertOutcome(
  { store }: KillStores,
  gateway: HttpGateway,
  ended: ReadonlySet<string>,
): Promise<void> {
  const actions = await store.actions({ limit: 100_000 });
  assert.ok(actions.length > 20, `${actions.length} actions`);
  assert.deepEqual(await store.unsettledActions(), [], 'nothing is stuck');
  const audited = await auditedActions(store);
  for (const action of actions) {
    const { id, decision, state } = action;
    assert.equal(state, ended.has(decision) ? 'undone' : 'done', id);
    const applied = audited.get(`applied ${id}`) ?? 0;
    const undone = audited.get(`undone ${id}`) ?? 0;
    if (state === 'done') assert.ok(applied > 0, `${id} is in the audit`);
    else assert.ok(undone > 0 || audited.has(`withdrawn ${id}`), `${id}'s end is in the audit`);
  }
  for (const [id, key] of gateway.keys) {
    const standing = actions.filter(({ subject, state }) => subject.id === id && state === 'done');
    const there = Object.keys(key.blocks);
    assert.equal(there.length, Math.min(1, standing.length), `${id}: ${there.join(' ')}`);
    assert.ok(there.every((tag) => standing.some((action) => action.id === tag)));
    assert.deepEqual({ ...key, blocks: {} }, fakeKey());
  }
  for (const [tag, { created, removed, refused }] of gateway.effects) {
    const isThere = [...gateway.keys.values()].some(({ blocks }) => blocks[tag] !== undefined);
    assert.equal(created - removed, isThere ? 1 : 0, tag);
    assert.equal(refused, 0, `${tag}: made or removed where it was already`);
    // On a shared key it gives way to a stricter one and comes back.
    const isAlone = actions.find(({ id }) => id === tag)!.subject.id.startsWith('kong:own');
    if (isAlone) assert.equal(created, 1, `${tag}: in effect exactly once`);
  }
  const checks = await verifyAudit(store);
  assert.deepEqual(
    checks.map(({ ok, detail }) => (ok ? 'whole' : detail)),
    ['whole'],
  );
}

/** How often each thing is told of each action. */
async function auditedActions(store: KillStores['store']): Promise<Map<string, number>> {
  const entries = await store.auditEntries('one', 1, 1_000_000);
  const counts = new Map<string, number>();
  for (const { what, evidence } of entries) {
    const name = `${what} ${evidence['action']}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** Numbers in [0, 1) by Mulberry32. */
function randomOf(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
