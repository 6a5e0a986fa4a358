/** A part of `npm run eval`: one kind of data that nobody here wrote, and what was measured on it. */

/** What somebody else published for the same measurement. */
export interface Peer {
  readonly name: string;
  readonly value: number;
  /** E.g. that the peer looks ahead. */
  readonly remark?: string;
}

export interface Bound {
  readonly sense: 'atLeast' | 'atMost';
  readonly value: number;
}

export interface Figure {
  /** What was measured, e.g. `standard profile, official sweep`. */
  readonly what: string;
  /** NaN: nothing to measure it on. */
  readonly value: number;
  /** Digits behind the point in the table; 2 unless said. JSON has the value as it is. */
  readonly digits?: number;
  readonly unit?: string;
  /** What is asked for: below it the figure is marked, and `--check` fails. */
  readonly line?: Bound;
  /** What is aimed at. */
  readonly goal?: Bound;
  readonly peers?: readonly Peer[];
  /** What makes this figure, when it is not `npm run eval -- PART`. */
  readonly command?: string;
}

export interface PartResult {
  readonly figures: readonly Figure[];
  /** What a reader must know beside the figures: a sentence each. */
  readonly notes: readonly string[];
  /** Into the JSON only, e.g. one entry a file. */
  readonly details?: unknown;
}

export interface PartContext {
  /** Holds the data that others wrote: `nab/`, `ms-cloud-monitoring/`, …; use `dataFolder` of data.ts. */
  readonly data: string;
  /** Less of everything, in two minutes at most: to see that it works, not to report. */
  readonly quick: boolean;
  /** With what was kept closed while detectors were tuned, where the part has such a thing. */
  readonly acceptance: boolean;
  /** Progress, a line, to stderr. */
  say(text: string): void;
}

export interface Part {
  /** As on the command line. */
  readonly name: string;
  /** One line for `--help` and above the part's table. */
  readonly summary: string;
  run(context: PartContext): Promise<PartResult>;
}

export function met(value: number, bound: Bound): boolean {
  return bound.sense === 'atLeast' ? value >= bound.value : value <= bound.value;
}
