/** Every detector of the list keeps what all must keep; what takes long is in conformance.slow.test.ts. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DETECTORS } from '../../detectors/list.ts';
import { ROOT } from '../tidy/files.ts';
import { CHECKS } from './conformance.ts';
import { suiteOf } from './conformance-suite.ts';

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
}

suiteOf(
  CHECKS.filter(({ slow }) => slow !== true),
  false,
);
