import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openClient, restoreState } from '../../app/client.ts';
import type { KeyLookup, StateClient } from '../../app/contract.ts';
import { statePaths } from '../../app/state-folder.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { createEvent } from '../../core/event.ts';
import { namedIdentity } from '../../enrich/digest.ts';
import { lockStateFolder } from '../../store/lock.ts';
import { startInstance } from './instance.ts';
import { type MadeState, makeState, PEPPER, SHARED_LABEL } from './made-state.ts';

let made: MadeState;
const signal = new AbortController().signal;

before(async () => {
  made = await makeState();
});
after(() => rm(made.parent, { recursive: true, force: true }));

function open(stateDir?: string): Promise<StateClient> {
  return openClient({ config: made.config, stateDir, signal });
}

async function using<T>(use: (client: StateClient) => Promise<T>): Promise<T> {
  const client = await open();
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

function hasCode(code: string, kind: KeyhoundError['kind']) {
  return (error: unknown) =>
    error instanceof KeyhoundError && error.code === code && error.kind === kind;
}

function withoutDigests(lookup: KeyLookup): unknown {
  if (lookup.kind !== 'found') return lookup;
  return { ...lookup, usage: lookup.usage.map(({ digest: _, ...row }) => row) };
}

/** Everything a client can be asked, as one value. */
async function answers(client: StateClient): Promise<Record<string, unknown>> {
  const incidents = await client.incidents({ limit: 50 });
  const first = incidents.find(({ subject }) => subject.id === made.stolenId)!;
  return {
    incidents,
    ofSubject: await client.incidents({ subjectId: made.stolenId, severity: 'low', open: false }),
    since: await client.incidents({ sinceAt: Date.parse(first.updatedAt), limit: 1 }),
    incident: await client.incident(first.id),
    nothing: await client.incident('inc_none'),
    keys: await client.keys({ limit: 3 }),
    prefixed: await client.keys({ limit: 9, prefix: made.stolenId.slice(0, 8) }),
    ofConsumer: await client.keys({ limit: 9, consumer: made.stolen.consumer.name }),
    usedSince: await client.keys({ limit: 9, sinceAt: 4_000_000_000_000 }),
    byId: withoutDigests(await client.key({ name: made.stolenId })),
    byLabel: withoutDigests(await client.key({ name: made.stolen.label })),
    byRawKey: withoutDigests(await client.key({ raw: made.stolen.rawKey })),
    ambiguous: await client.key({ name: SHARED_LABEL }),
    misspelt: await client.key({ name: `${made.stolen.label}x` }),
    explained: await client.explain(first.id),
    explainedFinding: await client.explain(first.findings[0]!),
    unexplained: await client.explain('fnd_none'),
  };
}

describe('a state that nobody uses', () => {
  test('is told through the files, and not changed by being looked at', async () => {
    const digest = () =>
      createHash('sha256')
        .update(readFileSync(statePaths(made.folder).database))
        .digest('hex');
    const before = digest();
    const told = await using(answers);
    assert.equal(digest(), before);
    const { incidents, byId, byRawKey, byLabel, ofConsumer, usedSince, nothing } = told;
    assert.ok((incidents as unknown[]).length >= 1);
    assert.equal((byId as KeyLookup).kind, 'found');
    assert.deepEqual(byRawKey, byId);
    assert.deepEqual(byLabel, byId);
    assert.ok((ofConsumer as unknown[]).length >= 1);
    assert.deepEqual(usedSince, []);
    assert.equal(nothing, undefined);
    assert.deepEqual(told['misspelt'], { kind: 'unknown', nearest: made.stolen.label });
    assert.equal(told['unexplained'], undefined);
  });

  test('explains an incident from its inputs: the same score, and hours to check it by', async () => {
    const [explained, incident] = await using(async (client) => {
      const [found] = await client.incidents({ subjectId: made.stolenId, limit: 1 });
      return [await client.explain(found!.id), found!] as const;
    });
    assert.equal(explained?.identical, true);
    assert.equal(explained.findings.length, incident.findings.length);
    for (const { recomputed, finding, facts } of explained.findings) {
      assert.equal(recomputed?.identical, true, finding.detector);
      const hours = facts?.['hours'] as string[];
      assert.ok(
        hours.some((hour) => hour.startsWith(finding.fromAt.slice(0, 13).replace('T', ' '))),
      );
    }
  });

  test('explains with the last days by hour beside what was expected, and what weighed most', async () => {
    const explained = await using(async (client) => {
      const [found] = await client.incidents({ subjectId: made.stolenId, limit: 1 });
      return client.explain(found!.id);
    });
    const { chart, incident } = explained!;
    const { requests, expected, low, high } = chart!;
    assert.ok(
      requests.length > 4 * 24 && requests.length <= 5 * 24 + 1,
      `${requests.length} hours`,
    );
    for (const band of [expected, low, high]) assert.equal(band.length, requests.length);
    const began = (Date.parse(chart!.beganAt) - Date.parse(chart!.fromAt)) / 3_600_000;
    assert.ok(requests[began]! > high[began]!, 'the theft stands out of the band');
    const before = requests.slice(0, began);
    const outside = before.filter((count, hour) => count > high[hour]! || count < low[hour]!);
    assert.ok(outside.length < before.length / 8, `${outside.length} of ${before.length} hours`);
    assert.ok(incident.uses!.length > 0 && incident.uses!.every(({ events }) => events > 0));
  });

  test('a finding is explained alone, with its incident', async () => {
    const explained = await using(async (client) => {
      const [found] = await client.incidents({ subjectId: made.stolenId, limit: 1 });
      return client.explain(found!.findings.at(-1)!);
    });
    assert.equal(explained?.findings.length, 1);
    assert.ok(explained.incident.findings.includes(explained.findings[0]!.finding.id));
  });

  test('a registered key without any use is told from an unknown one', async () => {
    await using(async (client) => {
      for (const name of ['never-seen', 'kong:never-seen']) {
        await assert.rejects(client.key({ name }), hasCode('key-unused', 'usage'));
      }
    });
  });

  test('a raw key is not looked up under another pepper', async () => {
    process.env['KEYHOUND_PEPPER'] = 'another pepper of the tests';
    try {
      await using(async (client) => {
        const lookup = client.key({ raw: made.stolen.rawKey });
        await assert.rejects(lookup, (error: unknown) => {
          assert.ok(!String(error).includes(made.stolen.rawKey));
          return hasCode('pepper-mismatch', 'usage')(error);
        });
        assert.equal((await client.key({ name: made.stolenId })).kind, 'found');
      });
    } finally {
      process.env['KEYHOUND_PEPPER'] = PEPPER;
    }
  });

  test('is copied and brought back whole; a state is never overwritten', async () => {
    const from = path.join(made.parent, 'backup');
    const to = path.join(made.parent, 'restored');
    await using((client) => client.backup(from));
    await restoreState({ config: made.config, stateDir: to, from });
    const restored = await open(to);
    const told = await answers(restored);
    await restored.close();
    assert.deepEqual(told, await using(answers));
    const again = restoreState({ config: made.config, stateDir: to, from });
    await assert.rejects(again, hasCode('state-exists', 'usage'));
  });
});

describe('a state in use', () => {
  test('is told by the instance that uses it, word for word as from the files', async (t) => {
    const direct = await using(answers);
    const running = await startInstance(made);
    t.after(async () => {
      await running.api.close();
      await running.session.close();
    });
    const client = await open();
    assert.equal(client.via, 'api');
    assert.deepEqual(await answers(client), direct);
    const raw = made.stolen.rawKey;
    assert.ok(running.asked.some((name) => name.startsWith('h:')));
    assert.ok(
      running.asked.every((name) => !name.includes(raw)),
      'a raw key went over the wire',
    );
    await assert.rejects(client.key({ name: 'never-seen' }), hasCode('key-unused', 'usage'));
    const many = client.keys({ limit: 1_000_000 });
    await assert.rejects(many, hasCode('limit-too-large', 'usage'));
    const copy = path.join(made.parent, 'copied-by-api');
    await client.backup(copy);
    await assert.rejects(client.backup(copy), hasCode('backup-exists', 'usage'));
  });

  test('a backup holds what was used up to the moment it was asked for', async (t) => {
    const running = await startInstance(made);
    t.after(() => running.close());
    const { engine } = running.session;
    const event = createEvent();
    event.key = namedIdentity('keyhound:just-now');
    event.at = engine.lastAt + 1000;
    event.attested = true;
    event.stream = engine.openStream('pushes', 'pushes', 60_000);
    event.position = 0;
    engine.observe(event);
    const client = await open();
    const from = path.join(made.parent, 'backup-of-now');
    const stateDir = path.join(made.parent, 'restored-of-now');
    await client.backup(from);
    await restoreState({ config: made.config, from, stateDir });
    const copy = await open(stateDir);
    const found = await copy.key({ name: 'keyhound:just-now' });
    await copy.close();
    assert.equal(found.kind, 'found');
  });

  test('an instance that went away is an error that can be tried again', async () => {
    const running = await startInstance(made);
    const client = await open();
    await running.api.close();
    await assert.rejects(client.keys({ limit: 1 }), hasCode('api-unreachable', 'operating'));
    await running.session.close();
  });

  test('by a command without an API is refused, and says by whom', async (t) => {
    const lock = lockStateFolder(made.folder, { command: 'replay' });
    t.after(() => lock.release());
    await assert.rejects(open(), (error: unknown) => {
      assert.match(String(error), /keyhound replay/);
      return hasCode('state-locked', 'operating')(error);
    });
  });
});

test('no state: the error says where it was looked for and how to make one', async () => {
  const empty = path.join(made.parent, 'empty');
  await mkdir(empty);
  for (const folder of [path.join(made.parent, 'nowhere'), empty]) {
    await assert.rejects(open(folder), (error: unknown) => {
      assert.ok(error instanceof KeyhoundError && error.message.includes(folder));
      assert.match(error.hint ?? '', /replay PATH --state/);
      return hasCode('state-missing', 'usage')(error);
    });
  }
});
