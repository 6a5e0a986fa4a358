/** What is lost for good is said at once, and for an hour to whoever asks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Losses } from '../../../app/distributed/losses.ts';

test('a loss is an error in the log, and stands for an hour', () => {
  const lines: string[] = [];
  const clock = { at: Date.parse('2026-03-01T10:00:00.000Z'), now: () => clock.at };
  const error = (facts: object, text: string) => void lines.push(text, JSON.stringify(facts));
  const losses = new Losses({ clock, logger: { error }, hint: 'Look.' });
  assert.equal(losses.trouble(), undefined);
  assert.equal(losses.health(clock.at, 'lost', 'lost').state, 'resolved');
  losses.lost(3, '3 results are gone', { partition: 1 });
  losses.lost(2, '2 results are gone', { partition: 0 });
  assert.deepEqual(lines.slice(0, 2), ['3 results are gone', '{"partition":1,"hint":"Look."}']);
  assert.equal(losses.total, 5);
  assert.equal(losses.trouble(), '2 results are gone (2026-03-01T10:00:00.000Z). Look.');
  assert.equal(losses.health(clock.at, 'lost', 'lost').state, 'firing');
  clock.at += 3_600_001;
  assert.equal(losses.trouble(), undefined);
});
