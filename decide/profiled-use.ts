/**
 * What of a request `contain` compares with a key's profile, by the same code that enriches log records: the client's
 * address by the rule for trusted proxies, its place and network, the route template of the path.
 */
import type { ProfiledUse } from '../core/key-profile.ts';
import { createDraft, FIELD, resetDraft } from '../core/record.ts';
import { Addresses } from '../enrich/address.ts';
import type { Geography } from '../enrich/geography.ts';
import { methodOf } from '../enrich/methods.ts';
import { Routes } from '../enrich/routes.ts';
import { Target } from '../enrich/target.ts';
import type { AskedUse } from './contract.ts';

const CACHE_SLOTS = 4096;
const BYTES_MAX = 65_536;

export interface ProfiledUseOptions {
  readonly geography: Geography;
  readonly trustedProxies: readonly string[];
  /** False: the log names routes otherwise than by path, so they cannot be compared. */
  readonly routes: boolean;
}

export type ReadUse = (use: AskedUse) => ProfiledUse;

/** Throws `usage` on a trusted proxy that is none. */
export function createUseReader(options: ProfiledUseOptions): ReadUse {
  const { geography, trustedProxies } = options;
  const addresses = new Addresses({ geography, trustedProxies, cacheSlots: CACHE_SLOTS });
  const routes = new Routes(CACHE_SLOTS);
  const target = new Target();
  const draft = createDraft();
  const bytes = Buffer.alloc(BYTES_MAX);
  return (use) => {
    resetDraft(draft, bytes);
    let at = 0;
    const put = (field: number, text: string): void => {
      if (text === '') return;
      draft.start[field] = at;
      at += bytes.write(text, at, BYTES_MAX - at, 'latin1');
      draft.end[field] = at;
    };
    put(FIELD.clientAddress, use.clientAddress);
    put(FIELD.forwardedFor, use.forwardedFor);
    put(FIELD.method, use.method);
    if (options.routes) put(FIELD.target, use.target);
    target.read(draft);
    const { place, network } = addresses.resolve(draft);
    return { method: methodOf(draft).text, route: routes.resolve(draft, target), network, place };
  };
}
