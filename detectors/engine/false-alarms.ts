/**
 * Evidence that a person has called a false alarm: the same again, up to a quarter more, raises nothing for a time.
 * By subject, with bounds on both; what is oldest gives way.
 */
import { type Innocent, REMEMBERED_FACTOR, REMEMBERED_MAX } from '../../core/control.ts';

const SUBJECTS_MAX = 10_000;

export interface Remembered {
  readonly detector: string;
  readonly about: string;
  /** Highest score that it covers. */
  readonly most: number;
  /** Event time, epoch ms. */
  readonly untilAt: number;
}

export class FalseAlarms {
  private readonly bySubject = new Map<string, Remembered[]>();
  /** Entries that gave way to newer ones. */
  dropped = 0;

  /** Whether anything is remembered of a detector's findings at all. */
  concern(subject: string, detector: string): boolean {
    if (this.bySubject.size === 0) return false;
    return this.bySubject.get(subject)?.some((entry) => entry.detector === detector) ?? false;
  }

  covers(subject: string, evidence: Innocent, at: number): boolean {
    const entries = this.bySubject.get(subject) ?? [];
    return entries.some(
      ({ detector, about, most, untilAt }) =>
        detector === evidence.detector &&
        about === evidence.about &&
        evidence.score <= most &&
        at < untilAt,
    );
  }

  remember(subject: string, evidence: readonly Innocent[], at: number, untilAt: number): void {
    let entries = (this.bySubject.get(subject) ?? []).filter((entry) => entry.untilAt > at);
    for (const { detector, about, score } of evidence) {
      const most = score * REMEMBERED_FACTOR;
      // Of the same twice, what covers more and for longer.
      const same = entries.find((entry) => entry.detector === detector && entry.about === about);
      entries = entries.filter((entry) => entry !== same);
      entries.push({
        detector,
        about,
        most: Math.max(most, same?.most ?? 0),
        untilAt: Math.max(untilAt, same?.untilAt ?? 0),
      });
    }
    this.dropped += Math.max(0, entries.length - REMEMBERED_MAX);
    this.bySubject.delete(subject);
    if (entries.length > 0) this.bySubject.set(subject, entries.slice(-REMEMBERED_MAX));
    if (this.bySubject.size <= SUBJECTS_MAX) return;
    const [oldest] = this.bySubject.keys();
    this.bySubject.delete(oldest!);
    this.dropped++;
  }

  /** For the snapshot: plain JSON, in the order in which it was told. */
  entries(): [string, readonly Remembered[]][] {
    return [...this.bySubject];
  }

  restore(entries: readonly (readonly [string, readonly Remembered[]])[]): void {
    for (const [subject, remembered] of entries) this.bySubject.set(subject, [...remembered]);
  }
}
