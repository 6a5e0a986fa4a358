/** What the tests of the distributed form have in common: a log with attacks, and what one process finds in it. */
import { createWriteStream, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ATTACK_KINDS, type AttackSpec } from '../../traffic/contract.ts';
import { createTraffic } from '../../traffic/traffic.ts';
import { WRITERS } from '../../traffic/write.ts';
import { finish } from './keyhound.ts';
import type { Log } from './scene.ts';
import { stateRows } from './state-rows.ts';

const DAY_MS = 86_400_000;
const FROM_AT = Date.parse('2026-03-02T00:00:00Z');

export interface LogOptions {
  readonly seed: number;
  readonly keys: number;
  readonly days: number;
  readonly rate: number;
}

/** Keyhound's own format; one attack of each kind, spread over the last day, and a launch. */
export async function writeLog(file: string, options: LogOptions): Promise<number> {
  const { seed, keys, days, rate } = options;
  const lastDay = FROM_AT + (days - 1) * DAY_MS;
  const attacks = ATTACK_KINDS.map((kind, keyIndex): AttackSpec => {
    return { kind, keyIndex, fromAt: lastDay + keyIndex * 3_000_000, rateMin: 0.2 };
  });
  const traffic = createTraffic({
    seed,
    keys,
    days,
    fromAt: FROM_AT,
    attacks,
    rates: { min: rate / 4, max: rate * 2 },
    scenarios: [
      { kind: 'launch', fromAt: lastDay + 20 * 3_600_000, durationMs: 1_200_000, factor: 60 },
    ],
  });
  let lines = 0;
  await pipeline(
    Readable.from(
      (function* () {
        let chunk = '';
        for (const event of traffic.events()) {
          lines++;
          chunk += `${WRITERS.keyhound(event)}\n`;
          if (chunk.length < 1 << 18) continue;
          yield chunk;
          chunk = '';
        }
        yield chunk;
      })(),
    ),
    createWriteStream(file),
  );
  return lines;
}

export interface Judged {
  readonly log: Log;
  /** What the embedded form finds in it, with its state in `state` of `folder`. */
  readonly wanted: Outcome;
  readonly stateDir: string;
}

const DAYS = 4;
const KEYS = 60;
/** At which the log grows in a scene, events per second. */
const PACE = 6000;

/** The log that all forms have to find the same in. */
export async function judgedLog(folder: string, events: number): Promise<Judged> {
  const file = path.join(folder, 'log.ndjson');
  const rate = events / (DAYS * 86_400 * KEYS);
  const lines = await writeLog(file, { seed: 9, keys: KEYS, days: DAYS, rate });
  const home = path.join(folder, 'embedded');
  const wanted = await embedded(home, file);
  const log = { file, bytes: statSync(file).size, feedMs: (lines / PACE) * 1000 };
  return { log, wanted, stateDir: path.join(home, 'state') };
}

/** What a result is compared by: kind and id → the last revision, as text. */
export type Outcome = ReadonlyMap<string, string>;

/** What the embedded form finds in a log. */
export async function embedded(folder: string, file: string): Promise<Outcome> {
  mkdirSync(folder, { recursive: true });
  const words = ['replay', file, '--format', 'keyhound', '--state', 'state', '--json'];
  const { status, stderr } = await finish(words, { cwd: folder });
  if (status !== 0) throw new Error(`replay: ${status}\n${stderr}`);
  const rows = stateRows(path.join(folder, 'state'));
  const outcome = new Map<string, string>();
  for (const kind of ['incidents', 'findings'] as const) {
    for (const row of rows[kind]!) {
      const values = JSON.parse(row) as string[];
      outcome.set(`${kind.slice(0, -1)} ${values[0]}`, values.at(-1)!);
    }
  }
  for (const row of rows['usage']!) {
    const [hour, digest, ...counts] = JSON.parse(row) as [number, string, ...number[]];
    outcome.set(`usage ${digest.toLowerCase()} ${hour}`, JSON.stringify(counts));
  }
  return outcome;
}

/** The same of the lines of the topic of incidents: of each id the highest revision, of an hour the last row. */
export function outcomeOf(lines: readonly Record<string, unknown>[]): Outcome {
  const revisions = new Map<string, number>();
  const outcome = new Map<string, string>();
  for (const line of lines) {
    const { type, id, revision } = line as { type: string; id: string; revision: number };
    if (type === 'usage') {
      const { digest, hourAt, requests, errors, bytesIn, bytesOut } = line;
      const name = `usage ${digest} ${Number(hourAt) / 3_600_000}`;
      if ((revisions.get(name) ?? -1) > Number(requests)) continue;
      revisions.set(name, Number(requests));
      outcome.set(name, JSON.stringify([requests, errors, bytesIn, bytesOut]));
    } else if (type === 'finding' || type === 'incident') {
      const name = `${type} ${id}`;
      if ((revisions.get(name) ?? 0) > revision) continue;
      revisions.set(name, revision);
      outcome.set(name, JSON.stringify(line));
    }
  }
  return outcome;
}

/** In words: what differs, the first few. Undefined when nothing does. */
export function difference(found: Outcome, wanted: Outcome): string | undefined {
  const names = [...new Set([...wanted.keys(), ...found.keys()])].sort();
  const differing = names.filter((name) => found.get(name) !== wanted.get(name));
  if (differing.length === 0) return undefined;
  const shown = differing
    .slice(0, 4)
    .map((name) => `${name}\n  found  ${found.get(name)}\n  wanted ${wanted.get(name)}`);
  return `${differing.length} of ${names.length} differ:\n${shown.join('\n')}`;
}
