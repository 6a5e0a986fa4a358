/** Issue 3, "How it is judged": `kill -9` of `run` at any moment loses nothing and does nothing twice. */
import assert from 'node:assert/strict';
import { appendFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Incident } from '../../core/finding.ts';
import type { AttackSpec, Traffic } from '../../traffic/contract.ts';
import { kongLine } from '../../traffic/formats/kong.ts';
import { nextUnit, STATE_WORDS, seedState } from '../../traffic/random.ts';
import { createTraffic } from '../../traffic/traffic.ts';
import { type Child, scratch, start } from './keyhound.ts';
import { type StateRows, savedKeys, stateRows } from './state-rows.ts';

const SEED = 9090;
const KEYS = 24;
/** Learned by `replay --state`; `run` goes on from there. */
const HISTORY_MS = 7.5 * 86_400_000;
const FROM_AT = Date.parse('2026-03-02T00:00:00Z');
const LIVE_AT = FROM_AT + HISTORY_MS;
/** A push is repeated within the ten minutes for which the engine remembers request ids. */
const STEP_MS = 6 * 60_000;
const STEPS = 240;
const KILLS = 20;
/** A kill falls at most so long after its step began. */
const DELAY_MS_MAX = 20;
const TOKEN = 'token-of-the-judged-tests';
/** Keys used last in each source: once they are in the state, all before them is. */
const LAST_KEYS = ['end-of-file', 'end-of-pushes'] as const;

/** What is written and pushed in one step. */
interface Step {
  readonly file: string;
  readonly push: string;
}

/** Step → how long after its begin the kill comes, ms. */
type Kills = ReadonlyMap<number, number>;

interface Told {
  readonly state: StateRows;
  /** Lines on stdout by id and revision. */
  readonly lines: ReadonlyMap<string, string>;
  readonly starts: number;
}

function madeTraffic(): Traffic {
  const kinds = ['stolen-key', 'error-burst', 'spike', 'silence'] as const;
  const attacks = Array.from({ length: 20 }, (_, i): AttackSpec => {
    const kind = kinds[i % kinds.length]!;
    const fromAt = LIVE_AT + (1 + i * 10) * STEP_MS;
    const base = { kind, keyIndex: i, fromAt };
    if (kind === 'silence') return { ...base, durationMs: 6 * 3_600_000 };
    if (kind === 'spike') return { ...base, durationMs: 60_000, factor: 200 };
    return { ...base, durationMs: 600_000, rateMin: 0.3 };
  });
  return createTraffic({
    seed: SEED,
    keys: KEYS,
    days: 9,
    fromAt: FROM_AT,
    attacks,
    rates: { min: 0.01, max: 0.06 },
  });
}

/** A state that has learned the time before the live one. */
async function learn(traffic: Traffic, folder: string): Promise<string> {
  const state = path.join(folder, 'learned');
  const child = start(['replay', '-', '--format', 'kong', '--state', state], { cwd: folder });
  await pipeline(
    Readable.from(map(traffic.events({ toAt: LIVE_AT }), (event) => `${kongLine(event)}\n`)),
    child.stdin,
  );
  assert.equal((await child.ended).status, 0, child.stderr);
  return state;
}

function* map<T, U>(items: Iterable<T>, to: (item: T) => U): Generator<U> {
  for (const item of items) yield to(item);
}

function steps(traffic: Traffic): Step[] {
  const texts = Array.from({ length: STEPS }, () => ({ file: '', push: '' }));
  for (const event of traffic.events({ fromAt: LIVE_AT, toAt: LIVE_AT + STEPS * STEP_MS })) {
    const text = texts[Math.floor((event.at - LIVE_AT) / STEP_MS)]!;
    text[event.key.index % 2 === 0 ? 'file' : 'push'] += `${kongLine(event)}\n`;
  }
  return [...texts, { file: lastLine(LAST_KEYS[0]), push: lastLine(LAST_KEYS[1]) }];
}

function lastLine(id: string): string {
  const record = {
    started_at: LIVE_AT + STEPS * STEP_MS,
    client_ip: '198.51.100.7',
    request: { id, method: 'GET', uri: '/', size: 1, headers: {} },
    response: { status: 200, size: 1, headers: {} },
    latencies: { request: 1 },
    authenticated_entity: { id },
  };
  return `${JSON.stringify(record)}\n`;
}

/** `run`, started again whenever it was killed. */
class Service {
  starts = 0;
  readonly stdouts: string[] = [];
  readonly #folder: string;
  #child: Child;
  #url: Promise<string>;

  constructor(folder: string) {
    this.#folder = folder;
    [this.#child, this.#url] = this.#start();
  }

  #start(): [Child, Promise<string>] {
    this.starts++;
    const child = start(['run', '--json'], { cwd: this.#folder });
    const url = child.told(/"intake":"(http:[^"]+)"/).then((match) => match[1]!);
    url.catch(() => undefined);
    return [child, url];
  }

  async kill(): Promise<void> {
    const killed = this.#child;
    killed.kill('SIGKILL');
    assert.equal((await killed.ended).signal, 'SIGKILL', killed.stderr);
    this.stdouts.push(killed.stdout);
    [this.#child, this.#url] = this.#start();
  }

  /** Sends until it is acknowledged, as gateways do. */
  async push(body: string): Promise<void> {
    for (;;) {
      const url = await this.#url.catch(() => undefined);
      const status = url === undefined ? 0 : await post(`${url}/intake/kong`, body);
      if (status === 200) return;
      assert.ok([0, 429, 503].includes(status), `status ${status}`);
      if (this.#child.status !== undefined) assert.fail(this.#child.stderr);
      // Refused, cut off, or not there: the next attempt is for the instance that is there then.
      await sleep(5);
    }
  }

  /** Waits for `work`, but not for ever when the service is gone. */
  async lives(work: Promise<void>): Promise<void> {
    const child = this.#child;
    const gone = child.ended.then(() => assert.fail(`it ended: ${child.stderr}`));
    await Promise.race([work, gone]);
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    assert.equal((await this.#child.ended).status, 143, this.#child.stderr);
    this.stdouts.push(this.#child.stdout);
  }
}

async function post(url: string, body: string): Promise<number> {
  try {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const response = await fetch(url, { method: 'POST', headers, body });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}

async function liveThrough(
  folder: string,
  learned: string,
  all: readonly Step[],
  kills: Kills,
): Promise<Told> {
  const log = path.join(folder, 'access.log');
  const state = path.join(folder, 'state');
  mkdirSync(folder);
  cpSync(learned, state, { recursive: true });
  writeFileSync(log, '');
  writeFileSync(
    path.join(folder, 'keyhound.yaml'),
    JSON.stringify({
      state: { dir: 'state', checkpointMs: 100 },
      listen: { console: '127.0.0.1:0', decide: '127.0.0.1:0', intake: '127.0.0.1:0' },
      intake: { silentMs: 3_600_000 },
      sources: [
        { name: 'file', kind: 'file', format: 'kong', path: log },
        { name: 'pushes', kind: 'http', format: 'kong', token: TOKEN },
      ],
    }),
  );
  const service = new Service(folder);
  for (const [i, step] of all.entries()) {
    const delayMs = kills.get(i);
    const killed = delayMs === undefined ? undefined : sleep(delayMs).then(() => service.kill());
    // Two halves, so that a line is cut in the middle and the rest comes later.
    const half = Math.floor(step.file.length / 2);
    appendFileSync(log, step.file.slice(0, half));
    await service.push(step.push);
    appendFileSync(log, step.file.slice(half));
    await killed;
  }
  const lastIds = LAST_KEYS.map((id) => `kong:${id}`);
  await service.lives(savedKeys(state, lastIds));
  await service.stop();
  return { state: stateRows(state), lines: linesOf(service.stdouts), starts: service.starts };
}

/** What was told again after a crash must be what was told before. */
function linesOf(stdouts: readonly string[]): Map<string, string> {
  const lines = new Map<string, string>();
  for (const text of stdouts.join('\n').split('\n')) {
    // The last line of a killed child may be cut off.
    if (!text.endsWith('}')) continue;
    const { id, revision } = JSON.parse(text) as Incident;
    const known = lines.get(`${id} ${revision}`);
    if (known !== undefined) assert.equal(text, known);
    lines.set(`${id} ${revision}`, text);
  }
  return lines;
}

function killPlan(): Kills {
  const random = new Uint32Array(STATE_WORDS);
  seedState(random, 0, SEED);
  const kills = new Map<number, number>();
  while (kills.size < KILLS) {
    const step = Math.floor(nextUnit(random, 0) * STEPS);
    kills.set(step, Math.floor(nextUnit(random, 0) * DELAY_MS_MAX));
  }
  return kills;
}

describe('kill -9 of run under load', () => {
  it(`at ${KILLS} random moments: the state of an unbroken run, nothing lost, nothing twice`, async (t) => {
    const folder = scratch(t);
    const traffic = madeTraffic();
    const learned = await learn(traffic, folder);
    const all = steps(traffic);
    const kills = killPlan();
    const moments = [...kills].map(([step, delayMs]) => `${step}+${delayMs} ms`).join(', ');
    t.diagnostic(`seed ${SEED}: kills at steps ${moments}`);
    const unbroken = await liveThrough(path.join(folder, 'unbroken'), learned, all, new Map());
    const killed = await liveThrough(path.join(folder, 'killed'), learned, all, kills);
    t.diagnostic(
      Object.entries(unbroken.state)
        .map(([table, rows]) => `${table} ${rows.length}`)
        .join(', '),
    );
    assert.equal(unbroken.starts, 1);
    assert.equal(killed.starts, KILLS + 1);
    assert.ok(unbroken.state['incidents']!.length >= 10, 'there is something to lose');
    for (const [table, rows] of Object.entries(unbroken.state)) {
      assert.deepEqual(differences(killed.state[table] ?? [], rows), [], table);
    }
    assert.deepEqual(
      differences([...killed.lines.values()], [...unbroken.lines.values()]),
      [],
      'told lines',
    );
  });
});

/** Rows that stand on one side only: a few, because a message need not hold them all. */
function differences(found: readonly string[], expected: readonly string[]): string[] {
  const known = new Set(expected);
  const met = new Set(found);
  return [
    ...found.filter((row) => !known.has(row)).map((row) => `more: ${row}`),
    ...expected.filter((row) => !met.has(row)).map((row) => `lost: ${row}`),
  ].slice(0, 8);
}
