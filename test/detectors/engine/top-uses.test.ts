/** What weighed most in an incident, by route, place and client. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countTop, joinTops, type TopUses } from '../../../detectors/engine/top-uses.ts';
import { openBench } from '../bench.ts';
import { PROBES, script } from './probe.ts';

const use = (route: string) => ({ route, place: 'DE', client: 'curl' });

test('an incident tells what its findings were made of, and no more than eight kinds', () => {
  const bench = openBench({ detectors: PROBES });
  const at = script();
  const route = (template: string) => ({ template, code: 1 });
  const scored = { method: 'volume', bytesOut: 6, client: { name: 'curl', code: 2 } };
  bench.feed([at(0, { method: 'GET', route: route('/quiet') })]);
  for (let i = 0; i < 30; i++) bench.feed([at(i / 10 + 1, { ...scored, route: route('/a') })]);
  for (let i = 0; i < 12; i++) bench.feed([at(i / 10 + 5, { ...scored, route: route(`/b${i}`) })]);
  bench.feed([at(300)]);
  const { uses = [] } = bench.incidents.at(-1)!;
  assert.deepEqual(uses[0], { route: 'volume /a', place: '', client: 'curl', events: 30 });
  assert.equal(uses.length, 8);
  assert.ok(
    uses.every(({ route }) => route !== 'GET /quiet'),
    'what did not score is not in it',
  );
});

test('whatever makes up an eighth or more is among them, in whichever order it came', () => {
  const top: TopUses = [];
  for (let i = 0; i < 800; i++) countTop(top, use(i % 7 === 0 ? '/often' : `/once${i}`));
  assert.equal(top.length, 8);
  assert.ok(top.some(({ route, events }) => route === '/often' && events >= 115));
});

test('a use that weighed in two findings is counted where it did most', () => {
  const one = [{ ...use('/a'), events: 3 }];
  const two = [
    { ...use('/a'), events: 5 },
    { ...use('/b'), events: 4 },
  ];
  assert.deepEqual(joinTops([one, two]), two);
});
