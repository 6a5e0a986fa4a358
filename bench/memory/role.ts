/** A process of a role, and what it holds in memory. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Member } from '../../test/judged/stack.ts';
import { residentBytesOf } from '../kafka/processes.ts';

/** So that it can be asked to collect: by Node's inspector, on a port of its own choice. */
export const INSPECTED = { NODE_OPTIONS: '--inspect=127.0.0.1:0' };

export interface Held {
  /** Resident memory of the process, bytes. */
  readonly resident: number;
  /** Messages that it has yet to apply. */
  readonly lag: number;
}

export async function heldBy({ child, get }: Member): Promise<Held> {
  const text = await get('/metrics');
  let lag = 0;
  for (const [, count] of text.matchAll(/^keyhound_partition_lag_messages\{.*\} (\d+)$/gm)) {
    lag += Number(count);
  }
  return { resident: residentBytesOf(child.pid), lag };
}

/** Resolves once nothing is left to apply, three times in a row. */
export async function caughtUp(member: Member): Promise<void> {
  for (let calm = 0; calm < 3; ) {
    const { lag } = await heldBy(member);
    calm = lag === 0 ? calm + 1 : 0;
    await sleep(500);
  }
}

/** What the process refers to, buffers included, bytes: it collects first. */
export async function collected({ child }: Member): Promise<number> {
  const [url] = await child.told(/ws:\/\/\S+/);
  const session = new WebSocket(url);
  await new Promise((resolve, reject) => {
    session.addEventListener('open', resolve, { once: true });
    session.addEventListener('error', reject, { once: true });
  });
  try {
    // Twice: what finalizers and weak references let go of in the first.
    await call(session, 'HeapProfiler.collectGarbage');
    await call(session, 'HeapProfiler.collectGarbage');
    const { usedSize, backingStorageSize } = await call(session, 'Runtime.getHeapUsage');
    return usedSize! + backingStorageSize!;
  } finally {
    session.close();
  }
}

let calls = 0;

function call(session: WebSocket, method: string): Promise<Readonly<Record<string, number>>> {
  const id = ++calls;
  return new Promise((resolve, reject) => {
    session.addEventListener('close', () => reject(new Error('the process has ended')));
    session.addEventListener('message', function hear({ data }) {
      const answer = JSON.parse(String(data)) as { id?: number; result: Record<string, number> };
      if (answer.id !== id) return;
      session.removeEventListener('message', hear);
      resolve(answer.result);
    });
    session.send(JSON.stringify({ id, method }));
  });
}
