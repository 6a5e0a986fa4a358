/**
 * Usage plans of AWS API Gateway, as far as a throttle needs them. A key cannot have a rate of its own: it is moved
 * from each of its plans to that plan's throttled twin, which has exactly the same API stages. With fewer stages the
 * key would lose access, with more it would gain some; a key can be in one plan of a stage only.
 */
import type { APIGatewayClient, UsagePlan } from '@aws-sdk/client-api-gateway';
import type { RateLimit } from '../../core/ladder.ts';
import type { AwsCalls } from './aws-call.ts';
import { nearestRate } from './rates.ts';

export interface Plan {
  readonly id: string;
  readonly name: string;
  /** `API:STAGE`, sorted. */
  readonly stages: readonly string[];
  /** Undefined: the plan has no limit. */
  readonly perMinute?: number;
}

/** Pages of a listing; an account has at most 300 plans unless AWS raised it. */
const PAGES_MAX = 20;

/** Those of a key, or all. Undefined: there is no such key. */
export async function plansOf(
  calls: AwsCalls<APIGatewayClient>,
  keyId: string | undefined,
  signal: AbortSignal,
): Promise<Plan[] | undefined> {
  const { GetUsagePlansCommand } = await import('@aws-sdk/client-api-gateway');
  const plans: Plan[] = [];
  let position: string | undefined;
  for (let page = 0; page < PAGES_MAX; page++) {
    const input = {
      limit: 500,
      ...(keyId === undefined ? {} : { keyId }),
      ...(position === undefined ? {} : { position }),
    };
    const answer = await calls.call(
      {
        what: 'GetUsagePlans',
        accept: keyId === undefined ? [] : ['NotFound'],
        send: (api, options) => api.send(new GetUsagePlansCommand(input), options),
      },
      signal,
    );
    if (answer === undefined) return undefined;
    plans.push(...(answer.items ?? []).flatMap(planOf));
    position = answer.position;
    if (position === undefined || position === '') break;
  }
  return plans.sort((a, b) => (a.id < b.id ? -1 : 1));
}

function planOf({ id, name, apiStages, throttle }: UsagePlan): Plan[] {
  if (id === undefined) return [];
  const stages = (apiStages ?? []).map(({ apiId, stage }) => `${apiId}:${stage}`).sort();
  const rate = throttle?.rateLimit;
  const perMinute = rate === undefined ? {} : { perMinute: rate * 60 };
  return [{ id, name: name ?? id, stages, ...perMinute }];
}

export interface Move {
  readonly from: Plan;
  /** The plan itself where it is no laxer: the operator's own limit stays. */
  readonly to: Plan;
}

/** Where each plan's keys go; a text where that cannot be. */
export function movesOf(
  plans: readonly Plan[],
  twins: readonly Plan[],
  limit: RateLimit | undefined,
): readonly Move[] | string {
  if (plans.length === 0) return 'the key is in no usage plan: there is nothing to throttle';
  const moves: Move[] = [];
  for (const from of plans) {
    const rated = twins.flatMap((twin) =>
      twin.perMinute !== undefined && sameStages(twin, from)
        ? [{ ...twin, perMinute: twin.perMinute }]
        : [],
    );
    const to = nearestRate(rated, limit);
    if (to === undefined) {
      return `no throttled plan has just the stages of usage plan ${from.id} (${from.stages.join(', ')})`;
    }
    const isStricter = from.perMinute !== undefined && from.perMinute <= to.perMinute;
    moves.push({ from, to: isStricter ? from : to });
  }
  return moves;
}

export function sameStages(a: Plan, b: Plan): boolean {
  return a.stages.length === b.stages.length && a.stages.every((stage, i) => stage === b.stages[i]);
}
