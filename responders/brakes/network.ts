/**
 * Keys that move are not stolen. A key whose old network fell quiet as the new one began is only told about; so is
 * the new place of several keys of one consumer (or, where there is none, of one owner), as in the failover of a
 * region. Places, errors and clients are explained by that: volume, content and credentials still speak.
 */
import type { Finding } from '../../core/finding.ts';
import { type Case, openedAt } from '../desk/case.ts';
import type { Board } from './board.ts';
import type { Brake } from './brake.ts';

/** Called for each revision of an incident, before it is judged. */
export function noteMoves(told: Case, { moves }: Board): void {
  const household = householdOf(told);
  if (household === undefined) return;
  for (const finding of told.findings) {
    const place = placeOf(finding);
    if (place !== undefined)
      moves.meet(household, place, told.incident.subject.id, openedAt(finding));
  }
}

export const network: Brake = Object.freeze<Brake>({
  id: 'network',
  summary: 'keys that move, alone or together with others of their consumer, are told about only',
  explains: true,
  drops(finding, told, { holder }, { moves }) {
    if (told.incident.migration === true && finding.family !== 'credential')
      return 'its former networks fell quiet as the new one began';
    const household = householdOf(told);
    if (household === undefined || !isOfNetwork(finding)) return undefined;
    const { keys, withinMs } = holder.policy.brakes.network;
    const moved = told.findings.some((other) => {
      const place = placeOf(other);
      return place !== undefined && moves.keys(household, place, openedAt(other), withinMs) >= keys;
    });
    return moved ? `${keys} keys of ${household} or more are new there together` : undefined;
  },
});

/** Whoever moves house changes these at once (detectors/engine/risk.ts). */
function isOfNetwork({ family, detector }: Finding): boolean {
  return family === 'place' || family === 'errors' || detector === 'client';
}

function householdOf({ consumer, entry }: Case): string | undefined {
  return consumer === '' ? entry?.owner : consumer;
}

function placeOf({ family, observed }: Finding): string | undefined {
  if (family !== 'place') return undefined;
  const { country, city } = observed as { country?: unknown; city?: unknown };
  if (typeof country !== 'string' || country === '') return undefined;
  return typeof city === 'string' && city !== '' ? `${country} ${city}` : country;
}
