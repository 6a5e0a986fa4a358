/** What a key was used for before an episode, read from the record that was kept with a finding of it. */
import { toIso } from '../../core/clock.ts';
import type { FindingInputs } from '../../core/finding.ts';
import type { KeyProfile } from '../../core/key-profile.ts';
import type { SEEN_CODES_LAYOUT } from '../baselines/seen-codes.ts';
import { seenCodes } from '../baselines/seen-codes.ts';
import { endpoint } from '../endpoint.ts';
import type { Judge } from './judge.ts';
import { Memory, type StateOf } from './layout.ts';
import { layoutVersion } from './recompute.ts';

/** Undefined where the record is of another layout, or of no key. */
export function profileOf(judge: Judge, inputs: FindingInputs): KeyProfile | undefined {
  if (inputs.layoutVersion !== layoutVersion(judge)) return undefined;
  judge.moveTo(new Memory(Uint8Array.from(inputs.record).buffer), 0, inputs.context.declared);
  return profileAtHand(judge);
}

/** Of the record that the judge stands on. */
export function profileAtHand({ header, networks, places, seats }: Judge): KeyProfile {
  const routes = seats.find(({ detector }) => detector.id === endpoint.id)?.state;
  return {
    countries: places.allCountries(),
    ...networks.known(),
    routeFilter: routes === undefined ? [] : seenCodes(routes as StateOf<typeof SEEN_CODES_LAYOUT>),
    asOfAt: toIso(header.lastAt),
  };
}
