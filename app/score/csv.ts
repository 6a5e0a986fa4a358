/** How scores are written: a header, then a line for each row read. */
import type { ScoredPoint } from '../contract.ts';

export const HEADER = 'timestamp,value,score,alarm';

export function csvLine({ timestamp, valueText, score, alarm }: ScoredPoint): string {
  return `${timestamp},${valueText},${score},${alarm ? 1 : 0}`;
}
