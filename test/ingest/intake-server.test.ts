import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { createDeadLetters } from '../../ingest/dead-letters.ts';
import type { IntakeSource } from '../../ingest/intake.ts';
import {
  type IntakeServer,
  type IntakeServerOptions,
  startIntakeServer,
} from '../../ingest/intake-server.ts';
import { createCounters, rejectedByReason } from '../../ingest/reader.ts';
import { openSpool, type Spool, type SpoolDisk } from '../../ingest/spool.ts';
import { SpoolReader } from '../../ingest/spool-reader.ts';
import { never, toyEnricher, toyJson, toyLines, toyTraits } from './toy.ts';

const root = fs.mkdtempSync(join(tmpdir(), 'keyhound-intake-'));
after(() => fs.rmSync(root, { recursive: true }));
let folders = 0;

const TOKEN = 'token-of-the-toy-gateway';

function sourcesOf(): IntakeSource[] {
  return [toyLines, toyJson].map((format) => ({
    token: TOKEN,
    traits: toyTraits('push', format),
    formatOptions: {},
    counters: createCounters(),
  }));
}

type Body = string | Uint8Array<ArrayBuffer>;

interface Site {
  readonly server: IntakeServer;
  readonly spool: Spool;
  readonly sources: readonly IntakeSource[];
  readonly options: IntakeServerOptions;
  post(path: string, body: Body, headers?: Record<string, string>): Promise<Response>;
  /** Times of the next `count` events in the spool. */
  times(count: number): Promise<number[]>;
}

/** A listener on a free port with a spool of its own, gone when `use` is done. */
async function withSite(
  settings: Partial<IntakeServerOptions> & { bytesMax?: number; disk?: SpoolDisk },
  use: (site: Site) => Promise<void>,
): Promise<void> {
  const { bytesMax = 1 << 24, disk, ...rest } = settings;
  const folder = join(root, `${folders++}`);
  const spool = await openSpool({ folder, bytesMax, commitMs: 1, disk });
  const sources = settings.sources ?? sourcesOf();
  const options: IntakeServerOptions = {
    host: '127.0.0.1',
    port: 0,
    sources,
    spool,
    enricher: toyEnricher,
    deadLetters: createDeadLetters(10),
    clock: { now: () => 1_000_000 },
    futureMs: 300,
    recordBytesMax: 100,
    bodyBytesMax: 100_000,
    ...rest,
  };
  const server = await startIntakeServer(options);
  const reader = new SpoolReader({ spool, openStream: () => 0, onApplied: () => {} });
  const times = async (count: number): Promise<number[]> => {
    const seen: number[] = [];
    while (seen.length < count && (await reader.fill(never))) {
      while (reader.next()) seen.push(reader.event.at);
    }
    return seen;
  };
  const post = (path: string, body: Body, headers: Record<string, string> = {}) =>
    fetch(`${server.url}${path}`, {
      method: 'POST',
      body,
      headers: { authorization: `Bearer ${TOKEN}`, ...headers },
    });
  try {
    await use({ server, spool, sources, options, post, times });
  } finally {
    await server.close();
    await spool.close();
  }
}

describe('what may be pushed', () => {
  const one = '{"at":1,"key":"a"}';
  const two = '{"at":2,"key":"b"}';
  for (const [name, body, accepted] of [
    ['one object', one, 1],
    ['an array', `[${one},${two}]`, 2],
    ['lines', `${one}\n${two}\n`, 2],
    ['objects side by side', `${one}${two}`, 2],
    ['wrapped', `{"records":[${one},${two}]}`, 2],
    ['nothing', '', 0],
  ] as const) {
    test(`${name}: answered when it can be read from the spool`, () =>
      withSite({}, async ({ post, times }) => {
        const answer = await post('/intake/toy-json', body, { 'content-type': 'application/json' });
        assert.equal(answer.status, 200);
        assert.deepEqual(await answer.json(), { accepted, rejected: {} });
        assert.deepEqual(await times(accepted), [1, 2].slice(0, accepted));
      }));
  }

  test('gzip, deflate and zstd (several frames too), whatever the content type', () =>
    withSite({}, async ({ post, times }) => {
      const frames = [zstdCompressSync('4 a\n5'), zstdCompressSync(' a\n')];
      const pushes = [
        ['gzip', gzipSync('1 a\n')],
        ['x-gzip', gzipSync('2 a')],
        ['deflate', deflateSync('3 a')],
        ['zstd', Buffer.concat(frames)],
        ['identity', Buffer.from('6 a')],
      ] as const;
      for (const [encoding, body] of pushes) {
        const headers = { 'content-encoding': encoding, 'content-type': 'text/x-unknown' };
        assert.equal((await post('/intake/toy-lines', new Uint8Array(body), headers)).status, 200);
      }
      assert.deepEqual(await times(6), [1, 2, 3, 4, 5, 6]);
    }));

  test('bad records are counted and dead-lettered, the rest is taken', () =>
    withSite({}, async ({ post, times, sources, options }) => {
      const long = `9 ${'x'.repeat(200)}`;
      const body = ['1 a', 'bad secret-secret', '#note', '2', long, '1000301 a', '3 a'].join('\n');
      const answer = await post('/intake/toy-lines', body);
      const rejected = { malformed: 1, ignored: 1, 'no-key': 1, 'too-long': 1, future: 1 };
      assert.deepEqual(await answer.json(), { accepted: 2, rejected });
      assert.deepEqual(await times(2), [1, 3]);
      assert.deepEqual(rejectedByReason(sources[0]!.counters), rejected);
      const letters = options.deadLetters.drain();
      const reasons = letters.map(({ reason, source, mask }) => `${source} ${reason} ${mask}`);
      assert.deepEqual(reasons.toSorted(), [
        'push future <7> a',
        'push malformed bad <13>',
        'push too-long ',
      ]);
    }));

  test('a push of many records is kept whole, and others are answered meanwhile', () =>
    withSite({ bodyBytesMax: 1 << 20 }, async ({ post, times }) => {
      const many = Array.from({ length: 50_000 }, (_, i) => `${i} key-${i % 100}`);
      const answers = await Promise.all([
        post('/intake/toy-lines', many.join('\n')),
        post('/intake/toy-lines', '7 a'),
      ]);
      const accepted = await Promise.all(answers.map((answer) => answer.json()));
      assert.deepEqual(accepted, [
        { accepted: 50_000, rejected: {} },
        { accepted: 1, rejected: {} },
      ]);
      assert.equal((await times(50_001)).length, 50_001);
    }));
});

describe('AWS', () => {
  const message = (text: string) => ({ id: '1', timestamp: 1, message: text });
  const cloudWatch = (messageType: string, ...texts: string[]) =>
    JSON.stringify({ messageType, owner: '1', logEvents: texts.map(message) });
  const headers = {
    authorization: '',
    'x-amz-firehose-access-key': TOKEN,
    'x-amz-firehose-request-id': 'request-1',
    'content-type': 'application/json',
  };

  test('Firehose deliveries are opened, CloudWatch subscriptions in them too, and echoed', () =>
    withSite({}, async ({ post, times }) => {
      const data = [
        Buffer.from('1 a'),
        Buffer.from('2 a\n3 a\n'),
        gzipSync(cloudWatch('DATA_MESSAGE', '4 a', '5 a\n')),
        gzipSync(cloudWatch('CONTROL_MESSAGE', 'CWL CONTROL MESSAGE: checking')),
        Buffer.from(cloudWatch('DATA_MESSAGE', '6 a')),
      ];
      const records = data.map((bytes) => ({ data: bytes.toString('base64') }));
      const body = JSON.stringify({ requestId: 'request-1', timestamp: 5, records });
      const answer = await post('/intake/toy-lines', body, headers);
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get('content-type')?.split(';')[0], 'application/json');
      assert.deepEqual(await answer.json(), { requestId: 'request-1', timestamp: 1_000_000 });
      assert.deepEqual(await times(6), [1, 2, 3, 4, 5, 6]);
    }));

  test('a record that is damaged in its envelope is counted and costs no other', () =>
    withSite({}, async ({ post, times, sources }) => {
      const records = [
        { data: Buffer.from('1 a').toString('base64') },
        { data: gzipSync('2 a').subarray(0, 15).toString('base64') },
        { data: 'no base64!' },
        { data: 7 },
        'no record',
        {
          data: gzipSync(
            '{"messageType":"DATA_MESSAGE","logEvents":[{},{"message":"3 a"}]}',
          ).toString('base64'),
        },
      ];
      const body = JSON.stringify({ requestId: 'request-1', timestamp: 5, records });
      assert.equal((await post('/intake/toy-lines', body, headers)).status, 200);
      assert.deepEqual(await times(2), [1, 3]);
      assert.deepEqual(rejectedByReason(sources[0]!.counters), { malformed: 5 });
    }));

  test('a delivery that cannot be taken says why in the form that Firehose expects', () =>
    withSite({}, async ({ post }) => {
      const answer = await post('/intake/toy-lines', 'no delivery', headers);
      const errorMessage = 'the body is not a Firehose delivery';
      const expected = { requestId: 'request-1', timestamp: 1_000_000, errorMessage };
      assert.deepEqual([answer.status, await answer.json()], [400, expected]);
      const bomb = gzipSync(Buffer.alloc(300_000, 'x')).toString('base64');
      const body = JSON.stringify({ requestId: 'r', records: [{ data: bomb }] });
      assert.equal((await post('/intake/toy-lines', body, headers)).status, 413);
      const wrong = { ...headers, 'x-amz-firehose-access-key': 'wrong' };
      const refused: unknown = await (await post('/intake/toy-lines', body, wrong)).json();
      assert.deepEqual(refused, { ...expected, errorMessage: 'A valid token is needed.' });
    }));
});

describe('refusals', () => {
  test('a wrong token, a missing one and an unknown format without one look the same', () =>
    withSite({}, async ({ post, server }) => {
      const answers = await Promise.all([
        post('/intake/toy-lines', '1 a', { authorization: 'Bearer wrong' }),
        post('/intake/toy-lines', '1 a', { authorization: '' }),
        post('/intake/other', '1 a', { authorization: `Basic ${TOKEN}` }),
        post('/intake/toy-lines', '1 a', { authorization: '', 'x-amz-firehose-access-key': 'no' }),
      ]);
      const texts = await Promise.all(answers.map((answer) => answer.text()));
      assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([401]));
      assert.equal(new Set(texts).size, 1);
      assert.equal(server.refused.get(401), 4);
    }));

  test('without a token only a source that needs none may be pushed for', () => {
    const [lines, json] = sourcesOf();
    const sources = [{ ...lines!, token: undefined }, json!];
    return withSite({ sources }, async ({ post }) => {
      const bare = { authorization: '' };
      assert.equal((await post('/intake/toy-lines', '1 a', bare)).status, 200);
      assert.equal((await post('/intake/toy-json', '{}', bare)).status, 404);
      assert.equal((await post('/intake/toy-json', '{}')).status, 200);
      assert.equal((await post('/intake/toy-lines', '1 a')).status, 404);
    });
  });

  test('an unknown format names the nearest one of this token', () =>
    withSite({}, async ({ post, server }) => {
      const answer = await post('/intake/toy-jason', '{}');
      assert.equal(answer.status, 404);
      assert.match(await answer.text(), /Did you mean \/intake\/toy-json\?/);
      assert.equal((await fetch(server.url)).status, 404);
    }));

  test('too large, as sent and after decompression', () =>
    withSite({ bodyBytesMax: 10_000 }, async ({ post, spool }) => {
      const large = Buffer.alloc(20_000, '1 a\n');
      assert.equal((await post('/intake/toy-lines', large)).status, 413);
      for (const [encoding, body] of [
        ['gzip', gzipSync(large)],
        ['zstd', zstdCompressSync(large)],
      ] as const) {
        const headers = { 'content-encoding': encoding };
        const answer = await post('/intake/toy-lines', new Uint8Array(body), headers);
        assert.equal(answer.status, 413, encoding);
      }
      assert.equal(spool.end, 0);
    }));

  test('what cannot be decompressed is refused without quoting it', () =>
    withSite({}, async ({ post }) => {
      for (const [encoding, status] of [
        ['gzip', 400],
        ['zstd', 400],
        ['br', 415],
      ] as const) {
        const headers = { 'content-encoding': encoding };
        const answer = await post('/intake/toy-lines', 'secret-secret', headers);
        assert.equal(answer.status, status);
        assert.doesNotMatch(await answer.text(), /secret/);
      }
    }));

  test('a full spool: 429 with Retry-After, and taken again when there is room', () =>
    withSite({ bytesMax: 50_000 }, async ({ post, spool }) => {
      const body = '1 a\n'.repeat(200);
      let answer = await post('/intake/toy-lines', body);
      for (let i = 0; i < 20 && answer.status === 200; i++) {
        answer = await post('/intake/toy-lines', body);
      }
      assert.equal(answer.status, 429);
      assert.equal(answer.headers.get('retry-after'), '5');
      await spool.release(spool.end);
      assert.equal((await post('/intake/toy-lines', '1 a')).status, 200);
    }));

  test('a push that fits only in part is refused as a whole, so nothing of it comes twice', () =>
    withSite({ bytesMax: 6 << 20, bodyBytesMax: 1 << 20 }, async ({ post, spool, ...site }) => {
      const body = `bad\n${'1 a\n'.repeat(100_000)}`;
      assert.equal((await post('/intake/toy-lines', body)).status, 200);
      const { end } = spool;
      assert.ok(end > 4 << 20, `${end} bytes: more than one frame`);
      assert.equal((await post('/intake/toy-lines', body)).status, 429);
      assert.equal(spool.end, end);
      const { counters } = site.sources[0]!;
      assert.equal(counters.records, 100_001, 'what comes again is not counted before it is taken');
      assert.equal(counters.bytes, body.length);
      assert.deepEqual(rejectedByReason(counters), { malformed: 1 });
      assert.equal(site.options.deadLetters.drain().length, 1);
    }));

  test('a push that is larger than the whole spool is 413: it would be refused for ever', () =>
    withSite({ bytesMax: 6 << 20, bodyBytesMax: 1 << 20 }, async ({ post, spool }) => {
      const answer = await post('/intake/toy-lines', '1 a\n'.repeat(150_000));
      assert.equal(answer.status, 413);
      assert.match(await answer.text(), /larger than intake\.spoolBytesMax: send it in parts/);
      assert.equal(spool.end, 0);
    }));

  test('bodies count for what they become when unpacked, not for what they were sent as', async () => {
    const gate = Promise.withResolvers<void>();
    const disk: SpoolDisk = {
      write: async (handle, bytes, offset) => {
        await gate.promise;
        await handle.write(bytes, 0, bytes.length, offset);
      },
      sync: (handle) => handle.datasync(),
    };
    await withSite({ disk, bodiesBytesMax: 200_000 }, async ({ post, server }) => {
      // A hundredth of its size as sent: by that alone, a hundred of them would fit.
      const bomb = new Uint8Array(gzipSync('1 a\n'.repeat(22_000)));
      const headers = { 'content-encoding': 'gzip' };
      const pushes = Array.from({ length: 8 }, () => post('/intake/toy-lines', bomb, headers));
      const refused = await Promise.any(
        pushes.map(async (push) => {
          const answer = await push;
          assert.equal(answer.status, 429);
          return answer;
        }),
      );
      assert.equal(refused.headers.get('retry-after'), '5');
      gate.resolve();
      const statuses = (await Promise.all(pushes)).map((answer) => answer.status);
      assert.equal(statuses.filter((status) => status === 200).length, 2);
      assert.equal(server.refused.get(429), 6);
      assert.equal((await post('/intake/toy-lines', bomb, headers)).status, 200);
    });
  });

  test('more bodies at a time than fit in memory: 429, and the others are answered', async () => {
    const gate = Promise.withResolvers<void>();
    const disk: SpoolDisk = {
      write: async (handle, bytes, offset) => {
        await gate.promise;
        await handle.write(bytes, 0, bytes.length, offset);
      },
      sync: (handle) => handle.datasync(),
    };
    await withSite({ disk, bodiesBytesMax: 1000 }, async ({ post, server }) => {
      const body = '1 a\n'.repeat(150);
      const first = post('/intake/toy-lines', body);
      let answer = await post('/intake/none', body);
      // The first holds its place until the disk answers.
      while (answer.status !== 429) {
        answer = await Promise.race([post('/intake/toy-lines', body), first]);
      }
      assert.equal(answer.headers.get('retry-after'), '1');
      gate.resolve();
      assert.equal((await first).status, 200);
      assert.ok(server.refused.get(429)! >= 1);
      assert.equal((await post('/intake/toy-lines', body)).status, 200);
    });
  });

  test('a sender that goes away in the middle gives its place back', () =>
    withSite({ bodiesBytesMax: 1000 }, async ({ post, server }) => {
      const socket = connect(server.port, '127.0.0.1');
      await once(socket, 'connect');
      const head = `POST /intake/toy-lines HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\n`;
      socket.write(`${head}Content-Length: 900\r\n\r\n1 a\n`);
      const body = '1 a\n'.repeat(200);
      while ((await post('/intake/toy-lines', body)).status !== 429);
      socket.destroy();
      while ((await post('/intake/toy-lines', body)).status !== 200);
    }));

  test('a port that is taken is a clear error', () =>
    withSite({}, async ({ server, options }) => {
      const again = startIntakeServer({ ...options, port: server.port });
      await assert.rejects(again, { kind: 'operating', code: 'listen-failed' });
    }));
});
