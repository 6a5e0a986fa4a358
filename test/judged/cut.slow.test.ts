/** Issue 3, "How it is judged": a replay that was cut anywhere tells what an uncut one does, byte for byte. */
import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { AttackSpec } from '../../traffic/contract.ts';
import { nextUnit, STATE_WORDS, seedState } from '../../traffic/random.ts';
import { createTraffic } from '../../traffic/traffic.ts';
import { WRITERS } from '../../traffic/write.ts';
import { finish, ROOT, scratch } from './keyhound.ts';
import { lastById } from './lines.ts';

const SEED = 515;
const DAY_MS = 86_400_000;
const FROM_AT = Date.parse('2026-03-02T00:00:00Z');

/** Ten keys for ten days, with attacks that lie across the cuts. */
function madeLog(): string[] {
  const kinds = ['stolen-key', 'error-burst', 'silence', 'spike'] as const;
  const attacks = kinds.map((kind, i): AttackSpec => {
    const fromAt = FROM_AT + (8 + i / 3) * DAY_MS;
    if (kind === 'silence') return { kind, keyIndex: i, fromAt, durationMs: DAY_MS / 2 };
    return { kind, keyIndex: i, fromAt, rateMin: 0.2, durationMs: 3_600_000 };
  });
  const traffic = createTraffic({
    seed: SEED,
    keys: 10,
    days: 10,
    fromAt: FROM_AT,
    attacks,
    rates: { min: 0.002, max: 0.02 },
  });
  return Array.from(traffic.events(), WRITERS.keyhound);
}

/** All records of the folder in order of time, one a line. */
function cloudtrailLog(): string[] {
  const folder = path.join(ROOT, '../shared/data/cloudtrail/invictus');
  const records = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => {
      const text = readFileSync(path.join(folder, name), 'utf8');
      return (JSON.parse(text) as { Records: { eventTime: string }[] }).Records;
    });
  return records
    .sort((a, b) => Date.parse(a.eventTime) - Date.parse(b.eventTime))
    .map((record) => JSON.stringify(record));
}

/** Numbers of lines that add up to `lines`, none of them alike. */
function chunkSizes(lines: number, chunks: number): number[] {
  const random = new Uint32Array(STATE_WORDS);
  seedState(random, 0, SEED, chunks);
  const cuts = Array.from({ length: chunks - 1 }, () => Math.floor(nextUnit(random, 0) * lines));
  const ends = [...cuts.sort((a, b) => a - b), lines];
  return ends.map((end, i) => end - (ends[i - 1] ?? 0)).filter((size) => size > 0);
}

async function replayed(folder: string, words: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await finish(['replay', ...words, '--json'], { cwd: folder });
  assert.equal(status, 0, stderr);
  return stdout;
}

for (const [name, log] of Object.entries({ made: madeLog, CloudTrail: cloudtrailLog })) {
  describe(`a replay of ${name} records with --state`, () => {
    const lines = log();
    const cut = (from: number, to: number): string => `${lines.slice(from, to).join('\n')}\n`;

    it(`in two or in chunks of any size equals an uncut one (seed ${SEED})`, async (t) => {
      const folder = scratch(t);
      writeFileSync(path.join(folder, 'whole.log'), cut(0, lines.length));
      const whole = lastById([await replayed(folder, ['whole.log'])]);
      assert.ok(whole.size >= 4, 'there is something to compare');
      t.diagnostic(`${lines.length} records, ${whole.size} findings and incidents`);
      for (const chunks of [2, 9]) {
        const told: string[] = [];
        let from = 0;
        for (const [i, size] of chunkSizes(lines.length, chunks).entries()) {
          const file = `${chunks}-${i}.log`;
          writeFileSync(path.join(folder, file), cut(from, from + size));
          from += size;
          told.push(await replayed(folder, [file, '--state', `state-${chunks}`]));
        }
        assert.deepEqual(lastById(told), whole, `${chunks} chunks`);
      }
    });

    it('whose file ended in the middle of a record reads that record once it is whole', async (t) => {
      const folder = scratch(t);
      const middle = Math.floor(lines.length * 0.6);
      const half = lines[middle]!.slice(0, lines[middle]!.length / 2);
      writeFileSync(path.join(folder, 'growing.log'), cut(0, middle) + half);
      const words = ['growing.log', '--state', 'state'];
      const told = [await replayed(folder, words)];
      writeFileSync(path.join(folder, 'growing.log'), cut(0, lines.length));
      told.push(await replayed(folder, words));
      assert.match(told[1]!, new RegExp(`"type":"summary","records":${lines.length - middle},`));
      writeFileSync(path.join(folder, 'whole.log'), cut(0, lines.length));
      assert.deepEqual(lastById(told), lastById([await replayed(folder, ['whole.log'])]));
    });

    it('of one file that grows in between reads what is new only, and equals an uncut one', async (t) => {
      const folder = scratch(t);
      const file = path.join(folder, 'growing.log');
      const middle = Math.floor(lines.length * 0.83);
      writeFileSync(file, cut(0, lines.length));
      const whole = lastById([await replayed(folder, ['growing.log'])]);
      writeFileSync(file, cut(0, middle));
      const words = ['growing.log', '--state', 'state'];
      const first = await replayed(folder, words);
      appendFileSync(file, cut(middle, lines.length));
      const second = await replayed(folder, words);
      assert.match(second, new RegExp(`"type":"summary","records":${lines.length - middle},`));
      assert.deepEqual(lastById([first, second]), whole);
      assert.match(await replayed(folder, words), /"type":"summary","records":0,/);
    });
  });
}
