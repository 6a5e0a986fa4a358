/** Issue 3, "How it is judged": ten million made-up keys neither grow memory nor hide an attack. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { it } from 'node:test';
import { nextWord, STATE_WORDS, seedState } from '../../traffic/random.ts';
import { createTraffic } from '../../traffic/traffic.ts';
import { WRITERS } from '../../traffic/write.ts';
import { scratch, start } from './keyhound.ts';
import { type Line, replayLines } from './lines.ts';

const SEED = 1001;
const MADE_UP = 10_000_000;
const GROWTH_BYTES_MAX = 200 << 20;
const DAY_MS = 86_400_000;
const FROM_AT = Date.parse('2026-03-02T00:00:00Z');
const ATTACK_AT = FROM_AT + 8.5 * DAY_MS;
/** The made-up keys come in this span, evenly; the attack lies in the middle of it. */
const FLOOD_AT = FROM_AT + 8 * DAY_MS;
const FLOOD_MS = DAY_MS;

const traffic = createTraffic({
  seed: SEED,
  keys: 20,
  days: 9,
  fromAt: FROM_AT,
  rates: { min: 0.002, max: 0.02 },
  attacks: [{ kind: 'stolen-key', keyIndex: 3, fromAt: ATTACK_AT, rateMin: 1 }],
});

/** Real traffic, and `madeUp` records of a key each that nobody has ever seen, in order of time. */
function* log(madeUp: number): Generator<string> {
  const random = new Uint32Array(STATE_WORDS);
  seedState(random, 0, SEED);
  let text = '';
  let made = 0;
  const add = function* (line: string): Generator<string> {
    text += line;
    if (text.length < 1 << 18) return;
    yield text;
    text = '';
  };
  for (const event of traffic.events()) {
    const due = Math.min(madeUp, Math.floor(((event.at - FLOOD_AT) / FLOOD_MS) * madeUp));
    for (; made < due; made++) {
      const at = FLOOD_AT + Math.floor((made / madeUp) * FLOOD_MS);
      const id = `${nextWord(random, 0)}-${nextWord(random, 0)}`;
      yield* add(`{"at":${at},"keyId":"${id}","status":200,"clientIp":"198.51.100.7"}\n`);
    }
    yield* add(`${WRITERS.keyhound(event)}\n`);
  }
  yield text;
}

async function replayed(folder: string, madeUp: number): Promise<readonly Line[]> {
  const words = ['replay', '-', '--format', 'keyhound', '--json'];
  const child = start(words, { cwd: folder });
  await pipeline(Readable.from(log(madeUp)), child.stdin);
  assert.equal((await child.ended).status, 0, child.stderr);
  return replayLines(child.stdout).all;
}

it(`${MADE_UP} made-up keys grow memory by less than 200 MiB and hide no attack (seed ${SEED})`, async (t) => {
  const folder = scratch(t);
  const without = (await replayed(folder, 0)).at(-1)!;
  const all = await replayed(folder, MADE_UP);
  const summary = all.at(-1)!;
  const bytes = Number(summary['rssMaxBytes']) - Number(without['rssMaxBytes']);
  t.diagnostic(
    `${(bytes / 2 ** 20).toFixed(0)} MiB more, ${summary['subjects']} subjects, ${summary['cpuSeconds']} s of CPU`,
  );
  assert.ok(Number(summary['records']) > MADE_UP * 0.99);
  const stolen = `keyhound:${traffic.keys[3]!.credentialId}`;
  const found = all.filter(
    (line) =>
      line['type'] === 'incident' &&
      (line['subject'] as { id: string }).id === stolen &&
      Date.parse(String(line['openedAt'])) >= ATTACK_AT &&
      ['medium', 'high', 'critical'].includes(String(line['severity'])),
  );
  assert.notEqual(found.length, 0, 'the attack was found');
  assert.ok(bytes < GROWTH_BYTES_MAX, `${bytes} bytes more`);
});
