/** The stricter of two limits, for gateways that can hold only one for a key. */
import type { RateLimit } from '../../core/ladder.ts';

/** Whoever keeps to `given` keeps to `asked`. */
export function implies(given: RateLimit, asked: RateLimit): boolean {
  if (given.windowMs >= asked.windowMs) return given.requests <= asked.requests;
  return given.requests * (asked.windowMs / given.windowMs) <= asked.requests;
}

/** One that implies both: the fewer requests in the longer window where neither implies the other. */
export function stricterLimit(a: RateLimit, b: RateLimit): RateLimit {
  if (implies(a, b)) return a;
  if (implies(b, a)) return b;
  return {
    requests: Math.min(a.requests, b.requests),
    windowMs: Math.max(a.windowMs, b.windowMs),
  };
}

export function strictestLimit(limits: readonly RateLimit[]): RateLimit | undefined {
  return limits.length === 0 ? undefined : limits.reduce(stricterLimit);
}

/** In whole units of a gateway's window, at least one: never more than was asked for. */
export function inUnits(limit: RateLimit, unitMs: number): RateLimit {
  const { requests, windowMs } = limit;
  if (windowMs % unitMs === 0) return limit;
  if (windowMs > unitMs) {
    const shorter = Math.floor(windowMs / unitMs) * unitMs;
    const fewer = Math.floor((requests * shorter) / windowMs);
    if (fewer >= 1) return { requests: fewer, windowMs: shorter };
  }
  const longer = Math.ceil(windowMs / unitMs) * unitMs;
  return { requests: Math.max(1, requests), windowMs: longer };
}
