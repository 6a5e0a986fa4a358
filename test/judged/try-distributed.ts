import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { difference, embedded, outcomeOf, writeLog } from './distributed.ts';
import { drained, type Member, Stack, startServers } from './stack.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'try-'));
const file = path.join(folder, 'log.ndjson');
const t0 = Date.now();
const say = (text: string) => console.log(((Date.now() - t0) / 1000).toFixed(1), text);
const lines = await writeLog(file, {
  seed: 9,
  keys: 60,
  days: 5,
  rate: Number(process.argv[2] ?? 0.005),
});
say(`${lines} lines`);
const wanted = await embedded(path.join(folder, 'embedded'), file);
say(
  `embedded: ${wanted.size} results, ${[...wanted.keys()].filter((k) => k.startsWith('inc')).length} incidents`,
);
const servers = await startServers({ elasticsearch: false });
say('servers');
const partitions = Number(process.argv[3] ?? 1);
const stack = new Stack(servers, {
  prefix: 'try',
  partitions,
  sources: [{ name: 'log', kind: 'file', format: 'keyhound', path: file }],
});
let spy: NodeJS.Timeout | undefined;
try {
  await stack.createTopics();
  say('topics');
  const detects: Member[] = [];
  spy = setInterval(async () => {
    for (const d of detects) {
      const m = await d.get('/metrics').catch(String);
      say(
        (m.match(/^keyhound_partition_lag.*$/gm) ?? [])
          .map((l) => l.replace(/.*partition=/, ''))
          .join(' ') +
          ' ' +
          d.child.stderr.slice(-600),
      );
    }
    const s = await detects[0]!.get('/readyz').catch(String);
    say(s);
  }, 8000);
  for (let i = 0; i < Number(process.argv[4] ?? 1); i++) detects.push(await stack.start('detect'));
  say('detect');
  const ingest = await stack.start('ingest');
  say('ingest');
  for (;;) {
    const summary = JSON.parse(await ingest.get('/api/v1/summary')) as { records: number };
    if (summary.records >= lines) break;
    await new Promise((r) => setTimeout(r, 200));
  }
  say('ingested');
  await drained(() => detects, 'events', partitions);
  say('drained');
  ingest.child.kill('SIGTERM');
  await ingest.child.ended;
  await new Promise((r) => setTimeout(r, 3000));
  await drained(() => detects, 'events', partitions);
  for (const d of detects) d.child.kill('SIGTERM');
  for (const d of detects) await d.child.ended;
  say('stopped');
  const found = outcomeOf(await stack.results());
  say(`found ${found.size}`);
  console.log(difference(found, wanted) ?? 'THE SAME');
} catch (error) {
  console.log(error);
} finally {
  clearInterval(spy);
  await stack.end();
  await servers.stop();
}
