/**
 * A Tyk session as JSON, and what Keyhound changes in it: rates wherever they stand, whether it is active, and the
 * policies, which would write over both (a key with policies is as active as they are, and no slower than they say).
 * What was there before is kept in the facts by its place, so that an undo leaves alone what a person added since.
 */
import { z } from 'zod';
import type { RateLimit } from '../../core/ladder.ts';
import { isObject, type Json } from './admin-api.ts';
import { stricterLimit } from './single-limit.ts';

const rateSchema = z.object({ rate: z.number(), per: z.number() });
export type Rate = z.infer<typeof rateSchema>;

export const originalSchema = z.object({
  /** By their place, e.g. `access_rights/API/limit`; the session's own: ``. */
  rates: z.record(z.string(), rateSchema),
  isInactive: z.boolean(),
  policies: z.array(z.string()),
  policy: z.string(),
});
export type TykOriginal = z.infer<typeof originalSchema>;

/** What is ours is named in the session's meta_data, as a text: `{"action":ID,"was":{…}}`. */
const MARK = 'keyhound';
const markSchema = z.object({ action: z.string(), was: originalSchema });
export type TykMark = z.infer<typeof markSchema>;

export function markIn(session: Json): TykMark | undefined {
  const meta = session['meta_data'];
  const text = isObject(meta) ? meta[MARK] : undefined;
  if (typeof text !== 'string') return undefined;
  try {
    return markSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

const RIGHTS = 'access_rights';

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

export function originalOf(session: Json): TykOriginal {
  const { is_inactive: inactive, apply_policies: policies, apply_policy_id: policy } = session;
  return {
    rates: Object.fromEntries(placesOf(session).map((place) => [place, rateAt(session, place)])),
    isInactive: inactive === true,
    policies: Array.isArray(policies) ? policies.map(String) : [],
    policy: typeof policy === 'string' ? policy : '',
  };
}

/** The session's own rate, and every limit of its access rights that is not left to it. */
function placesOf(session: Json): string[] {
  const rights = session[RIGHTS];
  return ['', ...(isObject(rights) ? placesIn(rights, RIGHTS) : [])];
}

function placesIn(value: Json | readonly unknown[], path: string): string[] {
  return Object.entries(value).flatMap(([name, member]) => {
    const place = `${path}/${name}`;
    if (Array.isArray(member)) return placesIn(member, place);
    if (!isObject(member)) return [];
    // Empty: the session's own holds. Any other without a rate is a limit of something else, and has none.
    const isLimit = name === 'limit' && Object.values(member).some((part) => numberOf(part) !== 0);
    return [...(isLimit || hasRate(member) ? [place] : []), ...placesIn(member, place)];
  });
}

function hasRate(value: Json): boolean {
  return numberOf(value['rate']) > 0 && numberOf(value['per']) > 0;
}

function rateAt(session: Json, place: string): Rate {
  const found = objectAt(session, place);
  return { rate: numberOf(found?.['rate']), per: numberOf(found?.['per']) };
}

function objectAt(session: Json, place: string): Json | undefined {
  let found: unknown = session;
  for (const part of place === '' ? [] : place.split('/')) {
    found = Array.isArray(found) ? found[Number(part)] : isObject(found) ? found[part] : undefined;
  }
  return isObject(found) ? found : undefined;
}

export interface TykWish {
  readonly limit?: RateLimit;
  readonly isInactive: boolean;
  readonly action: string;
}

/** The session as it is to be: the original where nothing is wished, all else as it is now. */
export function sessionWith(session: Json, original: TykOriginal, wish: TykWish | null): Json {
  const next = structuredClone(session) as Record<string, unknown>;
  for (const place of placesOf(next)) {
    const before = original.rates[place] ?? rateAt(next, place);
    setRate(next, place, wish?.limit === undefined ? before : slower(before, wish.limit));
  }
  next['is_inactive'] = wish?.isInactive === true || original.isInactive;
  next['apply_policies'] = wish === null ? original.policies : [];
  next['apply_policy_id'] = wish === null ? original.policy : '';
  const { [MARK]: _, ...meta } = isObject(next['meta_data']) ? next['meta_data'] : {};
  const mark = wish && JSON.stringify({ action: wish.action, was: original } satisfies TykMark);
  next['meta_data'] = mark === null ? meta : { ...meta, [MARK]: mark };
  return next;
}

/** What a session with the original's values shows of itself once the wish is put. */
export function originalWith(original: TykOriginal, wish: TykWish | null): TykOriginal {
  if (wish === null) return original;
  const { limit } = wish;
  const rates = Object.entries(original.rates).map(([place, rate]) => [
    place,
    limit === undefined ? rate : slower(rate, limit),
  ]);
  return {
    rates: Object.fromEntries(rates),
    isInactive: wish.isInactive || original.isInactive,
    policies: [],
    policy: '',
  };
}

function setRate(session: Record<string, unknown>, place: string, { rate, per }: Rate): void {
  const found = objectAt(session, place) as Record<string, unknown> | undefined;
  if (found === undefined) return;
  // Tyk leaves out what is zero.
  delete found['rate'];
  delete found['per'];
  if (rate !== 0) found['rate'] = rate;
  if (per !== 0) found['per'] = per;
}

/** Zero and below are no limit to Tyk. */
function slower({ rate, per }: Rate, limit: RateLimit): Rate {
  if (rate <= 0 || per <= 0) return { rate: limit.requests, per: limit.windowMs / 1000 };
  const both = stricterLimit({ requests: rate, windowMs: per * 1000 }, limit);
  return { rate: both.requests, per: both.windowMs / 1000 };
}

/** The operator's own rates are as strict everywhere: nothing has to be written. */
export function isSlowEnough(original: TykOriginal, limit: RateLimit): boolean {
  return Object.values(original.rates).every((rate) => {
    const both = slower(rate, limit);
    return both.rate === rate.rate && both.per === rate.per;
  });
}
