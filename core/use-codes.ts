/**
 * Codes of what a key is used from and for, as they stand in its record and in a KeyProfile. Stable: they are saved,
 * so these functions never change.
 */
import type { Route } from './event.ts';
import { finish, mix32 } from './hash.ts';

/** Words of the filter that says which routes a key has met: three bits a code. */
export const ROUTE_WORDS = 6;
export const ROUTE_BITS = 3;
/** A code is cut into three numbers of ten bits. */
const SLICE_BITS = 10;
const SLICE_MASK = (1 << SLICE_BITS) - 1;

/** 16 bits of a network (ApiEvent.network); never 0. */
export function networkCode(network: number): number {
  return ((network >>> 16) ^ network) & 0xffff || 1;
}

/** 16 bits of an autonomous system; 0 where it is unknown. */
export function systemCode(asn: number): number {
  return asn === 0 ? 0 : networkCode(finish(mix32(0, asn)));
}

/** Of method and route. Three letters and the length tell methods apart. */
export function routeCode(method: string, route: Pick<Route, 'code'>): number {
  const n = method.length;
  if (n === 0) return route.code;
  const letters = (method.charCodeAt(0) << 16) | (method.charCodeAt(n >> 1) << 8);
  return finish(mix32(route.code, letters | (n << 24) | method.charCodeAt(n - 1)));
}

/** Bit number `i` of a code in the filter; the code has to be well mixed (finish in hash.ts). */
export function routeBit(code: number, i: number): number {
  const slice = (code >>> (i * SLICE_BITS)) & SLICE_MASK;
  return (slice * 32 * ROUTE_WORDS) >>> SLICE_BITS;
}

/** The filter has met the code; by chance it says so of others too, never the other way round. */
export function isInRoutes(words: readonly number[], code: number): boolean {
  for (let i = 0; i < ROUTE_BITS; i++) {
    const bit = routeBit(code, i);
    if (((words[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false;
  }
  return true;
}
