/** `npm run eval [-- PART…]`: detection measured on data that nobody here wrote, beside what others published. */
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { suggest } from '../../core/suggest.ts';
import { DATA_DEFAULT, MissingData } from './data.ts';
import { PARTS } from './list.ts';
import type { Part } from './part.ts';
import { document, type Measured, markdown, missed } from './report.ts';

const FILE_DEFAULT = path.join(import.meta.dirname, '../out/eval.json');
const USAGE = `npm run eval [-- [PART…] OPTIONS]
  PART          ${PARTS.map(({ name }) => name).join(', ')}; all of them unless named
  --data DIR    where the data of others lies (default ../shared/data beside the checkout)
  --json        the JSON document on stdout instead of the table
  --out FILE    the JSON document also there (default bench/out/eval.json)
  --quick       less of everything, where it would take long
  --acceptance  with the seed that nothing was tuned on, where there is one
  --check       exit with 3 when a figure misses its line
  --help

${PARTS.map(({ name, summary }) => `${name}: ${summary}\n`).join('')}`;

function readFlags() {
  const { values, positionals } = parseArgs({
    options: {
      data: { type: 'string', default: DATA_DEFAULT },
      json: { type: 'boolean', default: false },
      out: { type: 'string', default: FILE_DEFAULT },
      quick: { type: 'boolean', default: false },
      acceptance: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
    allowPositionals: true,
    strict: true,
  });
  return { ...values, parts: positionals.length === 0 ? PARTS : positionals.map(partNamed) };
}

function partNamed(name: string): Part {
  const part = PARTS.find((one) => one.name === name);
  if (part !== undefined) return part;
  const like = suggest(
    name,
    PARTS.map((one) => one.name),
  );
  throw new Error(`no part ${name}${like === undefined ? '' : `; did you mean ${like}?`}`);
}

async function main(flags: ReturnType<typeof readFlags>): Promise<number> {
  const measured: Measured[] = [];
  const { acceptance, quick } = flags;
  const context = { data: path.resolve(flags.data), quick, acceptance };
  for (const part of flags.parts) {
    const say = (text: string) => process.stderr.write(`eval ${part.name}: ${text}\n`);
    measured.push({ part, result: await part.run({ ...context, say }) });
  }
  const json = `${JSON.stringify(document(measured), null, 1)}\n`;
  fs.mkdirSync(path.dirname(flags.out), { recursive: true });
  fs.writeFileSync(flags.out, json);
  process.stdout.write(flags.json ? json : markdown(measured));
  const faults = missed(measured);
  for (const fault of faults) process.stderr.write(`eval: missed: ${fault}\n`);
  return flags.check && faults.length > 0 ? 3 : 0;
}

let flags: ReturnType<typeof readFlags> | undefined;
try {
  flags = readFlags();
} catch (error) {
  process.stderr.write(`eval: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  process.exitCode = 2;
}
try {
  if (flags?.help) process.stdout.write(USAGE);
  else if (flags !== undefined) process.exitCode = await main(flags);
} catch (error) {
  if (!(error instanceof MissingData)) throw error;
  process.stderr.write(`eval: ${error.message}\n`);
  process.exitCode = 1;
}
