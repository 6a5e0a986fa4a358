/** A client of a gateway that holds a key, and what it meets. */
import assert from 'node:assert/strict';

export interface Client {
  /** Status of one request. */
  status(): Promise<number>;
  /** Asks until the status is met ten times in a row: old workers may end their last. The test's limit is the bound. */
  until(status: number): Promise<void>;
  /** So many requests all meet this status. */
  all(count: number, status: number): Promise<void>;
}

/** Each request on a connection of its own, as the next client's would be. */
export function clientOf(port: number, headers: Readonly<Record<string, string>>): Client {
  const status = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/orders/1`, {
      headers: { ...headers, connection: 'close' },
    });
    await answer.arrayBuffer();
    return answer.status;
  };
  return {
    status,
    async until(wanted) {
      for (let met = 0; met < 10; ) met = (await status()) === wanted ? met + 1 : 0;
    },
    async all(count, wanted) {
      for (let i = 0; i < count; i++) assert.equal(await status(), wanted);
    },
  };
}
