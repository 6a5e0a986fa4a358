/** What others published: numenta/NAB 1.1, results/final_results.json, to one digit. */
import type { Peer } from '../part.ts';

/** They are given the file's smallest and largest value before its first point: no live series has those. */
const AHEAD = 'looks ahead';

const PROFILES: readonly string[] = ['standard', 'reward_low_FP_rate', 'reward_low_FN_rate'];

const FINAL: readonly (readonly [string, readonly number[], string?])[] = [
  ['ARTime', [74.9, 65.2, 80.4], AHEAD],
  ['Numenta HTM', [70.1, 63.1, 74.3], AHEAD],
  ['CAD OSE', [69.9, 67, 73.2], AHEAD],
  ['earthgecko Skyline', [58.2, 46.2, 63.8]],
  ['KNN-CAD', [58, 43.4, 64.8]],
  ['relative entropy', [54.6, 47.6, 58.8], AHEAD],
  ['random cut forest', [51.7, 38.4, 59.7]],
  ['Twitter ADVec', [47.1, 33.6, 53.5]],
  ['windowed Gaussian', [39.6, 20.9, 47.4]],
  ['Etsy Skyline', [35.7, 27.1, 44.5]],
];

export function published(profile: string): Peer[] {
  const column = PROFILES.indexOf(profile);
  return FINAL.flatMap(([name, values, remark]) => {
    const value = values[column];
    return value === undefined ? [] : [peer(name, value, remark)];
  });
}

/** Each category's threshold from the others: computed from the published scores by this scorer. */
export const PUBLISHED_OTHERS: readonly Peer[] = [
  peer('ARTime', 73.1, AHEAD),
  peer('Numenta HTM', 69.3, AHEAD),
  peer('CAD OSE', 68.8, AHEAD),
  peer('earthgecko Skyline', 58.2),
  peer('random cut forest', 37.7),
];

function peer(name: string, value: number, remark?: string): Peer {
  return remark === undefined ? { name, value } : { name, value, remark };
}
