/** Values of options as people write them. Each reader answers undefined when the text is no such value. */

import { readDuration } from '../core/duration.ts';

export { readDuration };

const INSTANT = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** A duration before `now`, a day (UTC), or RFC 3339 with a zone → epoch ms. */
export function readInstant(text: string, now: number): number | undefined {
  const ago = readDuration(text);
  if (ago !== undefined) return now - ago;
  if (!INSTANT.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

/** A plain decimal number within bounds. */
export function readNumber(text: string, min: number, max: number): number | undefined {
  if (!/^-?\d+$/.test(text)) return undefined;
  const value = Number(text);
  return value >= min && value <= max ? value : undefined;
}
