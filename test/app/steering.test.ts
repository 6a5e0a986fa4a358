/** Silences, the allowlist and closed incidents: by the files, and by the instance that uses them. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { openClient } from '../../app/client.ts';
import type { StateClient } from '../../app/contract.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { openSqliteStore } from '../../store/sqlite/store.ts';
import { startInstance } from './instance.ts';
import { type MadeState, makeState } from './made-state.ts';

let made: MadeState;
before(async () => {
  made = await makeState();
});
after(() => rm(made.parent, { recursive: true, force: true }));

const signal = new AbortController().signal;
const SAID = { by: 'ann', reason: 'the yearly load test' };
const hasCode = (code: string) => (error: unknown) =>
  error instanceof KeyhoundError && error.kind === 'usage' && error.code === code;

async function using<T>(use: (client: StateClient) => Promise<T>): Promise<T> {
  const client = await openClient({ config: made.config, stateDir: undefined, signal });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/** Everything that people can say, said and looked at; leaves nothing behind but a closed incident. */
async function steer(client: StateClient, as: 'false-alarm' | 'resolved'): Promise<void> {
  const added = await client.addRule({
    kind: 'silence',
    subject: made.stolenId,
    place: '198.51.100.0/24',
    forMs: 3_600_000,
    ...SAID,
  });
  assert.match(added.id, /^sil_[0-9a-f]{20}$/);
  assert.ok(Date.parse(added.untilAt!) - Date.parse(added.fromAt) === 3_600_000);
  const allowed = await client.addRule({ kind: 'allow', place: 'de', ...SAID });
  assert.deepEqual(
    { ...allowed, id: '', fromAt: '' },
    { type: 'allow', id: '', fromAt: '', untilAt: null, place: 'DE', ...SAID },
  );
  assert.deepEqual(await client.rules('silence'), [added]);
  assert.deepEqual(await client.rules('allow'), [allowed]);
  const notThere = { kind: 'silence' as const, id: allowed.id, ...SAID };
  assert.equal(await client.removeRule(notThere), undefined, 'an allowance is no silence');
  assert.deepEqual(await client.removeRule({ kind: 'silence', id: added.id, ...SAID }), added);
  assert.deepEqual(await client.removeRule({ ...notThere, kind: 'allow' }), allowed);
  assert.deepEqual(await client.rules('silence'), []);
  const [incident] = await client.incidents({ subjectId: made.stolenId });
  const closed = await client.closeIncident(incident!.id, { as, ...SAID });
  assert.deepEqual(
    [closed?.incident.closedAs, closed?.incident.closedBy, closed?.incident.closedReason],
    [as, 'ann', SAID.reason],
  );
  assert.equal(closed!.incident.revision, incident!.revision + 1);
  const again = await client.closeIncident(incident!.id, { as, ...SAID });
  assert.equal(again?.incident.revision, closed!.incident.revision, 'it is said once');
  assert.equal(await client.closeIncident('inc_none', { as, ...SAID }), undefined);
}

/** What cannot be said, and how that is told. */
async function refuse(client: StateClient): Promise<void> {
  const add = (criteria: object) => client.addRule({ kind: 'allow', ...criteria, ...SAID });
  await assert.rejects(add({}), hasCode('rule-too-wide'));
  await assert.rejects(add({ detector: 'volume-spik' }), (error: unknown) => {
    assert.match((error as KeyhoundError).hint ?? '', /Did you mean volume-spike/);
    return hasCode('detector-unknown')(error);
  });
  await assert.rejects(add({ place: 'Germany' }), hasCode('place-unknown'));
  await assert.rejects(add({ place: '10.0.0.0/8' }), hasCode('network-unfit'));
  await assert.rejects(add({ place: '198.51.100.7/32' }), hasCode('network-unfit'));
  assert.deepEqual(await client.rules('allow'), []);
}

describe('what people say', () => {
  test('to a state that nobody uses is kept in it', async () => {
    await using((client) => steer(client, 'false-alarm'));
    await using(async (client) => {
      const [incident] = await client.incidents({ subjectId: made.stolenId });
      assert.equal(incident!.closedAs, 'false-alarm');
      await refuse(client);
    });
  });

  test('to an instance goes through its API, with the same answers', async (t) => {
    const running = await startInstance(made);
    t.after(() => running.close());
    await using(async (client) => {
      assert.equal(client.via, 'api');
      await steer(client, 'resolved');
      await refuse(client);
    });
  });

  test('stands in the sequence with who, when and why', async () => {
    const store = await openSqliteStore({
      folder: made.folder,
      pepperFingerprint: undefined,
      readOnly: true,
    });
    const controls = await store.controls(0, 100);
    await store.close();
    const said = controls.filter(({ kind }) => ['silence', 'allow', 'close'].includes(kind));
    assert.deepEqual(
      said.map(({ kind, body }) => `${kind} ${body['change'] ?? body['as']}`),
      [1, 2].flatMap((i) => [
        'silence add',
        'allow add',
        'silence remove',
        'allow remove',
        `close ${i === 1 ? 'false-alarm' : 'resolved'}`,
      ]),
    );
    for (const { at, body } of said) {
      const { by, reason } = (body['rule'] ?? body) as typeof SAID;
      assert.deepEqual({ by, reason }, SAID);
      assert.ok(at > 0);
    }
  });
});
