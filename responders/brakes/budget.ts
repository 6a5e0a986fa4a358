/**
 * How much is done before people look. Part of each rung's hourly budget is kept for evidence that decoys cannot
 * make cheaply, young keys get only a part, and so does each consumer: whoever fills it with keys of their own does
 * not empty it. What is held is looked at again by risk, highest first.
 */
import { atLeast } from '../../core/finding.ts';
import { isAged, ownerOf, type Scene } from '../desk/case.ts';
import type { Weighed } from '../desk/evidence.ts';
import type { Board } from './board.ts';
import type { Brake, Proposal } from './brake.ts';

export const budget: Brake = Object.freeze<Brake>({
  id: 'budget',
  summary: 'at most so many actions an hour, so much of a consumer, so much of the traffic',
  holds: (proposal, scene, board) =>
    heldByCount(proposal, scene, board) ?? heldByTraffic(proposal, scene, board),
});

/** Of a kind that decoys cannot make cheaply. */
export function isStrong({ severity, families }: Weighed): boolean {
  return (
    atLeast(severity, 'critical') &&
    families.some((family) => ['place', 'credential', 'content'].includes(family))
  );
}

function heldByCount(
  { told, rung, evidence }: Proposal,
  { holder, nowMs }: Scene,
  { ledger }: Board,
): string | undefined {
  const { budget: limits, fleet } = holder.policy.brakes;
  const most = limits.perHour[rung];
  const spent = ledger.spentIn(rung, nowMs);
  const share = (percent: number) => Math.max(1, Math.floor((most * percent) / 100));
  if (spent.length >= most) return `${spent.length} keys were put under ${rung} within the hour`;
  const open = Math.max(1, most - Math.floor((most * limits.reservePercent) / 100));
  if (spent.length >= open && !isStrong(evidence))
    return `what is left of ${most} actions an hour is kept for stronger evidence`;
  const owner = ownerOf(told);
  const own = spent.filter((one) => one.owner === owner).length;
  if (own >= share(limits.consumerPercent))
    return `${own} keys of the same consumer were put under ${rung} within the hour`;
  if (isAged(told, fleet.agedMs, nowMs)) return undefined;
  const young = spent.filter((one) => one.young).length;
  if (young < share(limits.youngPercent)) return undefined;
  return `${young} young keys were put under ${rung} within the hour`;
}

function heldByTraffic(
  { told }: Proposal,
  { holder, env }: Scene,
  { ledger }: Board,
): string | undefined {
  const { trafficPercent, trafficKeysFree } = holder.policy.brakes.budget;
  const total = env.trafficPerHour();
  const keys = ledger.keysStanding();
  if (total === undefined || total <= 0 || keys.has(told.incident.subject.id)) return undefined;
  if (keys.size < trafficKeysFree) return undefined;
  const carried = [...keys.values()].reduce((sum, { perHour }) => sum + perHour, 0);
  const share = (100 * (carried + (told.key?.usualPerHour ?? 0))) / total;
  if (share <= trafficPercent) return undefined;
  return `keys under an action would carry ${share.toFixed(0)} % of the traffic`;
}
