/** What `score` is asked and what it tells. */

/** One line `{"type":"point"}`: a row of a series with its score. */
export interface ScoredPoint {
  readonly type: 'point';
  /** As it was named. */
  readonly file: string;
  /** The texts of the row, as they were read. */
  readonly timestamp: string;
  readonly valueText: string;
  /** Null: nothing was measured. */
  readonly value: number | null;
  /** 0..300, four digits behind the point; 0 where nothing is unusual, or nothing could be scored. */
  readonly score: number;
  readonly alarm: boolean;
  /** False: the row has no time or no number. It counts as if nothing had been measured. */
  readonly scored: boolean;
}

/** One line `{"type":"series"}`: a file that was read to its end. */
export interface ScoredSeries {
  readonly type: 'series';
  readonly file: string;
  readonly rows: number;
  readonly unscored: number;
  /** Rows older than the row before them. */
  readonly backwards: number;
  readonly alarms: number;
  /** Where its scores were written. */
  readonly output?: string;
}

export interface ScoreSummary {
  readonly type: 'summary';
  readonly files: number;
  readonly rows: number;
  readonly unscored: number;
  readonly backwards: number;
  readonly alarms: number;
  /** A score of at least this is an alarm. */
  readonly alarmAt: number;
  /** Files that could not be read, or of which no row could be scored. Absent when there is none. */
  readonly failed?: readonly Error[];
}

export interface ScoreOptions {
  readonly files: readonly string[];
  /** Absolute; relative names are resolved against it. */
  readonly folder: string;
  /** Scores are written there, each file under its own name. */
  readonly outDir?: string | undefined;
  readonly signal: AbortSignal;
  /** In the order of the rows, some at a time. */
  onPoints(points: readonly ScoredPoint[]): void;
  onSeries(series: ScoredSeries): void;
}
export type Score = (options: ScoreOptions) => Promise<ScoreSummary>;
