/** `backtest` on a terminal and for scripts, over an assembly that answers what a test gives it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Backtest, BacktestDecision, BacktestLine } from '../../app/contract.ts';
import { sampleDecision } from '../support/response-samples.ts';
import { run } from './memory-io.ts';

const LINE: BacktestLine = {
  type: 'backtest',
  policyVersion: '83597fad175c',
  firstAt: '2026-03-01T00:00:00.000Z',
  lastAt: '2026-03-28T23:59:59.000Z',
  keys: 12,
  keysActedOn: 2,
  requests: 200_000,
  requestsRefused: 2600,
  byRung: { contain: 1, suspend: 1 },
  held: { fleet: 3, budget: 1 },
  asked: 2,
  today: { policyVersion: 'aaa', keysActedOn: 0, requestsRefused: 0, byRung: {} },
};

const STOOD: BacktestDecision = {
  ...sampleDecision({
    why: 'Used from <JP>, a country \u001b[31mnew for it.',
    forMs: 900_000,
    evidence: {
      severity: 'critical',
      risk: 12.34,
      families: ['volume', 'place'],
      findings: ['fnd_1'],
      trust: 'act',
      toldAt: '2026-03-01T10:00:00.000Z',
    },
  }),
  stoodAt: '2026-03-01T10:00:11.000Z',
  requestsRefused: 2000,
};
const HELD: BacktestDecision = {
  ...sampleDecision({ id: 'dec_2', rung: 'throttle-hard', state: 'ended', heldBy: 'fleet' }),
  requestsRefused: 0,
};
const TOLD: BacktestDecision = {
  ...sampleDecision({ id: 'dec_3', rung: 'alert', state: 'noted' }),
  requestsRefused: 0,
};

function answering(change: Partial<BacktestLine> = {}, decisions = [TOLD, HELD, STOOD]) {
  const backtest: Backtest = async (options) => {
    for (const decision of decisions) options.onDecision(decision);
    return { ...LINE, ...change };
  };
  return { assemblies: { backtest } };
}

const WORDS = ['backtest', 'a.log', '--policy', 'p.yaml'];

test('as text it tells what acted, with its evidence and what it refuses, then the sums', async () => {
  const { status, stdout } = await run(WORDS, answering());
  assert.equal(status, 0);
  const [first, second] = stdout.split('\n\n');
  assert.match(first!, /^2026-03-01 10:00:11 {2}kong:7f2d {2}suspend for 15m\n/);
  assert.match(first!, /critical, risk 12\.3: volume, place {2}· {2}refuses 2,000 requests$/);
  assert.equal(first!.includes('\u001b'), false, 'what logs say is escaped');
  assert.match(second!, /throttle-hard, held \(fleet\)/);
  assert.match(stdout, /It acts on 2 of 12 keys: contain 1, suspend 1\./);
  assert.match(stdout, /200,000 requests, 2,600 refused \(1\.3 %\)/);
  assert.match(stdout, /held by brakes: fleet 3, budget 1/);
  assert.match(stdout, /would have waited for a person: 2 decisions/);
  assert.match(stdout, /the policy in force acts on none of them/);
  assert.equal(
    /attacks|dec_3|alert/.test(stdout),
    false,
    'nothing of labels, nor of what only tells',
  );
});

test('as JSON it is a line a decision, also of those that only tell, then the sums', async () => {
  const { stdout } = await run([...WORDS, '--json'], answering());
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; id?: string });
  assert.deepEqual(
    lines.map(({ type, id }) => id ?? type),
    ['dec_3', 'dec_2', STOOD.id, 'backtest'],
  );
  assert.deepEqual(lines.at(-1), LINE);
});

test('beside labels it says how much was wrong, and exits with 3 when something was', async () => {
  const attacks = { labelled: 5, actedOn: 4, medianMs: 141_000 };
  const beside = { attacks, wrongActions: 0, requestsRefusedOfUnattacked: 12 };
  const right = await run(WORDS, answering(beside));
  assert.equal(right.status, 0);
  assert.match(right.stdout, /attacks: 4 of 5 acted upon, half of them within 2m 21s; wrong: 0 /);
  assert.match(right.stdout, /while no attack is labelled: 12 \(0\.0060 %\)/);
  const wrong = await run(WORDS, answering({ ...beside, wrongActions: 1 }));
  assert.equal(wrong.status, 3);
  assert.match(wrong.stdout, /wrong: 1 action on keys that were not under attack/);
});

test('what was closed as a false alarm stands there where there is any', async () => {
  const falseAlarms = { actions: 1, requestsRefused: 40 };
  const { stdout } = await run(WORDS, answering({ falseAlarms }));
  assert.match(stdout, /of what was closed as a false alarm: 1 action, 40 requests refused/);
  assert.equal((await run(WORDS, answering())).stdout.includes('false alarm'), false);
});

test('it hands on what it was told, and shows so many as are wanted', async () => {
  let options: Parameters<Backtest>[0] | undefined;
  const backtest: Backtest = async (given) => {
    options = given;
    for (let i = 0; i < 3; i++) given.onDecision({ ...STOOD, id: `dec_${i}` });
    return LINE;
  };
  const more = ['--format', 'kong', '--key', 'bearer', '--labels', 'l', '--limit', '1'];
  const { stdout } = await run([...WORDS, ...more], { assemblies: { backtest } });
  const { paths, policy, format, key, labels } = options!;
  assert.deepEqual(
    [paths, policy, format, key, labels],
    [['a.log'], 'p.yaml', 'kong', 'bearer', 'l'],
  );
  assert.match(stdout, /and 2 decisions more: see --limit, or --json/);
});

test('without a policy it says what is missing', async () => {
  const { status, stderr } = await run(['backtest', 'a.log'], answering());
  assert.equal(status, 2);
  assert.match(stderr, /say which policy to try: --policy FILE/);
});
