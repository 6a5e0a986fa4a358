/**
 * What people have told detection, as it stands: rules and remembered false alarms, with the counters of what they
 * held back. A part of the snapshot, written whole when it has changed, as both are small and change by hand.
 */
import type { Rule, RuleChange } from '../../core/control.ts';
import { FalseAlarms, type Remembered } from './false-alarms.ts';
import { RuleBook } from './rules.ts';

/** Name of the part in the snapshot; it stands in key group 0. */
export const STEERING_PART = 'steering';

interface Saved {
  readonly rules: readonly Rule[];
  readonly falseAlarms: readonly (readonly [string, readonly Remembered[]])[];
  /** Sequence of the last record applied. */
  readonly sequence: number;
}

export class Steering {
  readonly rules = new RuleBook();
  readonly falseAlarms = new FalseAlarms();
  /** Evidence that a rule of the allowlist, or a remembered false alarm, held back since the start. */
  readonly heldBack = { allowed: 0, remembered: 0 };
  private sequence = 0;
  private changed = false;

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

  /** The part's bytes when they have changed since the last call. */
  drain(): Uint8Array | undefined {
    if (!this.changed) return undefined;
    this.changed = false;
    const saved: Saved = {
      rules: this.rules.all(),
      falseAlarms: this.falseAlarms.entries(),
      sequence: this.sequence,
    };
    return new TextEncoder().encode(JSON.stringify(saved));
  }

  restore(bytes: Uint8Array): void {
    const saved = JSON.parse(new TextDecoder().decode(bytes)) as Saved;
    for (const rule of saved.rules) this.rules.add(rule, Number.NEGATIVE_INFINITY);
    this.falseAlarms.restore(saved.falseAlarms);
    this.sequence = saved.sequence;
  }
}
