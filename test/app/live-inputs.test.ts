import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../app/config.ts';
import { openLiveInputs } from '../../app/live-inputs.ts';
import type { Sequence } from '../../app/sequence.ts';
import type { SourceWatch } from '../../app/source-watch.ts';
import { systemClock } from '../../core/clock.ts';
import { createDeadLetters } from '../../ingest/dead-letters.ts';
import type { EventStream } from '../../ingest/reader.ts';
import { enricher } from '../enrich/fakes.ts';
import { WRAPPED } from '../ingest/envelope-kit.ts';

const TOKEN = 'a-token-of-the-shipper';
const LINE =
  '198.51.100.7 - - [22/Nov/2026:04:18:21 +0000] "GET /a?api_key=k HTTP/1.1" 200 21 "-" "c"';
const SOURCE = 'format: combined, key: "query:api_key"';

const engine = {
  openStream: () => 0,
  advance: () => {},
  closeStream: () => {},
} as unknown as Sequence;
const watch = { add: () => {}, heard: () => {} } as unknown as SourceWatch;

async function firstEvent(stream: EventStream) {
  const { signal } = new AbortController();
  while (!stream.next()) assert.ok(await stream.fill(signal));
  return stream.event;
}

for (const { id, name, wrap } of WRAPPED) {
  test(`records in ${id} (${name}) are read from files that are followed, and from what is pushed`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'keyhound-live-'));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'edge.log'), `${wrap(LINE)}\n`);
    writeFileSync(
      join(folder, 'keyhound.yaml'),
      `listen: {intake: "127.0.0.1:0"}
sources:
  - {name: edge, kind: file, path: edge.log, envelope: "${id}", ${SOURCE}}
  - {name: push, kind: http, token: ${TOKEN}, envelope: "${id}", ${SOURCE}}
`,
    );
    const live = await openLiveInputs({
      session: { enricher: enricher(), deadLetters: createDeadLetters(), saved: [], engine },
      config: loadConfig({ file: join(folder, 'keyhound.yaml'), env: {}, cwd: folder }),
      watch,
      logger: { debug: assert.fail, info: assert.fail, warn: assert.fail, error: assert.fail },
      clock: systemClock,
      spoolDir: join(folder, 'spool'),
      defaultToken: () => assert.fail(),
    });
    const streams = live.inputs.map((input) => input.open());
    t.after(async () => {
      for (const stream of streams) await stream.close();
      await live.intake?.close();
      await live.spool?.close();
    });
    const answer = await fetch(`${live.intake!.url}/intake/combined`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}` },
      body: `${wrap(LINE)}\n`,
    });
    assert.deepEqual(await answer.json(), { accepted: 1, rejected: {} });
    for (const stream of streams) {
      const event = await firstEvent(stream);
      assert.equal(event.at, Date.parse('2026-11-22T04:18:21Z'));
      assert.equal(event.status, 200);
    }
  });
}
