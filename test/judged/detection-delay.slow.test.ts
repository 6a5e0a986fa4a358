/** Issue 3, "How it is judged": how soon a stolen key, a flood and a silence are seen. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { atLeast } from '../../core/finding.ts';
import type { AttackSpec } from '../../traffic/contract.ts';
import { delayOf, shareWithin, type Try, tries } from './forks.ts';

const SEED = 7100;
const stolen = (keyIndex: number, fromAt: number): AttackSpec => ({
  kind: 'stolen-key',
  keyIndex,
  fromAt,
  durationMs: 30 * 60_000,
});

function tell(t: TestContext, name: string, delays: readonly number[]): void {
  const sorted = [...delays].sort((a, b) => a - b);
  const at = (q: number): string =>
    `${(sorted[Math.floor(q * (sorted.length - 1))]! / 1000).toFixed(1)} s`;
  t.diagnostic(
    `${name}: ${delays.length} tries, median ${at(0.5)}, p85 ${at(0.85)}, p90 ${at(0.9)}, max ${at(1)}`,
  );
}

function delays(all: readonly Try[], severity: 'info' | 'medium'): number[] {
  return all.map((attempt) => delayOf(attempt, (incident) => atLeast(incident.severity, severity)));
}

describe('detection delay over the traffic model', () => {
  it('a stolen key of 1 request/s: any severity within 10 s, medium within 60 s for 85 % of steady and noisy keys', (t) => {
    const all = [
      ...tries({
        seed: SEED,
        classes: ['steady', 'noisy'],
        rate: 1,
        keys: 10,
        triesPerKey: 10,
        watchMs: 300_000,
        attack: stolen,
      }),
    ];
    tell(t, 'any', delays(all, 'info'));
    tell(t, 'medium', delays(all, 'medium'));
    assert.equal(shareWithin(delays(all, 'info'), 10_000), 1);
    assert.ok(shareWithin(delays(all, 'medium'), 60_000) >= 0.85);
  });

  it('a stolen bursty key of 1 request/s: any severity within 10 s, medium within 5 min for 80 %', (t) => {
    const all = [
      ...tries({
        seed: SEED + 100,
        classes: ['bursty'],
        rate: 1,
        keys: 10,
        triesPerKey: 10,
        watchMs: 600_000,
        attack: stolen,
      }),
    ];
    tell(t, 'any', delays(all, 'info'));
    tell(t, 'medium', delays(all, 'medium'));
    assert.equal(shareWithin(delays(all, 'info'), 10_000), 1);
    assert.ok(shareWithin(delays(all, 'medium'), 300_000) >= 0.8);
  });

  it('a stolen key of 0.05 requests/s: any severity within 5 min', (t) => {
    const all = [
      ...tries({
        seed: SEED + 200,
        classes: ['steady', 'noisy', 'bursty'],
        rate: 0.05,
        keys: 12,
        triesPerKey: 10,
        watchMs: 600_000,
        attack: stolen,
      }),
    ];
    tell(t, 'any', delays(all, 'info'));
    assert.equal(shareWithin(delays(all, 'info'), 300_000), 1);
  });

  it('a key of 1 request/s going ×1,000: within 2 s', (t) => {
    const attack = (keyIndex: number, fromAt: number): AttackSpec => ({
      kind: 'spike',
      keyIndex,
      fromAt,
      durationMs: 10_000,
      factor: 1000,
    });
    const all = [
      ...tries({
        seed: SEED + 300,
        classes: ['steady', 'noisy', 'bursty'],
        rate: 1,
        keys: 12,
        triesPerKey: 10,
        watchMs: 10_000,
        attack,
      }),
    ];
    tell(t, 'any', delays(all, 'info'));
    assert.equal(shareWithin(delays(all, 'info'), 2_000), 1);
  });

  it('volume-drop on a steady key of 1 request/s: within 10 min in 90 % of tries', (t) => {
    const attack = (keyIndex: number, fromAt: number): AttackSpec => ({
      kind: 'silence',
      keyIndex,
      fromAt,
      durationMs: 3_600_000,
    });
    const all = [
      ...tries({
        seed: SEED + 400,
        classes: ['steady'],
        rate: 1,
        keys: 10,
        triesPerKey: 10,
        watchMs: 1_200_000,
        attack,
      }),
    ];
    const found = all.map((attempt) => {
      const drop = attempt.findings.find((finding) => finding.detector === 'volume-drop');
      return drop === undefined ? Number.POSITIVE_INFINITY : Date.parse(drop.toAt) - attempt.at;
    });
    tell(t, 'volume-drop', found);
    assert.ok(shareWithin(found, 600_000) >= 0.9);
  });
});
