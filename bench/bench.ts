/** `npm run bench [-- --quick]`: measures, prints the table, writes bench/out/bench.json and docs/bench.md. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { measureAll } from './measure.ts';
import { FULL, type Plan, QUICK } from './plan.ts';
import { type Machine, markdown } from './report.ts';

const USAGE = `npm run bench [-- OPTIONS]
  --quick       a small run: a minute or two, and docs/bench.md is left as it is
  --rounds N    interleaved rounds (default ${FULL.rounds}, quick ${QUICK.rounds})
  --help
`;
const ROUNDS_MAX = 50;
const FOLDER = path.join(import.meta.dirname, 'out');
const DOCUMENT = path.join(import.meta.dirname, '../docs/bench.md');

function parseFlags(): { plan: Plan; help: boolean } {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
    strict: true,
  });
  const plan = values.quick ? QUICK : FULL;
  const rounds = values.rounds === undefined ? plan.rounds : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > ROUNDS_MAX) {
    throw new Error(`--rounds takes a whole number from 1 to ${ROUNDS_MAX}`);
  }
  return { plan: { ...plan, rounds }, help: values.help };
}

async function main(plan: Plan): Promise<void> {
  fs.mkdirSync(FOLDER, { recursive: true });
  const machine: Machine = {
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    node: process.version,
  };
  const say = (text: string) => process.stderr.write(`bench: ${text}\n`);
  const results = await measureAll(plan, FOLDER, say);
  const text = markdown(results, plan, machine);
  const files = {
    kong: path.basename(results.kongFile.path),
    nginx: path.basename(results.nginxFile.path),
  };
  const record = { machine, plan, ...results, kongFile: files.kong, nginxFile: files.nginx };
  fs.writeFileSync(path.join(FOLDER, 'bench.json'), `${JSON.stringify(record, null, 1)}\n`);
  if (plan.name === 'full') fs.writeFileSync(DOCUMENT, text);
  process.stdout.write(text);
}

let flags: ReturnType<typeof parseFlags> | undefined;
try {
  flags = parseFlags();
} catch (error) {
  process.stderr.write(
    `bench: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`,
  );
  process.exitCode = 2;
}
if (flags?.help) process.stdout.write(USAGE);
else if (flags !== undefined) await main(flags.plan);
