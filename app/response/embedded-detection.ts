/** What the response asks of detection, of the engine in the same process. */
import type { Clock } from '../../core/clock.ts';
import type { Turns } from '../../core/turns.ts';
import { consumerNameOf, factsOf } from '../../detectors/engine/key-states.ts';
import { savedIdentity } from '../../enrich/digest.ts';
import type { Session } from '../session.ts';
import type { DetectionPort } from './response.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const HOUR_MINUTES = 60;

export function embeddedDetection(session: Session, turns: Turns, clock: Clock): DetectionPort {
  const { engine, store } = session;
  const startedAt = clock.now();
  // Restored whole, it knows its keys; made anew it does not, whatever it says of single ones.
  const coldSinceMs = session.saved.length === 0 ? startedAt : undefined;
  const traffic = new HourlyTraffic();
  const active = new Remembered(() => engine.docket.shared.fleet.activeKeys);
  return {
    env: {
      isAllowed: ({ subjectId, label, consumer, detector, place }, atMs) =>
        engine.steering.rules.find(
          {
            subject: subjectId,
            label,
            consumer,
            detector: detector ?? '',
            country: place ?? '',
            network: 0,
          },
          atMs,
        )?.kind === 'allow',
      isAllowance: (id) => engine.steering.rules.get(id)?.kind === 'allow',
      activeKeys: () => active.at(clock.now()),
      trafficPerHour: () => traffic.perHour(engine.stats().events, clock.now()),
      health: () => ({
        // How old the evidence itself is counts with each incident; this process has no backlog of its own.
        lagMs: 0,
        geographyAgeDays:
          session.geographyBuiltAt === undefined
            ? Number.POSITIVE_INFINITY
            : (clock.now() - session.geographyBuiltAt) / DAY_MS,
        storesAway: [],
        coldSinceMs,
      }),
      consumerOf: (id) => consumerNameOf(engine, savedIdentity(id)),
      factsNow: (id) => factsOf(engine, savedIdentity(id)),
    },
    watch: (request) => turns.take(() => session.control('action', { ...request })),
    async openCases() {
      if (store === undefined) return [];
      const open = engine.openIncidents();
      return Promise.all(
        open.map(async (incident) => ({
          incident,
          findings: await store.findings(incident.findings),
        })),
      );
    },
  };
}

const REMEMBERED_MS = 5000;

/** Asked for each finding of many keys at once, and summed up over all consumers: once in a while is enough. */
class Remembered {
  readonly #read: () => number;
  #value = 0;
  #untilAt = 0;

  constructor(read: () => number) {
    this.#read = read;
  }

  at(now: number): number {
    if (now >= this.#untilAt) {
      this.#value = this.#read();
      this.#untilAt = now + REMEMBERED_MS;
    }
    return this.#value;
  }
}

/** Events of the last hour, by minutes. */
class HourlyTraffic {
  readonly #marks: { readonly at: number; readonly events: number }[] = [];

  /** Undefined in the first minute. */
  perHour(events: number, now: number): number | undefined {
    const last = this.#marks.at(-1);
    if (last === undefined || now - last.at >= MINUTE_MS) this.#marks.push({ at: now, events });
    if (this.#marks.length > HOUR_MINUTES) this.#marks.shift();
    const first = this.#marks[0]!;
    if (now - first.at < MINUTE_MS) return undefined;
    return ((events - first.events) / (now - first.at)) * HOUR_MINUTES * MINUTE_MS;
  }
}
