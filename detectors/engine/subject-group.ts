/** Which key group a subject belongs to: the engine that has it tells of the subject. */
import { type ApiEvent, KEY_GROUPS } from '../../core/event.ts';
import type { Incident } from '../../core/finding.ts';
import { stuffing } from '../stuffing.ts';
import { groupOfConsumer, groupOfNetwork } from './crowds.ts';

/** What of the fleet, or of a consumer's keys together, is told by the engine that has this one. */
export const FLEET_GROUP = 0;

/**
 * Of an incident's subject. `digest0` and `network` are asked for a key and for a network, by their ids; undefined
 * where nobody can tell.
 */
export function groupOfIncident(
  { subject, families }: Pick<Incident, 'subject' | 'families'>,
  known: {
    digest0(keyId: string): number;
    network(networkId: string): ApiEvent['network'] | undefined;
  },
): number | undefined {
  const { kind, id } = subject;
  if (kind === 'key') return known.digest0(id) & (KEY_GROUPS - 1);
  if (kind === 'network') {
    const network = known.network(id);
    return network === undefined ? undefined : groupOfNetwork(network);
  }
  // Its keys fail to authenticate, or many of them deviate together.
  const isStuffing = kind === 'consumer' && families.includes(stuffing.family);
  return isStuffing ? groupOfConsumer(id) : FLEET_GROUP;
}
