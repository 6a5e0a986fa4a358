/** What is opened when it is first asked for, and tried again with the next question when that failed. */
export class Late<T> {
  /** Undefined until it is open. */
  value: T | undefined;
  /** Why it is not, in words, after an attempt. */
  trouble: string | undefined;
  private readonly open: () => Promise<T>;
  private opening: Promise<T> | undefined;

  constructor(open: () => Promise<T>) {
    this.open = open;
  }

  get(): Promise<T> {
    this.opening ??= this.attempt();
    return this.opening;
  }

  private async attempt(): Promise<T> {
    try {
      this.value = await this.open();
      this.trouble = undefined;
      return this.value;
    } catch (error) {
      this.trouble = error instanceof Error ? error.message : String(error);
      this.opening = undefined;
      throw error;
    }
  }
}
