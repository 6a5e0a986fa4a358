/** Reports of leaks reach the desk, detection and people: through the real key hashes, aliases and registry. */
import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { after, beforeEach, describe, test } from 'node:test';
import { type Leaks, startLeaks } from '../../../app/response/leaks.ts';
import type { Alert } from '../../../core/alert.ts';
import { configSchema } from '../../../core/config.ts';
import type { LeakNotice } from '../../../core/control.ts';
import type { LeakReport } from '../../../core/report.ts';
import { createKeyNames } from '../../../decide/key-names.ts';
import { AliasTable } from '../../../enrich/aliases.ts';
import { hashedIdentity, namedIdentity } from '../../../enrich/digest.ts';
import { loadRegistry } from '../../../enrich/registry.ts';
import { readSecrets, signMessage } from '../../../responders/standard-webhooks.ts';
import { memoryReports } from '../../support/memory-reports.ts';

const NOW = Date.parse('2026-03-01T10:00:00.000Z');
const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const PEPPER = createSecretKey(Buffer.alloc(32, 3));
/** A credential that the gateway's log names. */
const NAMED = 'made-up-raw-key-of-kong';
/** A key that is known by its hash alone. */
const HASHED = 'made-up-raw-key-€-seen-once';
const PUBLIC = 'made-up-raw-key-of-the-web-page';

function hashOf(raw: string): string {
  const bytes = Buffer.from(raw);
  return hashedIdentity(PEPPER, bytes, 0, bytes.length).id;
}

describe('reports of leaks', () => {
  const done: string[] = [];
  const reports: LeakReport[] = [];
  const notices: LeakNotice[] = [];
  const alerts: Alert[] = [];
  const lines: string[] = [];
  const running: Leaks[] = [];
  beforeEach(() => {
    for (const list of [done, reports, notices, alerts, lines]) list.length = 0;
  });
  after(() => Promise.all(running.map((leaks) => leaks.close())));

  async function start(senders: readonly object[] = [{ name: 'scanner', secret: SECRET }]) {
    const aliases = new AliasTable(10);
    aliases.bind(hashOf(NAMED), namedIdentity('kong:7f2d'));
    aliases.bind(hashOf(PUBLIC), namedIdentity('kong:web'));
    const known = ['kong:7f2d', hashOf(HASHED)];
    const keys = [
      { id: 'kong:7f2d', label: 'checkout', consumer: 'acme' },
      { id: 'kong:web', label: 'web', consumer: 'acme', exposure: 'public' },
    ];
    const config = configSchema.parse({
      keys,
      hooks: { leak: senders },
      listen: { hooks: '127.0.0.1:0' },
    });
    const note = (_facts: object, text: string): void =>
      void lines.push(text, JSON.stringify(_facts));
    const leaks = await startLeaks({
      config,
      store: memoryReports(),
      names: createKeyNames({ pepper: PEPPER, aliases }),
      known: async (ids) =>
        ids.map((id) => (known.includes(id) ? { consumer: 'of-the-log' } : undefined)),
      directory: loadRegistry(config.keys, '.', []),
      report: async (report) => {
        done.push('report');
        reports.push(report);
      },
      control: async (notice) => {
        done.push('control');
        notices.push(notice);
      },
      tell: (alert) => {
        done.push('alert');
        alerts.push(alert);
      },
      clock: { now: () => NOW },
      logger: { debug: note, info: note, warn: note, error: note },
    });
    if (leaks !== undefined) running.push(leaks);
    return leaks;
  }

  async function post({ url }: Leaks, report: object): Promise<number> {
    const body = JSON.stringify(report);
    const signed = signMessage({ id: 'msg_1', body }, readSecrets(SECRET), NOW);
    const answer = await fetch(`${url}/hooks/leak`, {
      method: 'POST',
      headers: { ...signed },
      body,
    });
    return answer.status;
  }

  test('a raw key meets its credential, the desk first and then detection', async () => {
    const leaks = (await start())!;
    const url = 'https://code.example/a';
    assert.equal(await post(leaks, { token: NAMED, url }), 202);
    await leaks.settled();
    assert.deepEqual(done, ['report', 'control']);
    assert.deepEqual(
      reports.map(({ subjectId, rungMax, heldBy }) => [subjectId, rungMax, heldBy]),
      [['kong:7f2d', 'revoke', undefined]],
    );
    assert.deepEqual(notices, [{ key: 'kong:7f2d', sender: 'scanner', deliveryId: 'msg_1', url }]);
    assert.equal(leaks.stats().hits, 1);
  });

  test('a key known by its hash alone is found by it, whatever characters it has', async () => {
    const leaks = (await start())!;
    await post(leaks, [{ token: HASHED }, { token: 'nobody-knows-this-key' }]);
    await leaks.settled();
    assert.deepEqual(
      notices.map(({ key }) => key),
      [hashOf(HASHED)],
    );
  });

  test('whose a key is may be known from its traffic alone', async () => {
    const scoped = { name: 'scanner', secret: SECRET, consumers: ['of-the-log'] };
    const leaks = (await start([scoped]))!;
    await post(leaks, [{ token: HASHED }, { token: NAMED }]);
    await leaks.settled();
    assert.deepEqual(
      reports.map(({ subjectId, heldBy }) => [subjectId, heldBy]),
      [
        [hashOf(HASHED), undefined],
        ['kong:7f2d', 'consumer'],
      ],
    );
  });

  test('a public key is told to the desk and to people, and accused of nothing', async () => {
    const leaks = (await start())!;
    await post(leaks, { token: PUBLIC });
    await leaks.settled();
    assert.deepEqual(done, ['report', 'alert']);
    assert.deepEqual([reports[0]!.rungMax, reports[0]!.heldBy], ['alert', 'public']);
    assert.equal(alerts[0]!.title, 'web was reported as leaked, and nothing was done');
    assert.equal(alerts[0]!.consumer, 'acme');
  });

  test('no raw key stands in what is logged, kept or told', async () => {
    const leaks = (await start())!;
    await post(leaks, [{ token: NAMED, url: `https://a.example/${NAMED}` }, { token: PUBLIC }]);
    await leaks.settled();
    const all = JSON.stringify([lines, reports, notices, alerts]);
    for (const raw of [NAMED, PUBLIC, 'made-up-raw']) assert.ok(!all.includes(raw));
    assert.ok(lines.length > 0);
  });

  test('without a sender nothing listens', async () => {
    assert.equal(await start([]), undefined);
  });
});
