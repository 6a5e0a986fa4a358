/** What of the conformance suite takes long: other subjects, any order, any events, and cuts of every fixture. */
import { CHECKS } from './conformance.ts';
import { suiteOf } from './conformance-suite.ts';

suiteOf(
  CHECKS.filter(({ slow }) => slow === true),
  true,
);
