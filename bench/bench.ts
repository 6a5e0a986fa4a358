/**
 * `npm run bench [-- kafka|decide|contain|memory] [--quick]`: measures, prints the table, writes bench/out/ and its
 * part of docs/bench.md: what is measured with servers has a part of its own at the end.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { CONTAIN_HEADING, containMarkdown, measureContain } from './contain.ts';
import { measureDecide } from './decide/decide.ts';
import { DECIDE_HEADING, decideMarkdown } from './decide/report.ts';
import { measureKafka } from './kafka/kafka.ts';
import { HEADING, kafkaMarkdown } from './kafka/report.ts';
import { measureAll } from './measure.ts';
import { measureMemory, SOME_HOURS, WHOLE_DAY } from './memory/memory.ts';
import { MEMORY_HEADING, memoryMarkdown } from './memory/report.ts';
import { FULL, type Plan, QUICK } from './plan.ts';
import { type Machine, markdown } from './report.ts';

const USAGE = `npm run bench [-- [kafka|decide|contain|memory] OPTIONS]
  kafka         the distributed form, with a Kafka and a Redis that are started for it
  decide        the decision endpoint, side by side with a bare handler
  contain       from a bad request to the first one refused, behind a real NGINX
  memory        what each role of the distributed form keeps in memory over a day of event time
  --quick       a small run: a minute or two, and docs/bench.md is left as it is
  --rounds N    interleaved rounds (default ${FULL.rounds}, quick ${QUICK.rounds})
  --help
`;
const ROUNDS_MAX = 50;
const FOLDER = path.join(import.meta.dirname, 'out');
const DOCUMENT = path.join(import.meta.dirname, '../docs/bench.md');

type Part = 'own' | 'kafka' | 'decide' | 'contain' | 'memory';

function parseFlags(): { plan: Plan; help: boolean; part: Part } {
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
  const [what = 'own', ...more] = positionals;
  if (more.length > 0 || !Object.hasOwn(PARTS, what)) {
    throw new Error(`what is ${positionals.join(' ')}?`);
  }
  return { plan: { ...plan, rounds }, help: values.help, part: what as Part };
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
  if (plan.name === 'full') document('own', text);
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
  if (plan.name === 'full') document('kafka', text);
  process.stdout.write(text);
}

async function mainDecide(plan: Plan): Promise<void> {
  const machine = thisMachine();
  const results = await measureDecide(plan, say);
  const text = decideMarkdown(results, machine);
  const record = `${JSON.stringify({ machine, ...results }, null, 1)}\n`;
  fs.writeFileSync(path.join(FOLDER, 'decide.json'), record);
  if (plan.name === 'full') document('decide', text);
  process.stdout.write(text);
}

async function mainContain(plan: Plan): Promise<void> {
  const machine = thisMachine();
  const results = await measureContain(plan.name === 'full' ? 200 : 20, say);
  const text = containMarkdown(results, machine);
  const record = `${JSON.stringify({ machine, ...results }, null, 1)}\n`;
  fs.writeFileSync(path.join(FOLDER, 'contain.json'), record);
  if (plan.name === 'full') document('contain', text);
  process.stdout.write(text);
}

async function mainMemory(plan: Plan): Promise<void> {
  const machine = thisMachine();
  const results = await measureMemory(plan.name === 'full' ? WHOLE_DAY : SOME_HOURS, say);
  const text = memoryMarkdown(results, machine);
  const record = `${JSON.stringify({ machine, ...results }, null, 1)}\n`;
  fs.writeFileSync(path.join(FOLDER, 'memory.json'), record);
  if (plan.name === 'full') document('memory', text);
  process.stdout.write(text);
}

/** In the order in which they stand in the document; the first has no heading of its own. */
const PARTS: Readonly<Record<Part, (plan: Plan) => Promise<void>>> = {
  own: main,
  kafka: mainKafka,
  decide: mainDecide,
  contain: mainContain,
  memory: mainMemory,
};
const HEADINGS: Readonly<Record<Exclude<Part, 'own'>, string>> = {
  kafka: HEADING,
  decide: DECIDE_HEADING,
  contain: CONTAIN_HEADING,
  memory: MEMORY_HEADING,
};

/** Writes one part of the document, and keeps the others. */
function document(part: Part, text: string): void {
  const kept = fs.existsSync(DOCUMENT) ? fs.readFileSync(DOCUMENT, 'utf8') : '';
  const [own = '', ...sections] = kept.split(/^(?=## )/m);
  const others = sections.filter((section) => !Object.values(HEADINGS).some(begins(section)));
  const parts = Object.entries(HEADINGS).map(([name, heading]) =>
    name === part ? text : (sections.find((section) => begins(section)(heading)) ?? ''),
  );
  const all = [part === 'own' ? text : own, ...(part === 'own' ? [] : others), ...parts];
  const written = all.map((one) => one.trimEnd()).filter((one) => one !== '');
  fs.writeFileSync(DOCUMENT, `${written.join('\n\n')}\n`);
}

function begins(section: string): (heading: string) => boolean {
  return (heading) => section.startsWith(`${heading}\n`);
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
  await PARTS[flags.part](flags.plan);
}
