/** Sizes of a run. */
export interface Plan {
  readonly name: 'full' | 'quick';
  /** Records of each replayed file. */
  readonly lines: number;
  readonly keys: number;
  readonly rounds: number;
  /** Keys of the large and of the small engine. */
  readonly largeKeys: number;
  readonly smallKeys: number;
  readonly requestsPerKey: number;
  readonly eventsLeast: number;
  readonly checkpointKeys: number;
  readonly checkpointDirty: number;
}

export const FULL: Plan = {
  name: 'full',
  lines: 1_000_000,
  keys: 17_000,
  rounds: 5,
  largeKeys: 1_000_000,
  smallKeys: 1000,
  requestsPerKey: 12,
  eventsLeast: 2_000_000,
  checkpointKeys: 200_000,
  checkpointDirty: 50_000,
};

export const QUICK: Plan = {
  name: 'quick',
  lines: 100_000,
  keys: 2000,
  rounds: 3,
  largeKeys: 50_000,
  smallKeys: 1000,
  requestsPerKey: 12,
  eventsLeast: 500_000,
  checkpointKeys: 20_000,
  checkpointDirty: 5000,
};
