/** How the contract tests of the response get at a driver. */

export interface Opened<T> {
  readonly store: T;
  close(): Promise<void>;
}

export interface PlacedDriver<T> {
  readonly name: string;
  /** An empty place that only one test uses; removed after the run. */
  createPlace(): Promise<string>;
  /** Also a second time while the first is open, as after a kill. */
  open(place: string): Promise<Opened<T>>;
}

export async function withPlace<T>(
  driver: PlacedDriver<T>,
  use: (store: T, place: string) => Promise<void>,
): Promise<void> {
  const place = await driver.createPlace();
  const opened = await driver.open(place);
  try {
    await use(opened.store, place);
  } finally {
    await opened.close();
  }
}

/** What a process sees that opens the place anew, the first one being neither closed nor asked. */
export async function seenAnew<T, A>(
  driver: PlacedDriver<T>,
  place: string,
  look: (store: T) => Promise<A>,
): Promise<A> {
  const opened = await driver.open(place);
  try {
    return await look(opened.store);
  } finally {
    await opened.close();
  }
}

export function numbered(prefix: string, n: number): string {
  return `${prefix}_${String(n).padStart(20, '0')}`;
}

export function minute(n: number): string {
  return new Date(Date.UTC(2026, 2, 1, 10, n)).toISOString();
}
