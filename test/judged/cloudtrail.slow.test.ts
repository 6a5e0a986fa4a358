/** Issue 4, "How it is judged": the attack of invictus. The logs lie beside the checkout. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { it } from 'node:test';
import { measureInvictus, trailsIn } from '../../bench/eval/cloudtrail.ts';
import { met } from '../../bench/eval/part.ts';
import { ROOT, scratch } from './keyhound.ts';

it('invictus: the tool’s key leads within 60 s, with and without its name; the others stay quiet', async (t) => {
  const trails = trailsIn(path.join(ROOT, '../shared/data/cloudtrail/invictus'));
  const figures = await measureInvictus(trails, scratch(t));
  assert.equal(figures.length, 6);
  for (const { line, unit, value, what } of figures) {
    t.diagnostic(`${what}: ${value} ${unit ?? ''}`);
    assert.ok(line === undefined ? Number.isFinite(value) : met(value, line), `${what}: ${value}`);
  }
});
