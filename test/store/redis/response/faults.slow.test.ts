/** What the shared contract does not know: a server that forgets, jobs that vanish, workers that freeze, bounds. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { AuditEntry } from '../../../../core/audit.ts';
import { connectRedis } from '../../../../store/redis/connection.ts';
import type { AuditTopic } from '../../../../store/redis/response/audit.ts';
import {
  openResponseStores,
  type ResponseStores,
  type ResponseStoresOptions,
} from '../../../../store/redis/response/open.ts';
import { type RedisServer, startRedis } from '../../../servers/redis.ts';
import {
  sampleAction,
  sampleDecision,
  sampleNote,
  sampleVerdict,
} from '../../../support/response-samples.ts';
import { until } from '../../../support/until.ts';
import { newPrefix } from '../driver.ts';

let server: RedisServer;
before(async () => {
  server = await startRedis();
});
after(() => server.stop());

const LINK = { commandTimeoutMs: 300 };

/** What docs/redis.md tells operators to grant. */
const RULES =
  'resetchannels ~keyhound:* +@connection +@hash +@scripting +del +info +time ' +
  '+@list +@set +@sortedset +@stream +unlink +exists +type +rename +get +set +incr +incrby ' +
  '+pexpire +pexpireat +pttl +persist';

async function withStores(
  options: Partial<ResponseStoresOptions>,
  use: (stores: ResponseStores, reopen: () => Promise<ResponseStores>) => Promise<void>,
): Promise<void> {
  const config = server.config(newPrefix());
  const opened: ResponseStores[] = [];
  const open = async () => {
    const stores = await openResponseStores({ config, link: LINK, ...options });
    opened.push(stores);
    return stores;
  };
  try {
    await use(await open(), open);
  } finally {
    for (const stores of opened) await stores.close();
  }
}

function entry(sequence: number): AuditEntry {
  const hashOf = (n: number) => (n === 0 ? '0' : 'a').repeat(63) + String(n);
  const [previous, hash] = [hashOf(sequence - 1), hashOf(sequence)];
  return { ...sampleNote(), id: `one-${sequence}`, writer: 'one', sequence, previous, hash };
}

/** A topic that is away until it is told otherwise. */
function createTopic() {
  const kept: AuditEntry[] = [];
  const topic = {
    isAway: true as boolean,
    kept,
    publish: async (entries: readonly AuditEntry[]) => {
      if (topic.isAway) throw new Error('away');
      kept.push(...entries);
    },
    entries: async (writer: string, from: number, limit: number) => {
      const all = new Map(kept.map((one) => [one.sequence, one]));
      const some = [...all.values()].filter((one) => one.writer === writer);
      return some.filter(({ sequence }) => sequence >= from).slice(0, limit);
    },
  } satisfies AuditTopic & { isAway: boolean; kept: AuditEntry[] };
  return topic;
}

test('a chain goes on where its writer knows it to be, though the server has forgotten', () =>
  withStores({}, async ({ audit }) => {
    assert.equal(await audit.appendAudit(entry(1)), true);
    assert.equal(await audit.appendAudit(entry(2)), true);
    const { redis, close } = await connectRedis(server.config());
    // A power cut took the last second back.
    await redis.flushall();
    close();
    assert.deepEqual(await audit.auditHead('one'), {
      writer: 'one',
      sequence: 2,
      hash: entry(2).hash,
    });
    assert.equal(await audit.appendAudit(entry(2)), false);
    assert.equal(await audit.appendAudit(entry(3)), true);
  }));

test('audit entries wait in Redis for their topic, also those of a process that ended', async () => {
  const topic = createTopic();
  await withStores({ auditTopic: topic }, async ({ audit, close }, reopen) => {
    await audit.appendAudit(entry(1));
    await audit.appendAudit(entry(2));
    assert.deepEqual(await audit.auditEntries('one', 1, 9), [entry(1), entry(2)]);
    assert.equal(audit.unsent, 2);
    await close();
    topic.isAway = false;
    const next = await reopen();
    await until(() => topic.kept.length >= 2);
    assert.equal(await next.audit.appendAudit(entry(3)), true);
    await until(async () => next.audit.unsent === 0);
    assert.deepEqual(topic.kept, [entry(1), entry(2), entry(3)]);
    assert.deepEqual(await next.audit.auditEntries('one', 2, 9), [entry(2), entry(3)]);
  });
});

test('beyond their bound the oldest records go, but none that is open or holds', () =>
  withStores({ recordsMax: 3 }, async ({ decisions, actions }) => {
    const at = (n: number) => new Date(Date.UTC(2026, 2, 1, 10, n)).toISOString();
    const states = ['standing', 'ended', 'ended', 'ended', 'ended', 'ended'] as const;
    for (const [n, state] of states.entries()) {
      await decisions.put(sampleDecision({ id: `dec_${n}`, state, decidedAt: at(n) }));
      const original = { exists: true, fingerprint: 'a', facts: {} };
      const change =
        n === 0 ? ({ state: 'done', original } as const) : { state: 'failed' as const };
      await actions.createAction(sampleAction({ id: `act_${n}`, requestedAt: at(n), ...change }));
    }
    const subjectId = sampleDecision().subject.id;
    for (const list of [decisions.decisions, actions.actions]) {
      for (const filter of [{}, { subjectId }]) {
        const ids = (await list(filter)).map(({ id }) => id.slice(4));
        assert.deepEqual(ids, ['5', '4', '0']);
      }
    }
    const next = sampleAction({ id: 'act_9', requestedAt: at(9) });
    await actions.createAction(next);
    assert.equal((await actions.action('act_9'))?.version, 7, 'versions never go back');
  }));

test('what is sealed is found by another process, until it is removed', () =>
  withStores({}, async ({ seals }, reopen) => {
    await seals.put('kong-1', new Uint8Array([0, 255, 7]));
    await seals.put('kong-2', new Uint8Array([1]));
    await seals.put('kong-2', new Uint8Array([2, 3]));
    const other = (await reopen()).seals;
    assert.deepEqual(await other.get('kong-1'), new Uint8Array([0, 255, 7]));
    assert.deepEqual(await other.get('kong-2'), new Uint8Array([2, 3]));
    await other.remove('kong-1');
    await other.remove('kong-1');
    assert.equal(await seals.get('kong-1'), undefined);
    assert.deepEqual(await seals.names(), ['kong-2']);
  }));

const TIMING = { lockMs: 400, stalledMs: 100, sweepMs: 100 };
const ENTRY = { gateway: 'kong', action: 'a', subject: 'kong:1', at: 0 };

test('work whose wake-up has vanished is found', () =>
  withStores({ timing: TIMING }, async ({ queue }) => {
    const enough = new AbortController();
    const handed: string[] = [];
    const working = queue.work(
      'kong',
      async (action) => {
        handed.push(action);
        if (handed.length === 2) enough.abort();
        return undefined;
      },
      enough.signal,
    );
    await queue.add(ENTRY);
    await until(() => handed.length === 1);
    await queue.add({ ...ENTRY, action: 'b', at: Date.now() + 200 });
    const { redis, close } = await connectRedis(server.config());
    const jobs = await redis.keys('test-*:queue:kong:*');
    await redis.del(...jobs);
    close();
    await working;
    assert.deepEqual(handed, ['a', 'b']);
  }));

test('work that was cut off from Redis is cancelled before another one begins it', () =>
  withStores({ timing: TIMING }, async ({ queue }, reopen) => {
    const stop = new AbortController();
    const told: string[] = [];
    const begun = Promise.withResolvers<void>();
    let runs = 0;
    const handler = async (_action: string, signal: AbortSignal) => {
      const run = ++runs;
      begun.resolve();
      if (run === 1) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        told.push('first cancelled');
        throw signal.reason;
      }
      told.push('begun again');
      stop.abort();
      return undefined;
    };
    const first = queue.work('kong', handler, stop.signal);
    await queue.add(ENTRY);
    await begun.promise;
    server.freeze();
    await until(() => told.length === 1);
    server.thaw();
    const other = await reopen();
    await Promise.all([first, other.queue.work('kong', handler, stop.signal)]);
    assert.deepEqual(told, ['first cancelled', 'begun again']);
  }));

test('an ACL user with the rules of the manual is enough', async (t) => {
  const acl = { username: 'keyhound', password: 'made-up-secret', rules: RULES };
  const closed = await startRedis({ acl });
  t.after(() => closed.stop());
  const errors: string[] = [];
  const stores = await openResponseStores({
    config: closed.config(),
    link: LINK,
    timing: TIMING,
    onError: (_gateway, error) => errors.push(error.message),
  });
  t.after(() => stores.close());
  await stores.decisions.put(sampleDecision());
  await stores.actions.createAction(sampleAction());
  await stores.verdicts.putVerdict(sampleVerdict());
  await stores.audit.appendAudit(entry(1));
  assert.equal((await stores.decisions.decisions({})).length, 1);
  const stop = new AbortController();
  let calls = 0;
  await stores.queue.add(ENTRY);
  await stores.queue.work(
    'kong',
    async () => {
      // Long enough for its lock to be renewed.
      if (++calls === 1) await delay(TIMING.lockMs);
      if (calls === 1) return Date.now() + 20;
      stop.abort();
      return undefined;
    },
    stop.signal,
  );
  assert.deepEqual([calls, errors], [2, []]);
});
