/** Planned events and maintenance windows, as the stages see them: spans of time in which other things are normal. */

export interface CalendarWindow {
  /** Of the calendar that it is from. */
  readonly name: string;
  /** What is planned; '' when nobody said. */
  readonly why: string;
  readonly kind: 'planned' | 'maintenance';
  /** Whole seconds, epoch ms; the end is not in it. */
  readonly fromAt: number;
  readonly toAt: number;
  /** For volume-spike: the request rate may be up to this many times the usual. */
  readonly factor: number;
  /** Ids of the detectors that it concerns. */
  readonly detectors: readonly string[];
}

/** A key as calendars name it. */
export interface Addressee {
  readonly id: string;
  readonly label: string;
  readonly consumer: string;
}

export interface AddressedWindow extends CalendarWindow {
  concerns(key: Addressee): boolean;
}

/** A span in which no window begins or ends. */
export interface Stretch {
  /** Epoch ms; the end is not in it. */
  readonly toAt: number;
  readonly windows: readonly AddressedWindow[];
}

export interface Calendar {
  /** Changes when the content does. */
  readonly version: string;
  /** Windows of all keys that are open at an instant. O(1) while event time moves within a stretch. */
  at(at: number): Stretch;
}

const NEVER: Stretch = Object.freeze({ toAt: Number.POSITIVE_INFINITY, windows: [] });
export const NO_CALENDAR: Calendar = Object.freeze({ version: '', at: () => NEVER });

/** A calendar of these windows. */
export function calendarOf(windows: readonly AddressedWindow[], version: string): Calendar {
  if (windows.length === 0) return NO_CALENDAR;
  const turns = [...new Set(windows.flatMap(({ fromAt, toAt }) => [fromAt, toAt]))];
  turns.sort((a, b) => a - b);
  const inOrder = [...windows].sort((a, b) => a.fromAt - b.fromAt);
  let next = 0;
  let open: AddressedWindow[] = [];
  const stretches = [Number.NEGATIVE_INFINITY, ...turns].map((fromAt, i): Stretch => {
    open = open.filter(({ toAt }) => toAt > fromAt);
    while (next < inOrder.length && inOrder[next]!.fromAt <= fromAt) open.push(inOrder[next++]!);
    return { toAt: turns[i] ?? Number.POSITIVE_INFINITY, windows: [...open] };
  });
  let last = 0;
  return Object.freeze({
    version,
    at(at: number): Stretch {
      const isLast = at < stretches[last]!.toAt && (last === 0 || at >= stretches[last - 1]!.toAt);
      if (!isLast) last = indexOf(stretches, at);
      return stretches[last]!;
    },
  });
}

/** First stretch that ends after the instant. */
function indexOf(stretches: readonly Stretch[], at: number): number {
  let low = 0;
  let high = stretches.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (stretches[middle]!.toAt > at) high = middle;
    else low = middle + 1;
  }
  return low;
}
