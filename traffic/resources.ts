/**
 * Which resource a request is about. A key comes back to those it knows, the first most often (their ranks
 * are log-uniform, which is Zipf's law), and asks for the newest, whose numbers grow with time. A function of
 * one random word and the time, so that any request can be made alone.
 */
import { finish, mix32 } from '../core/hash.ts';
import type { Burst, KeyProfile } from './contract.ts';

/** Numbers of what has always been there. */
export const RESOURCES = 50_000;
const NEWEST = 9_000_000;
const TWO_32 = 2 ** 32;

export function resourceOf(key: KeyProfile, at: number, word: number): number {
  const { count, freshShare } = key.resources;
  const unit = (word + 0.5) / TWO_32;
  // About as many new ones as requests for them, so that a poller sees most of them once.
  if (unit < freshShare) {
    return RESOURCES + 1 + (Math.floor((at * freshShare * key.rate) / 1000) % NEWEST);
  }
  const rank = Math.floor(count ** ((unit - freshShare) / (1 - freshShare)));
  return 1 + (finish(mix32(key.rhythm.salt, rank)) % RESOURCES);
}

/** Of the `ordinal`-th request of somebody who walks ids. */
export function walkedResource(
  walk: NonNullable<Burst['walk']>,
  ordinal: number,
  word: number,
): number {
  return walk.order === 'sequential' ? walk.first + ordinal : 1 + (word % RESOURCES);
}
