/** What a wish would do at Kong, as calls that a person could type, and those that undo it. */
import type { ApplyRequest, GatewayPlan } from '../../core/gateway.ts';
import { type Entry, wishedOn } from './kong-limits.ts';
import { factsOf, fingerprintWith, type KongFacts, type Trace } from './kong-state.ts';
import {
  backTo,
  type Change,
  creation,
  type KongWishSettings,
  madeId,
  type Wanted,
  wantedOf,
} from './kong-wish.ts';
import { credentialPath } from './kong-write.ts';
import { ABSENT } from './state.ts';
import { curlLine, KEY_PLACE } from './text.ts';

export interface KongPlace {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly settings: KongWishSettings;
}

export function planOf(
  place: KongPlace,
  { target, original, wish }: Omit<ApplyRequest, 'present'>,
): GatewayPlan {
  const facts = factsOf(original);
  const credential = target.credentialId ?? '';
  if (facts === undefined) {
    const calls = [`nothing: Kong has no key-auth credential of the id of ${target.subjectId}`];
    return { calls, undo: [], siblings: [], needsSeal: false };
  }
  const wanted = wantedOf(wish, credential, facts, place.settings);
  const steps = stepsOf(facts, wanted, place.settings);
  const path = credentialPath(facts, credential);
  const line = (method: string, at: string, body?: unknown) =>
    curlLine(method, `${place.url}${at}`, place.headers, body);
  const lines = (changes: readonly Change[]) =>
    changes.map(({ method, id, body }) => line(method, `/plugins/${id}`, body));
  const restore = line('PUT', path, { key: KEY_PLACE });
  if (wish === null) {
    return { calls: [...lines(allBack(facts)), restore], undo: [], siblings: [], needsSeal: false };
  }
  const prefix = target.subjectId.slice(0, target.subjectId.length - credential.length);
  return {
    calls: [...(wanted.deleted ? [line('DELETE', path)] : []), ...lines(steps.calls)],
    undo: [...lines(steps.undo), ...(wanted.deleted ? [restore] : [])],
    siblings: wanted.deleted ? [] : facts.siblings.map((id) => `${prefix}${id}`),
    needsSeal: wanted.deleted,
    ...(steps.keeps ? { keepsOperatorLimit: true } : {}),
  };
}

/** Fingerprint that the wish leaves. */
export function expectOf(
  { target, original, wish }: Omit<ApplyRequest, 'present'>,
  settings: KongWishSettings,
): string | undefined {
  const facts = factsOf(original);
  if (facts === undefined) return undefined;
  const { limit, block, deleted } = wantedOf(wish, target.credentialId ?? '', facts, settings);
  if (deleted) return ABSENT.fingerprint;
  if (block !== undefined) {
    return fingerprintWith(facts, [{ plugin: 'request-termination', action: block.action }]);
  }
  if (limit === undefined) return fingerprintWith(facts, []);
  const { action } = limit;
  const of = (plugin: string): Trace =>
    limit.limit === undefined ? { plugin, action } : { plugin, action, limit: limit.limit };
  const changed = facts.limits.filter((base) => changedLimit(base, limit, facts) !== undefined);
  const isMade = !facts.limits.some(({ scope }) => scope === '');
  const ours = [
    ...changed.map(({ plugin }) => of(plugin)),
    ...(isMade ? [of('rate-limiting')] : []),
  ];
  return fingerprintWith(facts, ours);
}

interface Steps {
  readonly calls: Change[];
  readonly undo: Change[];
  readonly keeps: boolean;
}

function stepsOf(facts: KongFacts, { limit, block }: Wanted, settings: KongWishSettings): Steps {
  const { consumer, wider } = facts;
  if (block !== undefined) {
    const made = creation('request-termination', consumer.id, block, {}, settings);
    return { calls: [made], undo: [{ method: 'DELETE', id: made.id }], keeps: false };
  }
  if (limit === undefined) return { calls: [], undo: [], keeps: false };
  const changed = facts.limits
    .map((base) => changedLimit(base, limit, facts))
    .filter((pair) => pair !== undefined);
  const calls = changed.map(([call]) => call);
  const undo = changed.map(([, back]) => back);
  const keeps = changed.length < facts.limits.length;
  if (!facts.limits.some(({ scope }) => scope === '')) {
    const made = creation('rate-limiting', consumer.id, limit, wider, settings);
    calls.push(made);
    undo.push({ method: 'DELETE', id: made.id });
  }
  return { calls, undo, keeps };
}

/** Undefined where the operator's own limit is the stricter one. */
function changedLimit(
  base: KongFacts['limits'][number],
  entry: Entry,
  { wider }: KongFacts,
): [Change, Change] | undefined {
  const { entries, values } = wishedOn(
    { made: false, entries: [entry], was: base, over: wider },
    base,
  );
  if (entries.length === 0) return undefined;
  return [backTo(base.plugin, values), backTo(base.plugin, base)];
}

function allBack(facts: KongFacts): Change[] {
  const made = (['rate-limiting', 'request-termination'] as const).map(
    (name): Change => ({ method: 'DELETE', id: madeId(name, facts.consumer.id) }),
  );
  return [...facts.limits.map((base) => backTo(base.plugin, base)), ...made];
}
