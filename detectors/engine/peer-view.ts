/** What is known of the peers of the subject that the judge stands on. */
import type { Declared } from '../../core/directory.ts';
import type { RecordedPrior } from '../../core/finding.ts';
import { NO_PRIOR, type Prior, priorOf } from '../baselines/prior.ts';
import type { Detector } from '../detector.ts';
import { dayName, type Owner, type PeerPrior, PriorTable } from './priors.ts';

/** A key older than this has learned more than it was given. */
const MATTERS_MS = 14 * 86_400_000;

export class PeerView {
  readonly table = new PriorTable();
  private declared: Declared | undefined;
  private consumer = '';
  /** While a finding is judged again: the prior that it was judged with. */
  private recorded: Prior | undefined;

  /** `consumer`: whose the subject is by the log. */
  moveTo(declared: Declared | undefined, consumer: string): void {
    this.declared = declared;
    this.consumer = consumer;
  }

  /** Whose the subject is; the registry knows better than the log. */
  get owner(): Owner {
    const entry = this.declared?.entry;
    return { consumer: entry?.consumer ?? this.consumer, plan: entry?.plan ?? '' };
  }

  read(at: number): Prior {
    return this.recorded ?? this.table.read(this.owner, at);
  }

  of(at: number): PeerPrior | undefined {
    return this.table.of(this.owner, at);
  }

  /** Until the next call this prior is read, or none (null); undefined: the one in force. */
  judgeAgainWith(prior: RecordedPrior | null | undefined): void {
    if (prior === null) this.recorded = NO_PRIOR;
    else this.recorded = prior === undefined ? undefined : priorOf(prior);
  }

  /** The version of the prior that a detector's score depends on; '' for none. */
  versionFor(
    { usesPrior }: Detector,
    { firstAt, priorDay }: { readonly firstAt: number; readonly priorDay: number },
    at: number,
  ): string {
    if (usesPrior === true) return this.read(at).version;
    return priorDay !== 0 && at - firstAt < MATTERS_MS ? dayName(priorDay) : '';
  }
}
