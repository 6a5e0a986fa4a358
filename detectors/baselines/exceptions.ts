/** What calendars say of a span of a key's time, as the volume baseline takes it. */
export interface Exception {
  /** Second at which it ends; Infinity for never. */
  readonly until: number;
  /** Up to this many times the usual rate is expected. */
  readonly factor: number;
  /** Nothing need come. */
  readonly isQuiet: boolean;
}

export interface Exceptions {
  at(second: number): Exception;
}

const NONE: Exception = Object.freeze({
  until: Number.POSITIVE_INFINITY,
  factor: 1,
  isQuiet: false,
});
export const NO_EXCEPTIONS: Exceptions = Object.freeze({ at: () => NONE });

/** Such a time says nothing about the usual: it is learned like one under suspicion, and not sampled. */
export function isExceptional({ factor, isQuiet }: Exception): boolean {
  return isQuiet || factor > 1;
}
