/** Progress of long work on stderr: a bar on a terminal, else a plain line every few seconds. */
import { count, size, span } from './numbers.ts';
import type { Printer } from './printer.ts';
import { fit } from './style.ts';

export interface ProgressFacts {
  /** 0..1; undefined when nobody knows how much there is. */
  readonly share: number | undefined;
  /** E.g. `1.2 GiB of 3 GiB`. */
  readonly amount: string;
  readonly eventsPerSecond: number;
  /** Event time reached, epoch ms; NaN before the first event. */
  readonly atMs: number;
}

export interface ProgressLine {
  show(facts: ProgressFacts): void;
  /** Removes the bar. */
  end(): void;
}

const PLAIN_EVERY_MS = 5000;
const BAR_COLUMNS = 24;

export function createProgress(printer: Printer, now: () => number): ProgressLine {
  const beganAt = now();
  let saidAt = beganAt;
  return {
    show: (facts) => {
      const elapsedMs = now() - beganAt;
      if (printer.live) {
        const columns = printer.statusColumns - 1;
        printer.status(fit(bar(facts, elapsedMs, columns), columns));
      } else if (now() - saidAt >= PLAIN_EVERY_MS) {
        saidAt = now();
        printer.note(inWords(facts, elapsedMs));
      }
    },
    end: () => printer.status(''),
  };
}

export function sizeAmount(done: number, total: number | undefined): string {
  return total === undefined ? size(done) : `${size(done)} of ${size(total)}`;
}

/** On a narrow terminal the words matter more. */
function bar(facts: ProgressFacts, elapsedMs: number, columns: number): string {
  const words = inWords(facts, elapsedMs);
  if (facts.share === undefined || columns < words.length + BAR_COLUMNS) return words;
  const full = Math.round(Math.min(1, facts.share) * BAR_COLUMNS);
  return `${'█'.repeat(full)}${'░'.repeat(BAR_COLUMNS - full)} ${words}`;
}

function inWords(facts: ProgressFacts, elapsedMs: number): string {
  const parts: string[] = [];
  if (facts.share !== undefined) parts.push(`${Math.floor(Math.min(1, facts.share) * 100)} %`);
  const left = timeLeft(facts.share, elapsedMs);
  if (left !== undefined) parts.push(`${span(left)} left`);
  parts.push(`${count(facts.eventsPerSecond)} events/s`, facts.amount);
  if (Number.isFinite(facts.atMs)) {
    parts.push(`at ${new Date(facts.atMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`);
  }
  return parts.join(', ');
}

/** From the mean rate so far; too early to tell in the first second. */
function timeLeft(share: number | undefined, elapsedMs: number): number | undefined {
  if (share === undefined || share <= 0 || elapsedMs < 1000) return undefined;
  return (elapsedMs / Math.min(1, share)) * (1 - Math.min(1, share));
}
