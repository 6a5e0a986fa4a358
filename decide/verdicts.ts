/**
 * The verdicts that requests are answered from: a copy of the store's in memory, and of that one on disk, from
 * which the endpoint starts when the store is away. Whether a verdict still holds is judged when it is read.
 *
 * A throttle's bucket stands beside its verdict and not among the others, so that no flood of made-up keys can
 * push it out.
 */
import type { Clock } from '../core/clock.ts';
import { isActing } from '../core/ladder.ts';
import type { Verdict, VerdictStore } from '../core/verdict.ts';
import { KeyMarks } from './key-marks.ts';
import { readSaved, replaceSaved } from './saved-file.ts';

const VERSION = 1;
/** Changes are collected for so long before they are written. */
const SAVE_MS = 100;
const LINES_A_PART = 500;
/** A store that can say whether something has changed is read whole so often all the same. */
const WHOLE_MS = 60_000;

export interface VerdictTableOptions {
  readonly store: VerdictStore;
  /** Where the last verdicts are kept; undefined: nowhere. */
  readonly path: string | undefined;
  readonly clock: Clock;
  /** Time between two looks at the store, ms; also after one that failed. Default 5,000. */
  readonly refreshMs?: number;
  onError(error: unknown): void;
}

export class VerdictTable {
  readonly #options: VerdictTableOptions;
  #verdicts = new Map<string, Verdict>();
  /** Of `#verdicts`, and perhaps of some that stand no more. */
  #marks = new KeyMarks([], 0);
  /** Changes told of while the store is being read: they are newer than what is read. */
  #told: Map<string, Verdict | undefined> | undefined;
  #forget: (() => void) | undefined;
  #refreshTimer: NodeJS.Timeout | undefined;
  #saveTimer: NodeJS.Timeout | undefined;
  #saving: Promise<void> = Promise.resolve();
  #readAt: number | undefined;
  #isKnown = false;
  /** The store's when it was last read whole, and when that was. */
  #mark: string | undefined;
  #wholeAt = Number.NEGATIVE_INFINITY;
  #reads = false;

  constructor(options: VerdictTableOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#verdicts.size;
  }

  /** When the store last said all that holds, epoch ms; undefined: not since the start, what is known is from disk. */
  get readAt(): number | undefined {
    return this.#readAt;
  }

  /** The verdicts come from somewhere: the store, or the file of the last run. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** What holds for a key now. */
  find(key: string): Verdict | undefined {
    if (!this.#marks.mayHave(key)) return undefined;
    const verdict = this.#verdicts.get(key);
    if (verdict === undefined || verdict.untilAt === null) return verdict;
    return verdict.untilAt > this.#options.clock.now() ? verdict : undefined;
  }

  /** Reads what was saved, listens, and reads the store now and then. Never rejects: it serves what it has. */
  async start(): Promise<void> {
    const { store, path, onError } = this.#options;
    try {
      const saved = path === undefined ? undefined : readSaved(path);
      this.#hold(parseVerdicts(saved));
      this.#isKnown = saved !== undefined;
    } catch (error) {
      onError(error);
    }
    this.#forget = store.onVerdict((key, verdict) => this.#change(key, verdict));
    await this.refresh();
    const everyMs = this.#options.refreshMs ?? 5000;
    this.#refreshTimer = setInterval(() => void this.refresh(), everyMs).unref();
  }

  /**
   * What the store has is what holds; it is read whole where its mark says that something has changed, and now and
   * then. Keeps what there was when the store is away.
   */
  async refresh(): Promise<void> {
    if (this.#reads) return;
    this.#reads = true;
    const told = new Map<string, Verdict | undefined>();
    this.#told = told;
    try {
      const { clock, store } = this.#options;
      const mark = await store.verdictsMark?.();
      const now = clock.now();
      const isOld = Math.abs(now - this.#wholeAt) >= WHOLE_MS;
      if (mark !== undefined && mark === this.#mark && !isOld) {
        this.#readAt = now;
        this.#dropEnded(now);
        return;
      }
      const all = await store.verdicts();
      const fresh = new Map<string, Verdict>();
      for (const verdict of all) if (holds(verdict, now)) fresh.set(verdict.key, verdict);
      for (const [key, verdict] of told) {
        if (verdict === undefined) fresh.delete(key);
        else fresh.set(key, verdict);
      }
      const changed = !sameVerdicts(this.#verdicts, fresh);
      if (changed) this.#hold(fresh);
      // The first reading is written, empty or not: it says that nothing holds.
      const isFirst = !this.#isKnown;
      this.#isKnown = true;
      this.#readAt = now;
      this.#wholeAt = now;
      // From before the reading: what changed during it is read again.
      this.#mark = mark;
      if (changed || isFirst) this.#saveSoon();
    } catch (error) {
      this.#options.onError(error);
    } finally {
      this.#told = undefined;
      this.#reads = false;
    }
  }

  /** What is known is on disk when it resolves. */
  async save(): Promise<void> {
    clearTimeout(this.#saveTimer);
    this.#saveTimer = undefined;
    const { path } = this.#options;
    if (path === undefined) return;
    // One after the other: two would write the same file.
    this.#saving = this.#saving.then(() => replaceSaved(path, linesOf(this.#verdicts)));
    const saving = this.#saving;
    this.#saving = saving.catch(() => undefined);
    await saving;
  }

  async close(): Promise<void> {
    this.#forget?.();
    clearInterval(this.#refreshTimer);
    const isDue = this.#saveTimer !== undefined;
    clearTimeout(this.#saveTimer);
    if (isDue) await this.save();
    else await this.#saving;
  }

  #change(key: string, verdict: Verdict | undefined): void {
    this.#told?.set(key, verdict);
    if (verdict === undefined) this.#verdicts.delete(key);
    else {
      this.#verdicts.set(key, verdict);
      if (!this.#marks.add(key)) this.#hold(this.#verdicts);
    }
    this.#saveSoon();
  }

  #dropEnded(now: number): void {
    const ended = [...this.#verdicts.values()].filter((verdict) => !holds(verdict, now));
    for (const { key } of ended) this.#verdicts.delete(key);
    if (ended.length > 0) this.#saveSoon();
  }

  #hold(verdicts: Map<string, Verdict>): void {
    this.#verdicts = verdicts;
    this.#marks = new KeyMarks(verdicts.keys(), verdicts.size);
  }

  #saveSoon(): void {
    if (this.#options.path === undefined || this.#saveTimer !== undefined) return;
    this.#saveTimer = setTimeout(() => {
      this.save().catch((error: unknown) => this.#options.onError(error));
    }, SAVE_MS).unref();
  }
}

function holds({ untilAt }: Verdict, now: number): boolean {
  return untilAt === null || untilAt > now;
}

function sameVerdicts(a: ReadonlyMap<string, Verdict>, b: ReadonlyMap<string, Verdict>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, verdict] of a) {
    const other = b.get(key);
    if (other === undefined || !sameVerdict(verdict, other)) return false;
  }
  return true;
}

/** A profile never changes under the same tag. */
function sameVerdict(a: Verdict, b: Verdict): boolean {
  if (a.tag !== b.tag || a.rung !== b.rung || a.untilAt !== b.untilAt) return false;
  return a.limit?.requests === b.limit?.requests && a.limit?.windowMs === b.limit?.windowMs;
}

/** A head, then a verdict a line. */
function* linesOf(verdicts: ReadonlyMap<string, Verdict>): Iterable<string> {
  let text = `${JSON.stringify({ version: VERSION })}\n`;
  let lines = 0;
  for (const verdict of [...verdicts.values()]) {
    text += `${JSON.stringify(verdict)}\n`;
    if (++lines % LINES_A_PART !== 0) continue;
    yield text;
    text = '';
  }
  yield text;
}

function parseVerdicts(text: string | undefined): Map<string, Verdict> {
  const verdicts = new Map<string, Verdict>();
  if (text === undefined) return verdicts;
  const [head, ...lines] = text.trimEnd().split('\n');
  const { version } = JSON.parse(head ?? '') as { version?: unknown };
  if (version !== VERSION) throw new Error(`saved verdicts: version ${String(version)}`);
  for (const line of lines) {
    const verdict = JSON.parse(line) as Verdict;
    if (typeof verdict.key === 'string' && isActing(verdict.rung)) {
      verdicts.set(verdict.key, verdict);
    }
  }
  return verdicts;
}
