/** What calendars say of the time of the key at hand: what more is expected, what is not, who accuses nobody. */
import {
  type Addressee,
  type Calendar,
  type CalendarWindow,
  calendarOf,
  type Stretch,
} from '../../core/calendar.ts';
import type { Exception, Exceptions } from '../baselines/exceptions.ts';
import type { Evidence } from '../detector.ts';

/** Detectors whose expectation is widened, up and down; all others are excused. */
const WIDENED: readonly string[] = ['volume-spike', 'volume-drop'];
/** A silence is looked at by whole quarter hours: a window that begins in one cuts it. */
const AHEAD_MS = 900_000;
const SECONDS_MAX = Number.POSITIVE_INFINITY;

interface KeyException extends Exception {
  readonly windows: readonly CalendarWindow[];
  /** Ids of detectors that are neither asked nor taught; undefined for none. */
  readonly excused: ReadonlySet<string> | undefined;
}

const NO_ONE: Addressee = Object.freeze({ id: '', label: '', consumer: '' });

export class KeyExceptions implements Exceptions {
  private calendar: Calendar;
  private key: Addressee = NO_ONE;
  private stretch: Stretch | undefined;
  /** Of the stretch last looked at; for the key at hand where it has windows. */
  private known: KeyException | undefined;
  private excused: ReadonlySet<string> | undefined;

  constructor(calendar: Calendar) {
    this.calendar = calendar;
  }

  /** False when there are no windows at all: nobody need be named. */
  get exist(): boolean {
    return this.calendar.version !== '';
  }

  /** Whose time is asked of from now on. */
  face(key: Addressee): void {
    this.key = key;
    if (this.stretch !== undefined && this.stretch.windows.length > 0) this.stretch = undefined;
  }

  at(second: number): KeyException {
    const stretch = this.calendar.at(second * 1000);
    if (stretch !== this.stretch || this.known === undefined) {
      this.stretch = stretch;
      this.known = this.exceptionOf(stretch);
    }
    return this.known;
  }

  /** Says of the detectors at which instant `excuses` is asked. */
  look(second: number): void {
    this.excused = this.at(second).excused;
  }

  /** Whether `excuses` is true of any. */
  get excusesAny(): boolean {
    return this.excused !== undefined;
  }

  /** True of a detector that accuses nobody, and is not taught: what it keeps of late would speak afterwards. */
  excuses(detector: string): boolean {
    return this.excused?.has(detector) === true;
  }

  /** Windows of the key that its time between two instants touches, as findings record them. */
  context(lastAt: number, at: number): { readonly windows?: CalendarWindow[] } {
    if (!this.exist) return {};
    const windows = this.windows(Math.min(lastAt, at), Math.max(lastAt, at) + AHEAD_MS);
    return windows.length === 0 ? {} : { windows };
  }

  private windows(fromAt: number, toAt: number): CalendarWindow[] {
    const found = new Set<CalendarWindow>();
    for (let at = fromAt; at <= toAt; ) {
      const stretch = this.calendar.at(at);
      for (const window of stretch.windows) if (window.concerns(this.key)) found.add(window);
      at = stretch.toAt;
    }
    return [...found];
  }

  /** Runs with these windows instead, which all concern the key at hand. */
  during<T>(windows: readonly CalendarWindow[], run: () => T): T {
    const { calendar } = this;
    const all = windows.map((window) => ({ ...window, concerns: () => true }));
    this.calendar = calendarOf(all, 'recorded');
    this.stretch = undefined;
    try {
      return run();
    } finally {
      this.calendar = calendar;
      this.stretch = undefined;
    }
  }

  /** The evidence, with the plans that widened what was expected. */
  noted(evidence: Evidence, detector: string, second: number): Evidence {
    const { windows } = this.at(second);
    const plans = windows.filter(({ detectors }) => detectors.includes(detector));
    if (plans.length === 0) return evidence;
    const planned = plans.map(({ name, why }) => (why === '' ? name : `${name}: ${why}`));
    return { ...evidence, expected: { ...evidence.expected, planned } };
  }

  private exceptionOf(stretch: Stretch): KeyException {
    const windows = stretch.windows.filter((window) => window.concerns(this.key));
    const until = Number.isFinite(stretch.toAt) ? stretch.toAt / 1000 : SECONDS_MAX;
    const [rising, falling] = WIDENED.map((id) =>
      windows.filter(({ detectors }) => detectors.includes(id)),
    );
    const factor = Math.max(1, ...rising!.map((window) => window.factor));
    const isQuiet = falling!.length > 0;
    const named = windows.flatMap(({ detectors }) => detectors);
    const excused = new Set(named.filter((id) => !WIDENED.includes(id)));
    return { until, factor, isQuiet, windows, excused: excused.size === 0 ? undefined : excused };
  }
}
