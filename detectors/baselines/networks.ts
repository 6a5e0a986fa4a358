/**
 * Which networks a key is used from: the last few, so that findings with one new network as their cause can be
 * told from findings with causes of their own (algorithms.md §9, Fusion).
 *
 * The origin of an event is the code of its autonomous system where that is new for the key, else of its /24
 * or /64 where that is new, else 0. An origin is new until it was in use for a day, ten under suspicion. Codes
 * are 16 bits, 0 for none: a stranger passes for known once in some ten thousand times, and then counts as
 * it did before. A hit moves a code one place up, and what is adopted takes the last place. 16 bytes a subject.
 */
import type { ApiEvent } from '../../core/event.ts';
import type { KeyProfile } from '../../core/key-profile.ts';
import { networkCode as codeOf, systemCode } from '../../core/use-codes.ts';
import type { StateOf } from '../engine/layout.ts';

const NETWORKS = 4;
const SYSTEMS = 2;
const ADOPT_HOURS = 24;
const HOUR = 3600;

export const NETWORKS_LAYOUT = {
  networks: ['u16', NETWORKS],
  systems: ['u16', SYSTEMS],
  /** The origin on probation, and the hour (modulo 2^16) in which it came. */
  newcomer: 'u16',
  newcomerHour: 'u16',
} as const;
export type NetworksState = StateOf<typeof NETWORKS_LAYOUT>;

export class NetworksBaseline {
  readonly state: NetworksState;

  constructor(state: NetworksState) {
    this.state = state;
  }

  /** Code of what is new about the event's network; 0 when nothing is, or when it has no address. */
  originOf(event: ApiEvent): number {
    if (event.network === 0) return 0;
    const network = codeOf(event.network);
    for (let i = 0; i < NETWORKS; i++) if (this.state.networks.get(i) === network) return 0;
    const system = systemOf(event);
    return system !== 0 && !this.knowsSystem(system) ? system : network;
  }

  /** What is known, each empty where it is not all that there is: who uses more loses the rest. */
  known(): Pick<KeyProfile, 'networkCodes' | 'systemCodes'> {
    const { networks, systems } = this.state;
    const own = Array.from({ length: NETWORKS }, (_, i) => networks.get(i)).filter((c) => c !== 0);
    const of = Array.from({ length: SYSTEMS }, (_, i) => systems.get(i)).filter((c) => c !== 0);
    const isWhole = own.length < NETWORKS || (of.length > 0 && of.length < SYSTEMS);
    return isWhole ? { networkCodes: own, systemCodes: of } : { networkCodes: [], systemCodes: [] };
  }

  /** Learns where an attested event came from. `settled`: the key is past the age at which all is taken in. */
  learn(event: ApiEvent, second: number, weight: number, settled: boolean): void {
    if (event.network === 0) return;
    const s = this.state;
    const network = codeOf(event.network);
    if (s.networks.get(0) === network) return;
    for (let i = 1; i < NETWORKS; i++) {
      if (s.networks.get(i) !== network) continue;
      s.networks.set(i, s.networks.get(i - 1));
      s.networks.set(i - 1, network);
      return;
    }
    if (weight === 0) return;
    const system = systemOf(event);
    const origin = system !== 0 && !this.knowsSystem(system) ? system : network;
    const hour = Math.floor(second / HOUR) & 0xffff;
    const isKnownKey = settled || weight < 1;
    if (isKnownKey && s.newcomer !== origin) {
      s.newcomer = origin;
      s.newcomerHour = hour;
      return;
    }
    if (isKnownKey && ((hour - s.newcomerHour) & 0xffff) * weight < ADOPT_HOURS) return;
    s.newcomer = 0;
    s.networks.set(NETWORKS - 1, network);
    if (system !== 0 && !this.knowsSystem(system)) {
      s.systems.set(1, s.systems.get(0));
      s.systems.set(0, system);
    }
  }

  private knowsSystem(system: number): boolean {
    return this.state.systems.get(0) === system || this.state.systems.get(1) === system;
  }
}

/** Whether an event comes from an origin, known by now or not. */
export function isFrom(event: ApiEvent, origin: number): boolean {
  if (event.network === 0) return false;
  return codeOf(event.network) === origin || systemOf(event) === origin;
}

function systemOf({ place }: ApiEvent): number {
  return systemCode(place.asn);
}
