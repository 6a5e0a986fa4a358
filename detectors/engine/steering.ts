/**
 * What people have told detection, as it stands: rules and remembered false alarms, with the counters of what they
 * held back. Written whole when it has changed, as both are small and change by hand.
 */
import type { Rule, RuleChange } from '../../core/control.ts';
import { FalseAlarms, type Remembered } from './false-alarms.ts';
import { RuleBook } from './rules.ts';

/** As JSON. */
export interface SavedSteering {
  readonly rules: readonly Rule[];
  readonly falseAlarms: readonly (readonly [string, readonly Remembered[]])[];
  /** Sequence of the last record applied. */
  readonly sequence: number;
  /** Reports that were applied, the newest last; absent in what versions before 0.2 have kept. */
  readonly reports?: readonly string[];
}

/** Of those the oldest is forgotten: its sender will not repeat it any more. */
const REPORTS_MAX = 1000;

export class Steering {
  readonly rules = new RuleBook();
  readonly falseAlarms = new FalseAlarms();
  /** Evidence that a rule of the allowlist, or a remembered false alarm, held back since the start. */
  readonly heldBack = { allowed: 0, remembered: 0 };
  /** Reports that were applied, in their order. */
  private readonly reports = new Set<string>();
  private sequence = 0;
  changed = false;

  /** False for a record that was applied before. */
  begins(sequence: number): boolean {
    if (sequence <= this.sequence) return false;
    this.sequence = sequence;
    this.changed = true;
    return true;
  }

  change(change: RuleChange, at: number): void {
    if (change.change === 'add') this.rules.add(change.rule, at);
    else this.rules.remove(change.id);
  }

  /** False for a report that was applied before, whatever record it came in. */
  isNewReport(report: string): boolean {
    if (this.reports.has(report)) return false;
    this.reports.add(report);
    if (this.reports.size > REPORTS_MAX) this.reports.delete([...this.reports][0]!);
    this.changed = true;
    return true;
  }

  save(): SavedSteering {
    this.changed = false;
    return {
      rules: this.rules.all(),
      falseAlarms: this.falseAlarms.entries(),
      sequence: this.sequence,
      reports: [...this.reports],
    };
  }

  restore(saved: SavedSteering): void {
    for (const rule of saved.rules) this.rules.add(rule, Number.NEGATIVE_INFINITY);
    this.falseAlarms.restore(saved.falseAlarms);
    for (const report of saved.reports ?? []) this.reports.add(report);
    this.sequence = saved.sequence;
  }
}
