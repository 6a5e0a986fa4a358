/** Issue 3, "How it is judged": how soon a stolen key is seen. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AttackSpec } from '../../traffic/contract.ts';
import { delays, shareWithin, tell, tries } from './forks.ts';

const SEED = 7100;
const stolen = (keyIndex: number, fromAt: number): AttackSpec => ({
  kind: 'stolen-key',
  keyIndex,
  fromAt,
  durationMs: 30 * 60_000,
});

describe('delay until a stolen key is seen, over the traffic model', () => {
  it('a stolen key of 1 request/s: any severity within 10 s, medium within 60 s for 85 % of steady and noisy keys', (t) => {
    const all = [
      ...tries({
        seed: SEED,
        classes: ['steady', 'noisy'],
        rate: 1,
        keys: 4,
        triesPerKey: 26,
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
        keys: 4,
        triesPerKey: 25,
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
});
