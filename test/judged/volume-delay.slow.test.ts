/** Issue 3, "How it is judged": how soon a flood and a silence are seen. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AttackSpec } from '../../traffic/contract.ts';
import { delays, shareWithin, tell, tries } from './forks.ts';

const SEED = 7100;

describe('delay until a flood and a silence are seen, over the traffic model', () => {
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
        keys: 3,
        triesPerKey: 34,
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
        keys: 4,
        triesPerKey: 25,
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
