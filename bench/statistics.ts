/** Middle values, and ratios pair by pair: a disturbance of one round does not become a result. */

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** a[i] / b[i]. */
export function pairs(a: readonly number[], b: readonly number[]): number[] {
  return a.map((value, i) => value / b[i]!);
}

export function spread(values: readonly number[]): { least: number; most: number } {
  return { least: Math.min(...values), most: Math.max(...values) };
}

export interface Line {
  /** Of y by x. */
  readonly slope: number;
  /** Standard error of the slope. */
  readonly error: number;
  /** Mean of y. */
  readonly mean: number;
  /** Standard deviation of y about the line. */
  readonly residual: number;
}

/** The straight line through points by least squares. Three points at least. */
export function line(points: readonly (readonly [x: number, y: number])[]): Line {
  const count = points.length;
  if (count < 3) throw new RangeError('a line with its error takes three points');
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count;
  const mean = points.reduce((sum, [, y]) => sum + y, 0) / count;
  const squares = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - mean), 0) / squares;
  const left = points.reduce((sum, [x, y]) => sum + (y - mean - slope * (x - meanX)) ** 2, 0);
  const residual = Math.sqrt(left / (count - 2));
  return { slope, error: residual / Math.sqrt(squares), mean, residual };
}
