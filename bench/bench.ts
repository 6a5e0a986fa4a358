/**
 * `npm run bench [-- kafka] [--quick]`: measures, prints the table, writes bench/out/ and its part of docs/bench.md:
 * what is measured with servers has a part of its own at the end.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { measureKafka } from './kafka/kafka.ts';
import { HEADING, kafkaMarkdown } from './kafka/report.ts';
import { measureAll } from './measure.ts';
import { FULL, type Plan, QUICK } from './plan.ts';
import { type Machine, markdown } from './report.ts';

const USAGE = `npm run bench [-- [kafka] OPTIONS]
  kafka         the distributed form, with a Kafka and a Redis that are started for it
  --quick       a small run: a minute or two, and docs/bench.md is left as it is
  --rounds N    interleaved rounds (default ${FULL.rounds}, quick ${QUICK.rounds})
  --help
`;
const ROUNDS_MAX = 50;
const FOLDER = path.join(import.meta.dirname, 'out');
const DOCUMENT = path.join(import.meta.dirname, '../docs/bench.md');

function parseFlags(): { plan: Plan; help: boolean; kafka: boolean } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
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
  const [what, ...more] = positionals;
  if (more.length > 0 || (what !== undefined && what !== 'kafka')) {
    throw new Error(`what is ${positionals.join(' ')}?`);
  }
  return { plan: { ...plan, rounds }, help: values.help, kafka: what === 'kafka' };
}

const say = (text: string) => void process.stderr.write(`bench: ${text}\n`);

function thisMachine(): Machine {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    node: process.version,
  };
}

async function main(plan: Plan): Promise<void> {
  const machine = thisMachine();
  const results = await measureAll(plan, FOLDER, say);
  const text = markdown(results, plan, machine);
  const files = {
    kong: path.basename(results.kongFile.path),
    nginx: path.basename(results.nginxFile.path),
  };
  const record = { machine, plan, ...results, kongFile: files.kong, nginxFile: files.nginx };
  fs.writeFileSync(path.join(FOLDER, 'bench.json'), `${JSON.stringify(record, null, 1)}\n`);
  if (plan.name === 'full') document({ own: text });
  process.stdout.write(text);
}

async function mainKafka(plan: Plan): Promise<void> {
  const machine = thisMachine();
  const results = await measureKafka(plan, FOLDER, say);
  const text = kafkaMarkdown(results, machine);
  fs.writeFileSync(
    path.join(FOLDER, 'kafka.json'),
    `${JSON.stringify({ machine, ...results }, null, 1)}\n`,
  );
  if (plan.name === 'full') document({ kafka: text });
  process.stdout.write(text);
}

/** Writes one part of the document, and keeps the other. */
function document(part: { readonly own?: string; readonly kafka?: string }): void {
  const kept = fs.existsSync(DOCUMENT) ? fs.readFileSync(DOCUMENT, 'utf8') : '';
  const at = kept.indexOf(HEADING);
  const own = part.own ?? (at < 0 ? kept : kept.slice(0, at)).trimEnd();
  const kafka = part.kafka ?? (at < 0 ? '' : kept.slice(at));
  fs.writeFileSync(DOCUMENT, `${own.trimEnd()}\n${kafka === '' ? '' : `\n${kafka}`}`);
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
else if (flags !== undefined) {
  fs.mkdirSync(FOLDER, { recursive: true });
  await (flags.kafka ? mainKafka : main)(flags.plan);
}
