/** Leak reports over HTTP: who is heard, what is matched, what is held, what is remembered, and what never shows. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as openRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { type HooksServer, startHooksServer } from '../../../responders/triggers/server.ts';
import { type Answer, NOW, OTHER, type Post, RAW, Rig, SECRET } from './leak-rig.ts';

describe('leak reports', () => {
  let rig: Rig;
  afterEach(() => rig.server.close());

  test('a signed report hits the very key, and says where it was found', async () => {
    rig = await new Rig().start();
    const url = 'https://code.example/acme/app';
    const body = { token: RAW, url, source: 'commit', foundAt: '2026-03-01T09:59:00Z', extra: 1 };
    const answer = await rig.post({ body: JSON.stringify(body), id: 'msg_1' });
    assert.equal(answer.status, 202);
    assert.deepEqual(rig.reports, [
      {
        sender: 'scanner',
        subjectId: 'kong:7f2d',
        url,
        source: 'commit',
        foundAt: '2026-03-01T09:59:00Z',
        rungMax: 'revoke',
        at: NOW,
        deliveryId: 'msg_1',
      },
    ]);
  });

  test('an array reports many; a key that several gateways know is hit at each, once', async () => {
    rig = await new Rig().start();
    rig.know(RAW, 'tyk:9');
    rig.know('second', 'kong:2');
    const body = [{ token: RAW }, { token: 'unknown' }, { token: 'second' }, { token: RAW }];
    assert.equal((await rig.post({ body: JSON.stringify(body) })).status, 202);
    assert.deepEqual(
      rig.reports.map(({ subjectId }) => subjectId),
      ['kong:7f2d', 'tyk:9', 'kong:2'],
    );
  });

  test('an unknown key gets the same answer after the same work', async () => {
    rig = await new Rig().start();
    const known = await rig.post();
    const { calls } = rig.store;
    const unknown = await rig.post({ body: JSON.stringify({ token: 'nobody-has-this-key' }) });
    assert.deepEqual(unknown, known);
    assert.equal(rig.store.calls, 2 * calls);
    assert.equal(rig.identified.length, 2);
    assert.equal(rig.reports.length, 1);
  });

  test('forged, unsigned, expired and future reports are refused, and nothing is looked up', async () => {
    rig = await new Rig().start();
    const forged = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
    const cases: readonly (readonly [Post, number])[] = [
      [{ secret: forged }, 401],
      [{ headers: { 'webhook-signature': '' } }, 401],
      [{ headers: { 'webhook-signature': 'v1,AAAA' } }, 401],
      [{ headers: { 'webhook-id': 'another' } }, 401],
      [{ headers: { 'webhook-timestamp': String(NOW / 1000 + 1) } }, 401],
      [{ at: NOW - 301_000 }, 400],
      [{ at: NOW + 301_000 }, 400],
    ];
    for (const [post, status] of cases) assert.equal((await rig.post(post)).status, status);
    assert.deepEqual(rig.identified, []);
    assert.equal(rig.store.calls, 0);
    const { stale, unsigned } = rig.trigger.stats();
    assert.deepEqual({ stale, unsigned }, { stale: 2, unsigned: 5 });
    assert.equal((await rig.post({ at: NOW - 300_000 })).status, 202);
  });

  test('signed nonsense is refused by its kind, and no answer repeats a word of it', async () => {
    rig = await new Rig().start();
    const long = Array.from({ length: 101 }, () => ({ token: RAW }));
    const cases: readonly (readonly [string, number])[] = [
      ['{', 400],
      ['', 400],
      ['null', 422],
      ['[]', 422],
      [JSON.stringify({ url: RAW }), 422],
      [JSON.stringify({ token: '' }), 422],
      [JSON.stringify({ token: 7 }), 422],
      [JSON.stringify([{ token: RAW }, { token: RAW, foundAt: 'yesterday' }]), 422],
      [JSON.stringify(long), 422],
    ];
    for (const [body, status] of cases) {
      const answer = await rig.post({ body });
      assert.equal(answer.status, status, body.slice(0, 40));
      assert.ok(!answer.body.includes(RAW));
    }
    assert.deepEqual(rig.reports, []);
    const large = Buffer.from(JSON.stringify({ token: RAW, pad: 'x'.repeat(140_000) }));
    assert.equal((await rig.post({ body: large })).status, 413);
    assert.equal(await chunked(rig.server, 140_000), 413);
    for (const path of ['/', '/hooks', '/hooks/other', '/hooks/leak/x']) {
      assert.equal((await fetch(`${rig.server.url}${path}`, { method: 'POST' })).status, 404);
    }
    assert.equal((await fetch(`${rig.server.url}/hooks/leak`)).status, 404);
  });

  test('a replay gets the same answer and does nothing, over a restart too', async () => {
    rig = await new Rig().start();
    const first = await rig.post({ id: 'msg_1' });
    assert.deepEqual(await rig.post({ id: 'msg_1' }), first);
    await rig.server.close();
    await rig.start();
    rig.now += 60_000;
    assert.deepEqual(await rig.post({ id: 'msg_1' }), first);
    assert.equal(rig.reports.length, 1);
    assert.equal(rig.trigger.stats().repeated, 1);
    await rig.post({ id: 'msg_1', secret: OTHER });
    assert.equal(rig.reports.length, 2, 'ids are of their sender');
  });

  test('what could not be handed on is handed on later, and after a restart', async () => {
    rig = await new Rig().start();
    rig.failing = true;
    assert.equal((await rig.post({ id: 'msg_1' })).status, 202);
    assert.equal((await rig.post({ id: 'msg_2' })).status, 202);
    assert.equal(rig.errors.length, 2);
    await rig.server.close();
    rig.failing = false;
    await rig.start();
    await rig.trigger.resume();
    await rig.trigger.resume();
    assert.deepEqual(
      rig.reports.map(({ deliveryId }) => deliveryId),
      ['msg_1', 'msg_2'],
    );
  });

  test('looking for what is left reads nothing of what is done, and a week later that is forgotten', async () => {
    rig = await new Rig().start();
    for (let n = 0; n < 10; n++) await rig.post({ id: `msg_${n}` });
    const { read } = rig.store;
    for (let n = 0; n < 100; n++) await rig.trigger.resume();
    assert.equal(rig.store.read, read);
    rig.now += 7 * 86_400_000 + 1;
    await rig.trigger.resume();
    assert.equal(rig.store.text(), '[]');
  });

  test('a report that could not be kept is not answered for: its sender comes again', async () => {
    rig = await new Rig().start();
    rig.store.failing = true;
    const refused = await rig.post({ id: 'msg_1' });
    assert.equal(refused.status, 503);
    assert.equal(refused.headers['retry-after'], '5');
    assert.equal(rig.reports.length, 0);
    rig.store.failing = false;
    rig.blind = true;
    assert.equal((await rig.post({ id: 'msg_1' })).status, 503, 'nobody can say whose key it is');
    rig.blind = false;
    assert.equal((await rig.post({ id: 'msg_1' })).status, 202);
    assert.equal(rig.reports.length, 1);
    assert.equal(rig.reports[0]!.heldBy, undefined);
  });

  test('a public key, and one of another consumer, are told and never acted upon', async () => {
    rig = await new Rig().start();
    rig.know('public-key', 'kong:web', 'acme', true);
    rig.know('foreign-key', 'kong:zoo', 'zoo');
    rig.know('ownerless', 'kong:none');
    const body = ['public-key', 'foreign-key', 'ownerless', RAW].map((token) => ({ token }));
    await rig.post({ body: JSON.stringify(body), secret: OTHER });
    assert.deepEqual(
      rig.reports.map(({ subjectId, heldBy, rungMax }) => [subjectId, heldBy, rungMax]),
      [
        ['kong:web', 'public', 'alert'],
        ['kong:zoo', 'consumer', 'alert'],
        ['kong:none', 'consumer', 'alert'],
        ['kong:7f2d', undefined, 'throttle-hard'],
      ],
    );
    assert.deepEqual(rig.trigger.stats().held, { public: 1, consumer: 2, 'hourly-cap': 0 });
  });

  test('decoys over the hourly cap are held, however they come, and over a restart', async () => {
    rig = await new Rig([{ name: 'scanner', secret: SECRET, perHourMax: 3 }]).start();
    for (let i = 0; i < 20; i++) rig.know(`decoy-${i}`, `kong:${i}`);
    const report = (i: number): Post => ({ body: JSON.stringify({ token: `decoy-${i}` }) });
    await Promise.all(Array.from({ length: 10 }, (_, i) => rig.post(report(i))));
    await rig.server.close();
    await rig.start();
    await rig.post({ body: JSON.stringify([10, 11, 12].map((i) => ({ token: `decoy-${i}` }))) });
    const acted = (): string[] =>
      rig.reports.filter(({ heldBy }) => heldBy === undefined).map(({ subjectId }) => subjectId);
    const first = acted();
    assert.equal(first.length, 3);
    assert.equal(rig.reports.length, 13, 'the others are told');
    const [again] = first;
    await rig.post({ body: JSON.stringify({ token: `decoy-${again!.slice(5)}` }) });
    assert.equal(rig.reports.at(-1)!.heldBy, undefined, 'a key that was acted upon costs no more');
    rig.now += 3_600_001;
    await rig.post(report(15));
    assert.equal(rig.reports.at(-1)!.heldBy, undefined, 'an hour later there is room');
  });

  test('the raw key is kept nowhere, not even where it stands in an address', async () => {
    rig = await new Rig().start();
    const odd = 'made/up+raw key=2';
    rig.know(odd, 'kong:odd');
    const url = `https://paste.example/${RAW}?q=${encodeURIComponent(odd)}&raw=${odd}`;
    await rig.post({
      body: JSON.stringify([
        { token: RAW, url, source: RAW },
        { token: odd, url },
      ]),
    });
    assert.equal(rig.reports.length, 2);
    const kept = rig.store.text() + JSON.stringify(rig.reports) + String(rig.errors);
    for (const form of [RAW, odd, encodeURIComponent(odd)]) assert.ok(!kept.includes(form), form);
    assert.equal(rig.reports[0]!.url, 'https://paste.example/[key]?q=[key]&raw=[key]');
  });

  test('whoever knocks too often waits, before a signature is looked at', async () => {
    rig = await new Rig().start();
    let refused: Answer | undefined;
    let count = 0;
    while (refused === undefined) {
      const answer = await rig.post({ secret: OTHER, headers: { 'webhook-signature': 'v1,' } });
      if (answer.status === 429) refused = answer;
      else count++;
    }
    assert.equal(count, 60);
    assert.equal(refused.headers['retry-after'], '1');
    assert.equal((await rig.post()).status, 429);
    rig.now += 1000;
    assert.equal((await rig.post()).status, 202);
  });

  test('nothing of a body stays in memory after the answer', async () => {
    rig = await new Rig().start();
    const seen: Buffer[] = [];
    const server = await startHooksServer({
      host: '127.0.0.1',
      port: 0,
      clock: { now: () => NOW },
      triggers: [
        {
          name: 'any',
          receive: async ({ body }) => {
            seen.push(body);
            return { status: body.includes(RAW) ? 202 : 422 };
          },
        },
      ],
    });
    const answer = await fetch(`${server.url}/hooks/any`, { method: 'POST', body: RAW });
    assert.equal(answer.status, 202);
    await answer.text();
    await server.close();
    assert.ok(seen[0]!.length > 0 && seen[0]!.every((byte) => byte === 0));
  });

  test('who holds connections open is let have sixteen, and gets one back for each that ends', async () => {
    rig = await new Rig().start();
    const held: Socket[] = [];
    while (held.length < 16) held.push(await knock(rig.server));
    const next = await knock(rig.server);
    await once(next, 'close');
    assert.ok(held.every(({ closed }) => !closed));
    held.pop()!.destroy();
    assert.equal(await until(() => rig.post().catch(() => undefined)), 202);
    for (const socket of held) socket.destroy();
  });

  test('while a secret changes both are taken', async () => {
    rig = await new Rig([{ name: 'scanner', secret: [OTHER, SECRET] }]).start();
    assert.equal((await rig.post()).status, 202);
    assert.equal((await rig.post({ secret: OTHER })).status, 202);
  });
});

/** A connection that says nothing. */
async function knock({ port }: HooksServer): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Status of the first answer that comes: the server learns of an end a moment later. */
async function until(post: () => Promise<Answer | undefined>): Promise<number> {
  for (;;) {
    const answer = await post();
    if (answer !== undefined) return answer.status;
  }
}

/** A body of unknown length: the status that ends it. */
function chunked(server: HooksServer, bytes: number): Promise<number> {
  return new Promise((resolve) => {
    const options = { method: 'POST', headers: { 'transfer-encoding': 'chunked' } };
    const sent = openRequest(`${server.url}/hooks/leak`, options, (answer) => {
      answer.resume();
      resolve(answer.statusCode!);
    });
    sent.on('error', () => {});
    sent.end(Buffer.alloc(bytes, 0x78));
  });
}
