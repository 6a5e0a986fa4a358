/** `npm run traffic`: the traffic model into a file, with progress on stderr. */
import fs from 'node:fs';
import { Readable, Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { systemClock } from '../core/clock.ts';
import { KeyhoundError } from '../core/errors.ts';
import { type Command, parseCommand, USAGE } from './command-line.ts';
import type { Label, Traffic } from './contract.ts';
import { registryEntries } from './registry.ts';
import { createTraffic } from './traffic.ts';
import { KEY_SPECS, subjectIdOf, WRITERS } from './write.ts';

const CHUNK_CHARS = 1 << 18;
const PROGRESS_MS = 500;

interface Written {
  lines: number;
  bytes: number;
  lastAt: number;
}

async function main(args: readonly string[]): Promise<void> {
  const command = parseCommand(args);
  if (command.help) {
    process.stdout.write(USAGE);
    return;
  }
  const traffic = createTraffic(command.options);
  const startAt = systemClock.now();
  if (command.registry !== undefined) writeRegistry(command.registry, command, traffic);
  // A path that cannot be written is told before the work, not after it.
  if (command.labels !== undefined) fs.writeFileSync(command.labels, '');
  const written: Written = { lines: 0, bytes: 0, lastAt: traffic.fromAt };
  const stages = [
    Readable.from(chunks(command, traffic, written)),
    command.out.endsWith('.gz') ? createGzip({ level: 6 }) : passing(),
    destination(command.out),
  ] as const;
  await pipeline(stages);
  // An attack that --lines cut off before it began is not in the file.
  const labels = traffic.labels.filter((label) => label.fromAt <= written.lastAt);
  if (command.labels !== undefined)
    fs.writeFileSync(command.labels, labelLines(labels, command, traffic));
  const seconds = (systemClock.now() - startAt) / 1000;
  const key = KEY_SPECS[command.format];
  report(
    `${written.lines} lines, ${written.bytes} bytes, ${labels.length} attacks in ${seconds.toFixed(1)} s` +
      (key === undefined ? '' : `; read it with --key ${key}`),
  );
}

function* chunks(command: Command, traffic: Traffic, written: Written): Generator<Buffer> {
  const write = WRITERS[command.format];
  const showProgress = progress(traffic);
  let text = '';
  for (const event of traffic.events()) {
    if (written.lines >= command.linesMax) break;
    text += `${write(event)}\n`;
    written.lines++;
    written.lastAt = event.at;
    if (text.length < CHUNK_CHARS) continue;
    const chunk = Buffer.from(text);
    text = '';
    written.bytes += chunk.length;
    yield chunk;
    showProgress(written);
  }
  const rest = Buffer.from(text);
  written.bytes += rest.length;
  yield rest;
}

/** One line that is rewritten on a terminal; nothing where stderr is a file. */
function progress(traffic: Traffic): (written: Written) => void {
  let shownAt = systemClock.now();
  return (written) => {
    const now = systemClock.now();
    if (!process.stderr.isTTY || now - shownAt < PROGRESS_MS) return;
    shownAt = now;
    const share = (written.lastAt - traffic.fromAt) / (traffic.toAt - traffic.fromAt);
    const megabytes = (written.bytes / 1e6).toFixed(0);
    process.stderr.write(`\r${(100 * share).toFixed(0)} % ${written.lines} lines ${megabytes} MB `);
  };
}

function report(text: string): void {
  process.stderr.write(`${process.stderr.isTTY ? '\r' : ''}traffic: ${text}\n`);
}

function destination(out: string): Writable {
  return out === '-' ? process.stdout : fs.createWriteStream(out);
}

function passing(): Transform {
  return new Transform({ transform: (chunk: Buffer, _encoding, done) => done(null, chunk) });
}

/** The subject as Keyhound will call it, or the key's label where only a pepper could tell. */
function labelLines(labels: readonly Label[], command: Command, traffic: Traffic): string {
  const pepper = pepperGiven();
  const lines = labels.map((label) => {
    const key = traffic.keys[label.keyIndex]!;
    const subject = label.network ?? label.consumer ?? subjectIdOf(key, command.format, pepper);
    return `${JSON.stringify({
      ...(subject === undefined ? { keyLabel: key.label } : { subject }),
      kind: label.kind,
      fromAt: new Date(label.fromAt).toISOString(),
      toAt: new Date(label.toAt).toISOString(),
    })}\n`;
  });
  return lines.join('');
}

function writeRegistry(file: string, command: Command, traffic: Traffic): void {
  const entries = registryEntries(traffic, command.format, pepperGiven());
  if (entries.length === 0) {
    throw new KeyhoundError(
      'usage',
      `--registry: ${command.format} logs raw keys, their ids need a pepper`,
      {
        hint: 'Set KEYHOUND_PEPPER to the secret of the installation that will read the log.',
      },
    );
  }
  fs.writeFileSync(file, `${JSON.stringify(entries, null, 1)}\n`);
}

function pepperGiven(): string | undefined {
  return process.env['KEYHOUND_PEPPER'] || undefined;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  // The reader of a pipe went away, as `head` does.
  if (error instanceof Error && 'code' in error && error.code === 'EPIPE') process.exit(0);
  const usage = error instanceof KeyhoundError || error instanceof RangeError;
  const hint = error instanceof KeyhoundError && error.hint ? `\n${error.hint}` : '';
  report(`${error instanceof Error ? error.message : String(error)}${hint}`);
  process.exitCode = usage ? 2 : 1;
}
