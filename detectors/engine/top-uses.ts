/**
 * The uses that weighed most in an episode, by route, place and client: at most eight kinds. Where a ninth comes the
 * rarest gives way and leaves it its count (Space-Saving), so whatever makes up an eighth or more is among them.
 */
import type { ApiEvent } from '../../core/event.ts';
import type { WeighedUse } from '../../core/finding.ts';

const KINDS_MAX = 8;

export type Use = Pick<WeighedUse, 'route' | 'place' | 'client'>;
export type TopUses = { -readonly [K in keyof WeighedUse]: WeighedUse[K] }[];

export function useOf({ method, route, place, client, networkId }: ApiEvent): Use {
  const parts = [place.country, place.city].filter((part) => part !== '');
  return {
    route: [method, route.template || '(no route)'].filter((part) => part !== '').join(' '),
    place: parts.length > 0 ? parts.join(' ') : networkId,
    client: client.name,
  };
}

export function countTop(top: TopUses, use: Use): void {
  let rarest = top[0];
  for (const known of top) {
    if (known.route === use.route && known.place === use.place && known.client === use.client) {
      known.events++;
      return;
    }
    if (known.events < rarest!.events) rarest = known;
  }
  if (top.length < KINDS_MAX) top.push({ ...use, events: 1 });
  else Object.assign(rarest!, use, { events: rarest!.events + 1 });
}

/** Of all episodes together: one use may have weighed in several, and is counted where it did most. */
export function joinTops(tops: readonly TopUses[]): WeighedUse[] {
  const joined = new Map<string, WeighedUse>();
  for (const use of tops.flat()) {
    const name = JSON.stringify([use.route, use.place, use.client]);
    const known = joined.get(name);
    if (known === undefined || known.events < use.events) joined.set(name, { ...use });
  }
  return [...joined.values()].sort((a, b) => b.events - a.events).slice(0, KINDS_MAX);
}
