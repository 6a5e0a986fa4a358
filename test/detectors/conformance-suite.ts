/** The conformance suite over the list of detectors: as much of it as is asked for. A new detector needs no line here. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DETECTORS } from '../../detectors/list.ts';
import { casesOf } from './cases.ts';
import { type Check, survivesCuts } from './conformance.ts';
import { createTrial, type Trial } from './trial.ts';

/** Tests of every detector by its first fixture in which it finds something; with `others` all of them are cut. */
export function suiteOf(checks: readonly Check[], others: boolean): void {
  for (const detector of DETECTORS) {
    describe(detector.id, () => {
      const [fixture, ...further] = casesOf(detector.id).filter(({ findings }) =>
        findings?.some((finding) => finding.detector === detector.id),
      );
      let trial: Trial | undefined;
      for (const check of checks) {
        test(`${detector.id}: ${check.name}`, () => {
          assert.ok(fixture !== undefined, 'no fixture in which it finds something');
          trial ??= createTrial({ ...fixture, detector, events: fixture.events() });
          check.run(trial);
        });
      }
      for (const other of others ? further : []) {
        test(`${other.name}: cut at any event, it goes on as if nothing had happened`, () => {
          survivesCuts(createTrial({ ...other, detector, events: other.events() }));
        });
      }
    });
  }
}
