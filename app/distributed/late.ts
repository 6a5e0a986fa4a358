/** What is opened when it is first asked for, and tried again with the next question when that failed. */
export class Late<T> {
  private readonly open: () => Promise<T>;
  private opening: Promise<T> | undefined;

  constructor(open: () => Promise<T>) {
    this.open = open;
  }

  get(): Promise<T> {
    this.opening ??= this.open().catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
    return this.opening;
  }

  /** Undefined where it was not opened. */
  async opened(): Promise<T | undefined> {
    return this.opening?.catch(() => undefined);
  }
}
