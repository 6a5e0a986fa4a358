/** A backtest: a small history of keys with a declared scope, through the whole path. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { backtest } from '../../app/backtest.ts';
import { openClient } from '../../app/client.ts';
import { loadConfig } from '../../app/config.ts';
import type { BacktestDecision, BacktestLine, Incident } from '../../app/contract.ts';
import { replay } from '../../app/replay.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { PEPPER } from './made-state.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyhound-backtest-'));
after(() => rmSync(folder, { recursive: true }));
process.env['KEYHOUND_PEPPER'] = PEPPER;

const at = (name: string): string => join(folder, name);
const T0 = Date.parse('2026-03-02T10:00:00Z');
const SECOND_MS = 1000;
const DAY_MS = 86_400_000;
/** Two days at a request in ten minutes, then one a second to a route that the key is not for. */
const ATTACK_AT = T0 + 2 * DAY_MS;
const ATTACK_SECONDS = 300;

const OWN = { status: 200, path: '/v1/orders/17', clientIp: '198.51.100.7' };

function history(): string {
  const lines: { at: number; keyId: string; path: string }[] = [];
  for (let when = T0; when < ATTACK_AT + DAY_MS / 4; when += 600_000) {
    for (const keyId of ['a', 'b']) lines.push({ at: when, keyId, ...OWN });
  }
  for (let i = 0; i < ATTACK_SECONDS; i++) {
    lines.push({ at: ATTACK_AT + i * SECOND_MS, keyId: 'a', ...OWN, path: '/admin/users' });
  }
  lines.sort((one, other) => one.at - other.at);
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

const SCOPE = '{ routes: [/v1/orders/*] }';
const KEYS = ['a', 'b'].map(
  (id) => `  - { id: "keyhound:${id}", label: key-${id}, scope: ${SCOPE} }\n`,
);
const RULES =
  'rules: [{ name: misuse, when: { severityMin: low, families: [credential] }, rung: throttle-hard }]\n';

writeFileSync(at('log.ndjson'), history());
writeFileSync(at('keyhound.yaml'), `keys:\n${KEYS.join('')}policy: acting.yaml\n`);
writeFileSync(at('acting.yaml'), `version: 1\nladder: { throttle-hard: automatic }\n${RULES}`);
writeFileSync(at('asking.yaml'), `version: 1\nladder: { throttle-hard: approval }\n${RULES}`);
writeFileSync(at('observing.yaml'), `version: 1\n${RULES}`);

const config = loadConfig({ file: at('keyhound.yaml'), env: {}, cwd: folder });

interface Ran {
  readonly line: BacktestLine;
  readonly decisions: readonly BacktestDecision[];
}

async function ran(policy: string, labels?: object[]): Promise<Ran> {
  const decisions: BacktestDecision[] = [];
  if (labels !== undefined) {
    writeFileSync(at('labels'), labels.map((label) => `${JSON.stringify(label)}\n`).join(''));
  }
  const line = await backtest({
    paths: [at('log.ndjson')],
    config,
    policy: at(policy),
    labels: labels === undefined ? undefined : at('labels'),
    signal: new AbortController().signal,
    onDecision: (decision) => decisions.push(decision),
    onProgress: () => {},
    onNote: () => {},
  });
  return { line, decisions };
}

/** By the policy that acts, without labels, before there is a state. */
let acting: Ran;
before(async () => {
  acting = await ran('acting.yaml');
});

const acted = ({ decisions }: Ran) => decisions.filter(({ stoodAt }) => stoodAt !== undefined);
const iso = (when: number) => new Date(when).toISOString();
const ATTACK = { kind: 'misuse', fromAt: iso(ATTACK_AT), toAt: iso(ATTACK_AT + 300_000) };

describe('a policy that acts', () => {
  test('throttles the key within a second, and tells what that refuses and on what evidence', () => {
    const { line } = acting;
    const [decision, ...others] = acted(acting);
    assert.equal(others.length, 0);
    assert.equal(decision!.subject.label, 'key-a');
    assert.equal(decision!.stoodAt, iso(ATTACK_AT));
    assert.deepEqual(decision!.limit, { requests: 10, windowMs: 60_000 });
    assert.ok(decision!.evidence!.families.includes('credential'));
    // A bucket of ten, and what it gains in five minutes, with what came before the throttle.
    assert.ok(Math.abs(line.requestsRefused - (ATTACK_SECONDS - 10 - 50)) <= 3);
    assert.equal(decision!.requestsRefused, line.requestsRefused);
    assert.deepEqual(
      [line.keys, line.keysActedOn, line.byRung, line.wrongActions],
      [2, 1, { 'throttle-hard': 1 }, undefined],
    );
    assert.equal(line.requests, history().split('\n').length - 1);
    assert.equal(line.today?.policyVersion, line.policyVersion, 'it is the one in force');
  });

  test('is told right by labels, and wrong without one', async () => {
    const right = await ran('acting.yaml', [{ keyLabel: 'key-a', ...ATTACK }]);
    assert.deepEqual(right.line.attacks, { labelled: 1, actedOn: 1, medianMs: 0 });
    assert.equal(right.line.wrongActions, 0);
    assert.equal(right.line.requestsRefusedOfUnattacked, 0);
    assert.equal(acted(right)[0]!.attack, 'misuse');
    const wrong = await ran('acting.yaml', [{ subject: 'keyhound:b', ...ATTACK }]);
    assert.deepEqual(wrong.line.attacks, { labelled: 1, actedOn: 0 });
    assert.equal(wrong.line.wrongActions, 1);
    assert.equal(wrong.line.requestsRefusedOfUnattacked, wrong.line.requestsRefused);
  });
});

test('a policy that asks, or observes, refuses nothing; the one in force is told beside it', async () => {
  const asks = await ran('asking.yaml');
  assert.deepEqual([asks.line.keysActedOn, asks.line.requestsRefused], [0, 0]);
  assert.equal(asks.line.asked, 1);
  assert.equal(asks.line.today?.keysActedOn, 1);
  assert.ok((asks.line.today?.requestsRefused ?? 0) > 200);
  const observes = await ran('observing.yaml');
  assert.equal(observes.line.asked, 0);
  assert.deepEqual(
    observes.decisions.map(({ rung, mode, state }) => [rung, mode, state]),
    [['throttle-hard', 'observe', 'noted']],
  );
});

test('the same history gives the same lines', async () => {
  assert.deepEqual(await ran('acting.yaml'), acting);
});

test('what people closed as a false alarm is counted, if the state has it', async () => {
  assert.equal(acting.line.falseAlarms, undefined);
  await replayInto(at('.keyhound'));
  const closed = await ran('acting.yaml');
  assert.deepEqual(closed.line.falseAlarms, {
    actions: 1,
    requestsRefused: closed.line.requestsRefused,
  });
  const others = await ran('asking.yaml');
  assert.deepEqual(others.line.falseAlarms, { actions: 0, requestsRefused: 0 });
});

/** What happened, in a state, where somebody then said that it was nothing. */
async function replayInto(stateDir: string): Promise<void> {
  const signal = new AbortController().signal;
  const nothing = (): void => {};
  const incidents = new Map<string, Incident>();
  await replay({
    paths: [at('log.ndjson')],
    config,
    stateDir,
    signal,
    onFinding: nothing,
    onIncident: (incident) => incidents.set(incident.id, incident),
    onProgress: nothing,
    onNote: nothing,
  });
  const client = await openClient({ config, signal });
  for (const { id } of incidents.values()) {
    await client.closeIncident(id, { as: 'false-alarm', by: 'ann', reason: 'a test of ours' });
  }
  await client.close();
}

test('what cannot be read is said before anything is', async () => {
  const code = async (promise: Promise<unknown>): Promise<string> => {
    const error = await promise.then(
      () => assert.fail('it ran'),
      (cause: unknown) => cause,
    );
    assert.ok(error instanceof KeyhoundError, String(error));
    return `${error.kind} ${error.code}`;
  };
  writeFileSync(at('broken.yaml'), 'version: 1\nladder: { suspend: perhaps }\n');
  assert.equal(await code(ran('broken.yaml')), 'usage policy-invalid');
  assert.equal(await code(ran('none.yaml')), 'usage policy-unreadable');
  assert.equal(await code(ran('acting.yaml', [{ subject: 'x' }])), 'usage labels-invalid');
});
