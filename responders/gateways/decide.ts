/**
 * The decision endpoint as a gateway: what holds for a key is a verdict in the store that the endpoint answers from.
 *
 * Every verdict is one of ours, so the state before anything of ours is always: none. A write replaces the verdict
 * of the key, its undo removes it; both may be repeated.
 */
import { z } from 'zod';
import { KeyhoundError } from '../../core/errors.ts';
import type {
  ApplyRequest,
  GatewayAdapter,
  GatewayCheck,
  GatewayKind,
  GatewayPlan,
  GatewayState,
  GatewayTools,
  OwnedObject,
  Wish,
} from '../../core/gateway.ts';
import { ACTING_RUNGS } from '../../core/ladder.ts';
import type { Verdict, VerdictStore } from '../../core/verdict.ts';
import { begins } from './keys.ts';

/** A verdict is a write to a store, not a call of somebody's API. */
const CALLS_PER_SECOND = 1000;

export const decideSchema = z.strictObject({
  settleMs: z
    .int()
    .min(0)
    .max(1000)
    .default(1000)
    .describe('Bound after which every decision endpoint knows a verdict, ms.'),
});
export type DecideGatewayConfig = z.infer<typeof decideSchema>;

export const decide: GatewayKind<DecideGatewayConfig> = Object.freeze({
  kind: 'decide',
  summary: 'The decision endpoint, whichever gateway asks it: all rungs.',
  keys: [],
  config: decideSchema,
  asks: () => true,
  create: (config: DecideGatewayConfig, tools: GatewayTools) =>
    throughDecide({ kind: 'decide', config, tools, limits: [] }),
});

export interface ThroughDecide {
  readonly kind: string;
  readonly config: DecideGatewayConfig;
  readonly tools: GatewayTools;
  /** What a gateway of this kind cannot do, for `doctor`. */
  readonly limits: readonly GatewayCheck[];
}

/** Adapter of a gateway that asks the decision endpoint. */
export function throughDecide({ kind, config, tools, limits }: ThroughDecide): GatewayAdapter {
  const store = (): VerdictStore => {
    if (tools.verdicts !== undefined) return tools.verdicts;
    throw new KeyhoundError('operating', `gateway ${tools.name}: there is no store of verdicts`, {
      code: 'gateway-no-verdicts',
      hint: 'The process that acts, and the decision endpoint, need one store: SQLite embedded, else Redis.',
    });
  };
  const read = async (key: string) => stateOf(await store().verdict(key));
  return {
    name: tools.name,
    kind,
    rungs: new Set(ACTING_RUNGS),
    write: 'set',
    settleMs: config.settleMs,
    callsPerSecond: CALLS_PER_SECOND,
    covers: (subjectId) => begins(subjectId, tools.keys),
    read: (target) => read(target.subjectId),
    plan: ({ target, wish }) => planOf(target.subjectId, wish),
    expect: ({ target, wish }) =>
      stateOf(wish === null ? undefined : verdictOf(target.subjectId, wish)).fingerprint,
    async apply({ target, wish }: ApplyRequest) {
      const key = target.subjectId;
      if (wish === null) await store().removeVerdict(key);
      else await store().putVerdict(verdictOf(key, wish));
      return read(key);
    },
    async owned() {
      const all = await store().verdicts();
      return all
        .filter(({ key }) => begins(key, tools.keys))
        .map((verdict) => ownedOf(verdict, store()));
    },
    async check() {
      if (tools.verdicts === undefined) {
        const detail = 'no store of verdicts: nothing can be told to the decision endpoint';
        return [{ name: `gateway ${tools.name}`, ok: false, detail }, ...limits];
      }
      const held = await store().verdicts();
      const detail = `${held.length} ${held.length === 1 ? 'verdict' : 'verdicts'} for the decision endpoint`;
      return [{ name: `gateway ${tools.name}`, ok: true, detail }, ...limits];
    },
  };
}

function verdictOf(key: string, wish: Wish): Verdict {
  return {
    key,
    rung: wish.rung,
    ...(wish.limit === undefined ? {} : { limit: wish.limit }),
    ...(wish.profile === undefined ? {} : { profile: wish.profile }),
    untilAt: wish.untilAt,
    tag: wish.tag,
  };
}

/** The endpoint needs to know no credential: every key exists for it. */
function stateOf(verdict: Verdict | undefined): GatewayState {
  if (verdict === undefined)
    return { exists: true, fingerprint: 'none', facts: { verdict: 'none' } };
  const { rung, limit, profile, untilAt, tag } = verdict;
  const fingerprint = JSON.stringify([
    rung,
    limit === undefined ? null : [limit.requests, limit.windowMs],
    profile === undefined
      ? null
      : [
          profile.countries,
          profile.networkCodes,
          profile.systemCodes,
          profile.routeFilter,
          profile.asOfAt,
        ],
    untilAt,
  ]);
  const facts: Record<string, unknown> = { verdict: rung, untilAt: timeText(untilAt), tag };
  if (limit !== undefined) facts['limit'] = limit;
  if (profile !== undefined) facts['profileAsOfAt'] = profile.asOfAt;
  return { exists: true, fingerprint, facts };
}

function planOf(key: string, wish: Wish | null): GatewayPlan {
  const none = `no verdict for ${key} at the decision endpoint`;
  if (wish === null) return { calls: [none], undo: [], siblings: [], needsSeal: false };
  const limit = wish.limit;
  const rate = limit === undefined ? '' : `, ${limit.requests} requests in ${limit.windowMs} ms`;
  const until = wish.untilAt === null ? 'until lifted' : `until ${timeText(wish.untilAt)}`;
  return {
    calls: [`verdict ${wish.rung} for ${key} at the decision endpoint${rate}, ${until}`],
    undo: [
      `keyhound restore ${key} --reason "…"`,
      wish.untilAt === null
        ? 'without Keyhound: take its hook out of the gateway; then nothing asks the endpoint'
        : `without Keyhound: it ends by itself at ${timeText(wish.untilAt)}`,
    ],
    siblings: [],
    needsSeal: false,
  };
}

function ownedOf(verdict: Verdict, store: VerdictStore): OwnedObject {
  return {
    tag: verdict.tag,
    subjectId: verdict.key,
    what: `verdict ${verdict.rung} of ${verdict.key}`,
    async remove() {
      // Another action may have replaced it since it was listed.
      const present = await store.verdict(verdict.key);
      if (present?.tag === verdict.tag) await store.removeVerdict(verdict.key);
    },
  };
}

function timeText(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
