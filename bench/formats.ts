/**
 * `node bench/formats.ts [ROUNDS]`: decoders alone, over lines of the traffic model in memory, as a ratio to
 * JSON.parse of the same Kong lines. CPU time, interleaved rounds in one process, the median of each.
 */
import fs from 'node:fs';
import path from 'node:path';
import { type Decoder, REJECTION } from '../core/format.ts';
import { createDraft } from '../core/record.ts';
import { formatById } from '../ingest/formats/list.ts';
import { NGINX_COMBINED } from '../ingest/log-format.ts';
import { benchFile } from './data.ts';
import { QUICK } from './plan.ts';
import { median, pairs } from './statistics.ts';

const FOLDER = path.join(import.meta.dirname, 'out');
const LINES = 50_000;
/** Rounds before the compiler has settled. */
const WARM_UP = 3;

interface Lines {
  readonly bytes: Buffer;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly count: number;
}

function readLines(file: string): Lines {
  const bytes = fs.readFileSync(file);
  const starts = new Int32Array(LINES);
  const ends = new Int32Array(LINES);
  let count = 0;
  for (let at = 0; at < bytes.length && count < LINES; count++) {
    const end = bytes.indexOf(0x0a, at);
    starts[count] = at;
    ends[count] = end;
    at = end + 1;
  }
  return { bytes, starts, ends, count };
}

function parseAll({ bytes, starts, ends, count }: Lines): void {
  for (let k = 0; k < count; k++) JSON.parse(bytes.toString('utf8', starts[k], ends[k]));
}

/** One closure per decoder, so that each is measured as it runs in its own source. */
function decodeAll(decoder: Decoder, { bytes, starts, ends, count }: Lines): () => void {
  const draft = createDraft();
  return () => {
    for (let k = 0; k < count; k++) {
      const result = decoder.decode(bytes, starts[k]!, ends[k]!, draft);
      if (result !== REJECTION.ok) throw new Error(`line ${k + 1} is no record`);
    }
  };
}

function cpuMicroseconds(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

async function main(rounds: number): Promise<void> {
  fs.mkdirSync(FOLDER, { recursive: true });
  const kong = readLines((await benchFile('kong', QUICK, FOLDER)).path);
  const combined = readLines((await benchFile('nginx', QUICK, FOLDER)).path);
  // Not word for word the format that has a scanner of its own.
  const logFormat = NGINX_COMBINED.replace('$body_bytes_sent', '$bytes_sent');
  const template = formatById('nginx').createDecoder({ logFormat });
  const runs: Readonly<Record<string, () => void>> = {
    'JSON.parse': () => parseAll(kong),
    kong: decodeAll(formatById('kong').createDecoder({}), kong),
    combined: decodeAll(formatById('combined').createDecoder({}), combined),
    'nginx (log_format)': decodeAll(template, combined),
  };
  const times = new Map(Object.keys(runs).map((name) => [name, [] as number[]]));
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const [name, run] of Object.entries(runs)) {
      const spent = cpuMicroseconds(run);
      if (round >= 0) times.get(name)!.push(spent / LINES);
    }
  }
  const base = times.get('JSON.parse')!;
  for (const [name, values] of times) {
    const each = median(values);
    const figures = `${(each * 1000).toFixed(0)} ns, ${(1 / each).toFixed(2)} M lines per CPU-second`;
    const ratio = median(pairs(base, values)).toFixed(2);
    process.stdout.write(`${name.padEnd(20)} ${figures}, ${ratio} x JSON.parse\n`);
  }
}

await main(Number(process.argv[2] ?? 15));
