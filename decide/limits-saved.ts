/** Buckets across restarts: written now and then and at the end, a few hundred a turn, since requests come between. */
import type { Clock } from '../core/clock.ts';
import type { Verdict } from '../core/verdict.ts';
import type { Limits, SavedBuckets } from './limits.ts';
import { readSaved, replaceSaved } from './saved-file.ts';

const VERSION = 1;
const EVERY_MS = 30_000;
const LINES_A_PART = 200;

export interface SavedLimitsOptions {
  readonly limits: Limits;
  readonly path: string;
  readonly verdicts: { find(key: string): Verdict | undefined };
  readonly clock: Clock;
  onError(error: unknown): void;
}

export class SavedLimits {
  readonly #options: SavedLimitsOptions;
  #timer: NodeJS.Timeout | undefined;
  #saving: Promise<void> | undefined;

  constructor(options: SavedLimitsOptions) {
    this.#options = options;
  }

  /** Takes up what was saved. A file that cannot be read is told about, and all buckets are full. */
  start(): void {
    const { path, onError } = this.#options;
    try {
      this.#restore(readSaved(path));
    } catch (error) {
      onError(error);
    }
    this.#timer = setInterval(() => {
      this.save().catch(onError);
    }, EVERY_MS).unref();
  }

  save(): Promise<void> {
    const { path } = this.#options;
    this.#saving ??= replaceSaved(path, linesOf(this.#options)).finally(() => {
      this.#saving = undefined;
    });
    return this.#saving;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#saving;
    await this.save();
  }

  #restore(text: string | undefined): void {
    if (text === undefined) return;
    const { limits, verdicts, clock } = this.#options;
    const [head, ...lines] = text.trimEnd().split('\n');
    const { version } = JSON.parse(head ?? '') as { version?: unknown };
    if (version !== VERSION) throw new Error(`saved limits: version ${String(version)}`);
    const now = clock.now();
    for (const line of lines) {
      const saved = JSON.parse(line) as SavedBuckets;
      limits.restore(saved, verdicts.find(saved[0]), now);
    }
  }
}

function* linesOf({ limits, verdicts, clock }: SavedLimitsOptions): Iterable<string> {
  let text = `${JSON.stringify({ version: VERSION })}\n`;
  let lines = 0;
  const stands = (key: string) => verdicts.find(key) !== undefined;
  for (const saved of limits.saved(() => clock.now(), stands)) {
    if (saved !== undefined) text += `${JSON.stringify(saved)}\n`;
    if (saved !== undefined && ++lines % LINES_A_PART !== 0) continue;
    yield text;
    text = '';
  }
  yield text;
}
