/** What the response asks of detection, where detection is other processes. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../core/clock.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import { KEY_GROUPS } from '../../core/event.ts';
import { RuleBook } from '../../detectors/engine/rules.ts';
import { savedIdentity } from '../../enrich/digest.ts';
import type { Logger } from '../contract.ts';
import type { DetectionPort } from '../response/response.ts';
import type { Steered } from '../steering-data.ts';
import type { RespondCases } from './respond-cases.ts';
import type { RespondFleet } from './respond-fleet.ts';
import type { RespondKeys } from './respond-keys.ts';

const DAY_MS = 86_400_000;
const RULES_MS = 1000;

export interface RespondDetectionOptions {
  readonly steered: Steered;
  readonly cases: Pick<RespondCases, 'read'>;
  readonly directory: KeyDirectory;
  readonly keys: RespondKeys;
  readonly fleet: RespondFleet;
  readonly geographyBuiltAt: number | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How old what is being judged is, ms. */
  lagMs(): number;
  storesAway(): readonly string[];
}

export interface RespondDetection extends DetectionPort {
  /** Keeps the rules that hold in memory, until the signal; `onAllowed` when there are more of the allowlist. */
  follow(signal: AbortSignal, onAllowed: () => void): Promise<void>;
}

export function respondDetection(options: RespondDetectionOptions): RespondDetection {
  const { steered, cases, directory, keys, fleet, clock, geographyBuiltAt, logger } = options;
  let rules = new RuleBook();
  async function readRules(): Promise<boolean> {
    const book = new RuleBook();
    for (const rule of await steered.rules()) book.add(rule, Number.NEGATIVE_INFINITY);
    const isMore = book
      .all()
      .some(({ id, kind }) => kind === 'allow' && rules.get(id) === undefined);
    rules = book;
    return isMore;
  }
  return {
    env: {
      isAllowed: ({ subjectId, label, consumer, detector = '', place: country = '' }, atMs) =>
        rules.find({ subject: subjectId, label, consumer, detector, country, network: 0 }, atMs)
          ?.kind === 'allow',
      isAllowance: (id) => rules.get(id)?.kind === 'allow',
      activeKeys: () => fleet.activeKeys,
      trafficPerHour: () => fleet.trafficPerHour(),
      health: () => ({
        lagMs: options.lagMs(),
        geographyAgeDays:
          geographyBuiltAt === undefined
            ? Number.POSITIVE_INFINITY
            : (clock.now() - geographyBuiltAt) / DAY_MS,
        storesAway: options.storesAway(),
        coldSinceMs: fleet.coldSinceMs,
      }),
      consumerOf: (id) => directory.entry(id)?.consumer ?? keys.consumerOf(id),
      factsNow: (id) => keys.factsNow(id),
    },
    meet: (ids) =>
      keys.meet(ids).catch((error: unknown) => {
        logger.warn({ err: error }, 'what detection knows of a key cannot be read now');
      }),
    async watch(request) {
      const group = savedIdentity(request.key).digest0 & (KEY_GROUPS - 1);
      await steered.control('action', { ...request, group });
    },
    openCases: () => cases.read(),
    async follow(signal, onAllowed) {
      while (!signal.aborted) {
        const isMore = await readRules().catch(() => false);
        if (isMore) onAllowed();
        await sleep(RULES_MS, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}
