/**
 * Whether memory grows: ingest, detect and console work through a day of the demo's traffic, hour by hour as fast as
 * they can, with the log rotated every hour; after each hour the resident memory of each role is read. What counts
 * is the slope, MB an hour of event time, by least squares.
 *
 *   node bench/kafka/memory.ts [--hours 24] [--days 7] [--no-console]
 *
 * `days` pass at once before, so that keys are known and caches are full; the console needs an Elasticsearch.
 */
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { drained, type Member, Stack, startServers } from '../../test/judged/stack.ts';
import { createTraffic } from '../../traffic/traffic.ts';
import { WRITERS } from '../../traffic/write.ts';
import { loadNow, residentBytesOf } from './processes.ts';

const HOUR_MS = 3_600_000;
const DAY_HOURS = 24;
const FROM_AT = Date.parse('2026-03-02T00:00:00Z');
/** As the demo has them. */
const KEYS = 200;
const RATES = { min: 0.0005, max: 0.01 };
const PARTITIONS = 4;

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '24' },
    days: { type: 'string', default: '7' },
    'no-console': { type: 'boolean', default: false },
  },
});
const hours = Number(values.hours);
const days = Number(values.days);
const hasConsole = !values['no-console'];

/** Lines of each hour of event time; the days before come as one. */
function* hoursOfLog(): Generator<string[]> {
  const daysInAll = days + Math.ceil(hours / DAY_HOURS);
  const model = { seed: 1, keys: KEYS, days: daysInAll, fromAt: FROM_AT, rates: RATES };
  let lines: string[] = [];
  let until = FROM_AT + days * DAY_HOURS * HOUR_MS;
  for (const event of createTraffic({ ...model, attacks: [], scenarios: [] }).events()) {
    for (; event.at >= until; until += HOUR_MS) {
      yield lines;
      lines = [];
    }
    lines.push(WRITERS.keyhound(event));
  }
  yield lines;
}

/** MB an hour. */
function slopeOf(samples: readonly number[]): number {
  const meanX = (samples.length - 1) / 2;
  const meanY = samples.reduce((a, b) => a + b, 0) / samples.length;
  let above = 0;
  let below = 0;
  for (const [x, y] of samples.entries()) {
    above += (x - meanX) * (y - meanY);
    below += (x - meanX) ** 2;
  }
  return above / below / 1e6;
}

const servers = await startServers({ elasticsearch: hasConsole });
const folder = fs.mkdtempSync(path.join(import.meta.dirname, '../out/memory-'));
const log = path.join(folder, 'access.log');
const stack = new Stack(servers, {
  prefix: 'memory',
  partitions: PARTITIONS,
  sources: [{ name: 'log', kind: 'file', format: 'keyhound', path: log }],
});
try {
  await stack.createTopics();
  const roles = hasConsole ? ['ingest', 'detect', 'console'] : ['ingest', 'detect'];
  const members = new Map<string, Member>();
  for (const role of roles) members.set(role, await stack.start(role));
  const samples = new Map<string, number[]>(roles.map((role) => [role, []]));
  let read = 0;
  let hour = 0;
  for (const lines of hoursOfLog()) {
    if (hour > hours) break;
    if (fs.existsSync(log)) fs.renameSync(log, `${log}.1`);
    fs.writeFileSync(log, lines.map((line) => `${line}\n`).join(''));
    read += lines.length;
    await members.get('ingest')!.read(read);
    await drained(() => [members.get('detect')!], 'events', PARTITIONS);
    const mib = roles.map((role) => {
      const bytes = residentBytesOf(members.get(role)!.child.pid);
      // The first is the history.
      if (hour > 0) samples.get(role)!.push(bytes);
      return `${role} ${Math.round(bytes / 2 ** 20)}`;
    });
    process.stderr.write(`hour ${hour++}, ${read} events, MiB: ${mib.join(', ')}\n`);
  }
  for (const [role, own] of samples) {
    // Half of it is warm-up: heaps grow to what they need.
    const settled = own.slice(own.length >> 1);
    const text = [own, settled].map((part) => slopeOf(part).toFixed(2));
    console.log(`${role}: ${text[0]} MB an hour, ${text[1]} in the second half`);
  }
  console.log(`${read} events, ${hour - 1} rotations, load ${loadNow().toFixed(1)}`);
} finally {
  await stack.end();
  await servers.stop();
  fs.rmSync(folder, { recursive: true });
}
