/**
 * What was lost, and can be got back by nobody here: the process goes on with what there is, but it is said aloud, in
 * the log and for an hour in `readyz`, as nobody would miss it.
 */
import { type Clock, toIso } from '../../core/clock.ts';
import type { HealthFacts } from '../../responders/alert-texts.ts';
import type { Logger } from '../contract.ts';

const TOLD_MS = 3_600_000;

export interface LossesOptions {
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'error'>;
  /** What to do. */
  readonly hint: string;
}

export class Losses {
  /** Since the start of the process. */
  total = 0;
  private last = '';
  private at = Number.NEGATIVE_INFINITY;
  private readonly options: LossesOptions;

  constructor(options: LossesOptions) {
    this.options = options;
  }

  lost(count: number, text: string, facts: object): void {
    const { clock, hint, logger } = this.options;
    this.total += count;
    this.last = text;
    this.at = clock.now();
    logger.error({ ...facts, hint }, text);
  }

  trouble(): string | undefined {
    const { clock, hint } = this.options;
    if (clock.now() - this.at > TOLD_MS) return undefined;
    return `${this.last} (${toIso(this.at)}). ${hint}`;
  }

  /** For people, under one id and title. */
  health(now: number, id: string, title: string): HealthFacts {
    const trouble = this.trouble();
    const state = trouble === undefined ? 'resolved' : 'firing';
    return { id, state, severity: 'high', title, text: trouble ?? 'It is over.', at: now };
  }
}
