/** Which keys detection has a record of, for who is asked at once: digests out of Redis, and what is told. */
import { setTimeout as sleep } from 'node:timers/promises';
import { KEY_GROUPS } from '../../core/event.ts';
import type { StateReader } from '../../store/redis/reader.ts';
import { digestOf } from './redis-keys.ts';

const READ_MS = 300_000;
const AGAIN_MS = 5000;
/** What is told beyond waits for the next reading. */
const TOLD_MAX = 1_000_000;

export class KnownKeys {
  private digests = new Set<string>();
  private readonly state: () => Promise<StateReader>;

  constructor(state: () => Promise<StateReader>) {
    this.state = state;
  }

  knows(id: string): boolean {
    return this.digests.has(Buffer.from(digestOf(id)).toString('hex'));
  }

  /** A key was used: its digest in hex. */
  used(digest: string): void {
    if (this.digests.size < TOLD_MAX) this.digests.add(digest);
  }

  async read(): Promise<void> {
    const state = await this.state();
    const digests = new Set<string>();
    for (let group = 0; group < KEY_GROUPS; group++) {
      for (const one of await state.digests(group)) digests.add(Buffer.from(one).toString('hex'));
    }
    this.digests = digests;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const isRead = await this.read().then(
        () => true,
        () => false,
      );
      const pauseMs = isRead ? READ_MS : AGAIN_MS;
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
