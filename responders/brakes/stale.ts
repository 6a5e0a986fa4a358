/** Stale knowledge steps down: the less is known of now, the milder what is done. */

import { writeDuration } from '../../core/duration.ts';
import { milder, type Rung } from '../../core/ladder.ts';
import type { Case, Scene } from '../desk/case.ts';
import type { Brake } from './brake.ts';

interface Cap {
  readonly max: Rung;
  readonly why: string;
}

export const stale: Brake = Object.freeze<Brake>({
  id: 'stale',
  summary: 'with lag, cold state, old geography data or a store away, less is done',

  drops({ detector, family }, _told, { env, holder }) {
    const { placesDays, travelDays } = holder.policy.brakes.stale;
    const days = env.health().geographyAgeDays;
    const old =
      (family === 'place' && detector !== 'spread' && days > placesDays) ||
      (detector === 'impossible-travel' && days > travelDays);
    return old ? `the geography data is ${Math.floor(days)} days old` : undefined;
  },

  caps(told, scene) {
    const caps = capsOf(told, scene);
    if (caps.length === 0) return undefined;
    const max = caps.map((cap) => cap.max).reduce(milder);
    return { max, why: caps.map(({ why }) => why).join('; ') };
  },
});

function capsOf({ incident, toldMs }: Case, { env, holder, nowMs }: Scene): Cap[] {
  const { lagNoRevokeMs, lagNoSuspendMs, lagAlertMs, coldForMs } = holder.policy.brakes.stale;
  const { lagMs, storesAway, coldSinceMs } = env.health();
  const caps: Cap[] = [];
  // What is told late is as old as what is read late.
  const lag = Math.max(lagMs, toldMs - Date.parse(incident.updatedAt));
  const lagging = `what is known is ${writeDuration(Math.floor(lag / 1000) * 1000)} old`;
  if (lag > lagAlertMs) caps.push({ max: 'alert', why: lagging });
  else if (lag > lagNoSuspendMs) caps.push({ max: 'contain', why: lagging });
  else if (lag > lagNoRevokeMs) caps.push({ max: 'suspend', why: lagging });
  if (coldSinceMs !== undefined && nowMs - coldSinceMs < coldForMs)
    caps.push({ max: 'contain', why: 'detection learns anew' });
  if (storesAway.length > 0)
    caps.push({ max: 'contain', why: `${storesAway.join(', ')} cannot be reached` });
  return caps;
}
