/** The demo as `npm start` shows it: history, then attacks that are seen within a minute. The clock is made. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runDemo } from '../../app/demo.ts';
import { jsonLine } from '../../cli/print/json-line.ts';
import { atLeast, type Finding, type Incident } from '../../core/finding.ts';
import { replayLines, unaccounted } from '../judged/lines.ts';

const MINUTE_MS = 60_000;

interface Shown {
  readonly liveAt: number;
  readonly incidents: readonly Incident[];
  readonly stdout: string;
}

/** Watches the live phase for `forMs`. */
async function watch(
  fromAt: number,
  forMs: number,
  size: { keys?: number; days?: number },
): Promise<Shown> {
  let now = fromAt;
  const stop = new AbortController();
  const lines: (Finding | Incident)[] = [];
  const incidents: Incident[] = [];
  let liveAt = Number.POSITIVE_INFINITY;
  const pace = {
    clock: { now: () => now },
    sleep: async (ms: number) => {
      now += Math.ceil(ms);
      if (now > liveAt + forMs) stop.abort();
    },
  };
  const summary = await runDemo(
    {
      ...size,
      signal: stop.signal,
      onPhase: ({ phase }) => {
        if (phase === 'live') liveAt = now;
      },
      onFinding: (line) => lines.push(line),
      onIncident: (line) => {
        lines.push(line);
        incidents.push(line);
      },
      onTick: () => undefined,
    },
    pace,
  );
  return { liveAt, incidents, stdout: `${[...lines, summary].map(jsonLine).join('\n')}\n` };
}

function opened({ incidents, liveAt }: Shown): Set<string> {
  const bad = incidents.filter(
    ({ openedAt, severity }) => Date.parse(openedAt) >= liveAt && atLeast(severity, 'medium'),
  );
  return new Set(bad.map(({ subject }) => subject.id));
}

test('attacks are seen within the first minute, incidents close, and the lines keep the contract', async (t) => {
  const shown = await watch(Date.parse('2026-03-10T10:37:00Z'), 2 * MINUTE_MS, {});
  const { incidents, liveAt, stdout } = shown;
  const soon = incidents.filter(({ updatedAt }) => Date.parse(updatedAt) <= liveAt + MINUTE_MS);
  const seen = opened({ ...shown, incidents: soon });
  t.diagnostic(`${seen.size} keys within a minute`);
  assert.ok(seen.size >= 2);
  const closed = incidents.filter(
    ({ closedAt }) => closedAt !== null && Date.parse(closedAt) >= liveAt,
  );
  assert.ok(closed.length > 0);
  const { summary } = replayLines(stdout);
  assert.equal(unaccounted(summary), 0);
  assert.equal(summary['subjects'], 200);
});

for (const hour of ['03:10', '12:00', '23:59']) {
  test(`begun at ${hour} on a Sunday an attack is seen within the first minute`, async () => {
    const at = Date.parse(`2026-03-29T${hour}:00Z`);
    assert.ok(opened(await watch(at, MINUTE_MS, { keys: 60, days: 14 })).size >= 1);
  });
}
