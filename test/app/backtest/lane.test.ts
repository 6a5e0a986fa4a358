/** One policy on one stream: what it decides takes effect on what comes after, and detection sees what is left. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Lane, type LaneOptions } from '../../../app/backtest/lane.ts';
import { toIso } from '../../../core/clock.ts';
import type { WatchRequest } from '../../../core/control.ts';
import type { Decision } from '../../../core/decision.ts';
import { type ApiEvent, copyEvent, createEvent } from '../../../core/event.ts';
import type { Finding, Incident } from '../../../core/finding.ts';
import { LIMITED_BY } from '../../../core/record.ts';
import { DEFAULT_AUTOMATIC } from '../../../responders/policy.ts';
import { NO_DIRECTORY } from '../../support/directory.ts';

const T0 = Date.parse('2026-03-02T10:00:00Z');
const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const KEY = { ...createEvent().key, id: 'kong:1' };

/** Two families at once that no other key shares: critical. */
function told(at: number): { findings: Finding[]; incident: Incident } {
  const findings = (['scope', 'new-place'] as const).map((detector): Finding => {
    const family = detector === 'scope' ? 'credential' : 'place';
    return {
      type: 'finding',
      id: `fnd_${detector}`,
      revision: 1,
      detector,
      family,
      subject: { kind: 'key', id: KEY.id },
      openedAt: toIso(at),
      fromAt: toIso(at),
      toAt: toIso(at),
      score: 12,
      severity: 'critical',
      observed: {},
      expected: {},
      why: detector,
      closedAt: null,
      trust: 'act',
      parts: [],
      versions: {},
    };
  });
  const incident: Incident = {
    type: 'incident',
    id: 'inc_1',
    revision: 1,
    subject: { kind: 'key', id: KEY.id },
    openedAt: toIso(at),
    updatedAt: toIso(at),
    closedAt: null,
    severity: 'critical',
    risk: 14,
    families: ['credential', 'place'],
    findings: findings.map(({ id }) => id),
    why: 'two at once',
  };
  return { findings, incident };
}

/** An engine that finds something in the first event, and keeps what it is shown. */
function opened(options: Partial<LaneOptions> = {}) {
  const decided: (readonly [state: string, rung: string, second: number])[] = [];
  const lane = new Lane({
    policy: DEFAULT_AUTOMATIC,
    directory: NO_DIRECTORY,
    isCold: false,
    onDecision: ({ state, rung }: Decision, nowMs) =>
      decided.push([state, rung, (nowMs - T0) / SECOND_MS]),
    ...options,
  });
  const seen: ApiEvent[] = [];
  const watched: WatchRequest[] = [];
  lane.attach({
    observe(event) {
      const kept = createEvent();
      copyEvent(event, kept);
      seen.push(kept);
      if (seen.length > 1) return;
      const { findings, incident } = told(event.at);
      for (const finding of findings) lane.onFinding(finding);
      lane.onIncident(incident);
    },
    control: (_kind, request) => watched.push(request),
  });
  const use = (ms: number) =>
    lane.apply({ ...createEvent(), at: T0 + ms, key: KEY, attested: true, status: 200 });
  return { lane, decided, seen, watched, use };
}

describe('a lane', () => {
  test('refuses from a second after the decision on, and detection sees that as refused by us', () => {
    const { use, seen, decided } = opened();
    assert.equal(use(0).refusal, undefined);
    assert.deepEqual(decided, [['standing', 'suspend', 0]]);
    assert.equal(use(900).refusal, undefined);
    assert.equal(use(1000).refusal?.rung, 'suspend');
    assert.deepEqual(
      seen.map(({ limitedBy, status }) => [limitedBy, status]),
      [
        [LIMITED_BY.nobody, 200],
        [LIMITED_BY.nobody, 200],
        [LIMITED_BY.keyhound, 403],
      ],
    );
  });

  test('has each action watched, and its end', () => {
    const { use, watched } = opened();
    use(0);
    assert.deepEqual(
      watched.map(({ kind, rung, at, boundMs }) => [kind, rung, at - T0, boundMs]),
      [['applied', 'suspend', 0, SECOND_MS]],
    );
    use(20 * MINUTE_MS);
    assert.equal(
      watched.some(({ kind, at }) => kind === 'undone' && at - T0 === 15 * MINUTE_MS),
      true,
    );
  });

  test('lets time pass where the history has a gap: what ends then ends at its own time', () => {
    const { use, decided } = opened();
    use(0);
    use(3 * 3_600_000);
    const ended = decided.filter(([state]) => state === 'ended');
    assert.deepEqual(ended[0], ['ended', 'suspend', 15 * 60]);
  });

  test('goes by when an event comes, where that is told: stale evidence is only told', () => {
    const { lane, decided } = opened({ lagMs: () => 10 * MINUTE_MS });
    const event = { ...createEvent(), at: T0, key: KEY, attested: true, status: 200 };
    lane.apply(event, T0 + 10 * MINUTE_MS);
    assert.deepEqual(
      decided.map(([state, rung]) => [state, rung]),
      [['noted', 'alert']],
    );
  });

  test('keeps a cold detection from suspending', () => {
    const { use, decided } = opened({ isCold: true });
    use(0);
    assert.equal(
      decided.some(([, rung]) => rung === 'suspend'),
      false,
    );
    assert.equal(decided[0]![1], 'throttle-hard');
  });

  test('knows who makes the traffic: keys in use, requests of the hour, consumers', () => {
    const { lane, use } = opened();
    for (let minute = 0; minute < 90; minute++) use(minute * MINUTE_MS);
    const { census } = lane;
    assert.deepEqual([census.size, census.requests], [1, 90]);
    assert.equal(census.perHour(T0 + 90 * MINUTE_MS), 60);
    assert.equal(census.activeKeys(T0 + 90 * MINUTE_MS), 0, 'none is a week old');
    lane.apply({ ...createEvent(), at: T0 + 8 * 86_400_000, key: KEY, consumer: 'acme' });
    assert.equal(census.activeKeys(T0 + 8 * 86_400_000), 1);
    assert.equal(census.consumerOf(KEY.id), 'acme');
  });
});
