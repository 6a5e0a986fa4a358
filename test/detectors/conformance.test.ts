/** Every detector of the list keeps what all must keep. A new detector needs no line here. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { DETECTORS } from '../../detectors/list.ts';
import { ROOT } from '../tidy/files.ts';
import { casesOf } from './cases.ts';
import { CHECKS, survivesCuts } from './conformance.ts';
import { createTrial, type Trial } from './trial.ts';

test('ids are unique', () => {
  assert.equal(new Set(DETECTORS.map(({ id }) => id)).size, DETECTORS.length);
});

for (const detector of DETECTORS) {
  test(`${detector.id}: its file says what it catches, when it fails and what it costs`, () => {
    const text = readFileSync(join(ROOT, `detectors/${detector.id}.ts`), 'utf8');
    const comment = text.slice(0, text.indexOf('*/'));
    assert.match(comment, /Catches /);
    assert.match(comment, /Fails: /);
    assert.match(comment, /Cost: /);
  });

  describe(detector.id, () => {
    const [fixture, ...others] = casesOf(detector.id).filter(({ findings }) =>
      findings?.some((finding) => finding.detector === detector.id),
    );
    let trial: Trial | undefined;
    for (const check of CHECKS) {
      test(`${detector.id}: ${check.name}`, () => {
        assert.ok(fixture !== undefined, 'no fixture in which it finds something');
        trial ??= createTrial({ ...fixture, detector, events: fixture.events() });
        check.run(trial);
      });
    }
    for (const other of others) {
      test(`${other.name}: cut at any event, it goes on as if nothing had happened`, () => {
        survivesCuts(createTrial({ ...other, detector, events: other.events() }));
      });
    }
  });
}
