/** Retry-After (RFC 9110): seconds, or a date. */

/** No receiver keeps us quiet for longer than this, ms. */
const WAIT_MS_MAX = 3_600_000;

/** Ms from now, 0 to an hour; undefined where there is none that can be read. */
export function readRetryAfter(text: string | null, nowMs: number): number | undefined {
  if (text === null) return undefined;
  const trimmed = text.trim();
  const wait = /^\d{1,9}(\.\d{1,9})?$/.test(trimmed)
    ? Number(trimmed) * 1000
    : Date.parse(trimmed) - nowMs;
  if (Number.isNaN(wait)) return undefined;
  return Math.min(WAIT_MS_MAX, Math.max(0, Math.ceil(wait)));
}
