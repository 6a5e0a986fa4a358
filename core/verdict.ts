/** Verdicts: what the decision endpoint answers for a key, and the limits that it enforces. */
import type { KeyProfile } from './key-profile.ts';
import type { ActingRung, RateLimit } from './ladder.ts';

export type { KeyProfile } from './key-profile.ts';

/** What holds for one key. The strictest standing decision, judged with its expiry when it is read. */
export interface Verdict {
  /** Subject id: GATEWAY:credential-id, or `h:…`. */
  readonly key: string;
  readonly rung: ActingRung;
  /** With a throttle. */
  readonly limit?: RateLimit;
  /** With `contain`. */
  readonly profile?: KeyProfile;
  /** Epoch ms; null: until lifted. */
  readonly untilAt: number | null;
  /** Id of the action that put it. */
  readonly tag: string;
}

/** Where verdicts are kept. Drivers: SQLite, Redis. `decide` keeps a copy of its own in memory and on disk. */
export interface VerdictStore {
  /** Durable when it resolves. */
  putVerdict(verdict: Verdict): Promise<void>;
  removeVerdict(key: string): Promise<void>;
  verdict(key: string): Promise<Verdict | undefined>;
  verdicts(): Promise<Verdict[]>;
  /** Another after each change, whoever makes it; cheap. Left out: nobody can tell but by reading them all. */
  verdictsMark?(): Promise<string>;
  /** Told of each change made through this store; answers how to stop. */
  onVerdict(listener: (key: string, verdict: Verdict | undefined) => void): () => void;
}
