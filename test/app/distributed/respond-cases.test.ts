/** Incidents that were open before a process began to respond: none is forgotten, and none is told older than it is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RespondCases } from '../../../app/distributed/respond-cases.ts';
import type { Finding, Incident } from '../../../core/finding.ts';
import { until } from '../../support/until.ts';

const incident = (id: string, revision = 1, closedAt: string | null = null) =>
  ({ id, revision, closedAt, findings: [`${id}-finding`] }) as unknown as Incident;

function rig() {
  const state = {
    isAway: false,
    isCaughtUp: false,
    incidents: new Map<string, Incident>(),
    /** Called while it is asked. */
    asked: () => {},
  };
  const cases = new RespondCases({
    results: {
      async incidents() {
        if (state.isAway) throw new Error('no node answers');
        return [...state.incidents.values()].filter(({ closedAt }) => closedAt === null);
      },
      incident: async (id) => state.incidents.get(id),
      async findings(ids) {
        state.asked();
        return ids.map((id) => ({ id, revision: 1 }) as unknown as Finding);
      },
    },
    isCaughtUp: async () => state.isCaughtUp,
    logger: { info: () => undefined, warn: () => undefined },
    againMs: 1,
  });
  const has = (one: Incident) => state.incidents.set(one.id, one);
  return { cases, has, state };
}

const namesOf = (told: readonly { readonly incident: Incident }[]) =>
  told.map(({ incident: { id, revision, closedAt } }) => {
    return `${id} ${revision}${closedAt === null ? '' : ' closed'}`;
  });

test('while Elasticsearch is away that is said; when it answers they are told', async () => {
  const { cases, has, state } = rig();
  has(incident('a'));
  state.isAway = true;
  assert.deepEqual(await cases.read(), []);
  assert.match(cases.trouble ?? '', /not known yet: no node answers/);
  const told: { incident: Incident }[] = [];
  const stop = new AbortController();
  const following = cases.follow(stop.signal, (one) => void told.push(one));
  state.isAway = false;
  await until(() => told.length > 0);
  assert.deepEqual(namesOf(told), ['a 1']);
  assert.equal(cases.trouble, undefined);
  stop.abort();
  await following;
});

test('what the topic told in this term is not told older, nor opened again', async () => {
  const { cases, has, state } = rig();
  for (const id of ['a', 'b', 'c']) has(incident(id));
  cases.heard(incident('a', 2));
  cases.heard(incident('b', 2, '2026-03-01T10:00:00.000Z'));
  state.asked = () => cases.heard(incident('c', 2));
  assert.deepEqual(namesOf(await cases.read()), []);
});

test('what was written late is told, also that one has closed since', async () => {
  const { cases, has, state } = rig();
  for (const id of ['open', 'closing']) has(incident(id));
  assert.deepEqual(namesOf(await cases.read()), ['open 1', 'closing 1']);
  has(incident('closing', 2, '2026-03-01T10:00:00.000Z'));
  has(incident('late'));
  state.isCaughtUp = true;
  const told: { incident: Incident }[] = [];
  await cases.follow(new AbortController().signal, (one) => void told.push(one));
  assert.deepEqual(namesOf(told), ['late 1', 'closing 2 closed']);
});
