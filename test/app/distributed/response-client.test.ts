/** A process that does not respond says which one does, and is not kept from it by Redis being away. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RESPONDS_AT, type RespondsAt } from '../../../app/distributed/responds-at.ts';
import { createDistributedClient } from '../../../app/distributed/response-client.ts';
import { KeyhoundError } from '../../../core/errors.ts';
import type { ResponseClient } from '../../../core/response.ts';
import type { ResponseStores } from '../../../store/redis/response/open.ts';

const AT: RespondsAt = {
  host: 'respond-1',
  url: 'http://10.0.0.7:8420',
  sinceAt: '2026-03-01T10:00:00.000Z',
};
const AWAY = new KeyhoundError('operating', 'Redis is away', { code: 'redis-unreachable' });

function client(known: RespondsAt | undefined, away?: KeyhoundError, acting?: ResponseClient) {
  const stores = {
    trouble: () => away,
    flag: (name: string) => ({
      async read() {
        if (away !== undefined) return await new Promise<never>(() => {});
        return name === RESPONDS_AT ? known : undefined;
      },
    }),
  } as unknown as ResponseStores;
  return createDistributedClient({
    acting: () => acting,
    standby: () => undefined,
    stores: async () => stores,
  });
}

const hintOf = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => assert.fail('it was answered'),
    (error: KeyhoundError) => {
      assert.equal(error.code, 'not-here');
      return error.hint;
    },
  );

const suspend = { verb: 'suspend', key: 'kong:1', by: 'ann', reason: 'a test' } as const;
const stop = { stopped: true, lift: false, by: 'ann', reason: 'a test' };

test('commands are answered with host and address of the process that responds', async () => {
  const { approve, command, reconcile, stop: stopAll, testChannels } = client(AT);
  for (const work of [
    command(suspend),
    approve('dec_1', { verdict: 'approve', token: 't', reason: '' }),
    reconcile({ fix: false, by: 'ann' }),
    stopAll(stop),
    testChannels(undefined),
  ]) {
    assert.match(
      (await hintOf(work))!,
      /2026-03-01T10:00:00.000Z: http:\/\/10\.0\.0\.7:8420 on respond-1/,
    );
  }
});

test('where nobody has said so yet, or Redis is away, the log of that process does, at once', {
  timeout: 60_000,
}, async () => {
  assert.match((await hintOf(client(undefined).command(suspend)))!, /in its log/);
  assert.match((await hintOf(client(AT, AWAY).stop(stop)))!, /in its log/);
});

test('the process that responds answers itself', async () => {
  const answer = { decisions: [], actions: [], planned: [] };
  const acting = { command: async () => answer } as unknown as ResponseClient;
  assert.equal(await client(AT, undefined, acting).command(suspend), answer);
});
