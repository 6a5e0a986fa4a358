/** What a key was expected to make, hour by hour, as its recorded baseline has it: the band of `explain`. */
import type { FindingInputs } from '../../core/finding.ts';
import type { ExpectedHour } from './contract.ts';
import type { Judge } from './judge.ts';
import { Memory } from './layout.ts';
import { layoutVersion } from './recompute.ts';

/** Counters of one hour. */
const HOUR_SCALE = 3;
const DEVIATIONS = 2;
const MEAN_MIN = 0.01;

/** Hours are counted from the epoch. Undefined where the record is of another layout, or of no key. */
export function expectedHours(
  judge: Judge,
  inputs: FindingInputs,
  hours: readonly number[],
): ExpectedHour[] | undefined {
  if (inputs.layoutVersion !== layoutVersion(judge)) return undefined;
  judge.moveTo(new Memory(Uint8Array.from(inputs.record).buffer), 0, inputs.context.declared);
  judge.face(judge.rate.state.second);
  const { rate } = judge;
  return hours.map((hour) => {
    const mean = Math.max(MEAN_MIN, rate.meanOf(hour));
    const deviation = Math.sqrt(mean + mean * mean * rate.inverseSize(HOUR_SCALE, mean));
    const low = Math.max(0, mean - DEVIATIONS * deviation);
    return { mean, low, high: mean + DEVIATIONS * deviation };
  });
}
