/** Issue 3, "How it is judged": a stranger adds a toy format and a toy detector by following CONTRIBUTING. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { it, type TestContext } from 'node:test';
import { ROOT, scratch } from './keyhound.ts';

/** Without the mark of a test runner: a runner inside one runs nothing. */
const { NODE_TEST_CONTEXT: _, ...OUTSIDE } = process.env;
const TOYS = path.join(import.meta.dirname, 'toys');

/** What git tracks, as a stranger would have it after a clone, with the libraries of this checkout. */
function cloned(t: TestContext): string {
  const folder = scratch(t);
  const files = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' });
  for (const file of files.split('\0')) {
    if (file === '' || !fs.existsSync(path.join(ROOT, file))) continue;
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    fs.copyFileSync(path.join(ROOT, file), path.join(folder, file));
  }
  fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  return folder;
}

function edit(file: string, from: string, to: string): void {
  const text = fs.readFileSync(file, 'utf8');
  assert.ok(text.includes(from), `${from} in ${file}`);
  fs.writeFileSync(file, text.replace(from, to));
}

/** As `npm run docs`. */
function documented(folder: string): void {
  const words = ['--disable-warning=ExperimentalWarning', 'cli/main.ts', 'config', 'docs'];
  const page = execFileSync(process.execPath, words, { cwd: folder, env: OUTSIDE });
  fs.writeFileSync(path.join(folder, 'docs/configuration.md'), page);
}

/** Runs test files there; answers the names of the tests that passed and of those that failed. */
function tested(
  folder: string,
  files: readonly string[],
  env: Readonly<Record<string, string>> = {},
): { passed: string[]; failed: string[]; told: string } {
  const flags = ['--disable-warning=ExperimentalWarning', '--test', '--test-reporter=tap'];
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, ...files], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...OUTSIDE, ...env },
    maxBuffer: 64 << 20,
  });
  const names = (pattern: RegExp): string[] =>
    [...stdout.matchAll(pattern)].map((match) => match[1]!.replaceAll('\\#', '#'));
  return {
    passed: names(/^\s*ok \d+ - (.*)$/gm),
    failed: names(/^\s*not ok \d+ - (.*)$/gm),
    told: stdout.slice(-4000) + stderr.slice(-2000),
  };
}

it('a toy format: one file, one folder of fixtures, one line of the list', (t) => {
  const folder = cloned(t);
  const format = path.join(folder, 'ingest/formats/toy-gateway.ts');
  const list = path.join(folder, 'ingest/formats/list.ts');
  fs.copyFileSync(path.join(TOYS, 'format/toy-gateway.txt'), format);
  edit(list, '  keyhound,\n]);', '  keyhound,\n  toyGateway,\n]);');
  edit(
    list,
    "from './nginx.ts';\n",
    "from './nginx.ts';\nimport { toyGateway } from './toy-gateway.ts';\n",
  );
  const suites = ['test/tidy.test.ts', 'test/ingest/formats/conformance.test.ts'];
  const refused = tested(folder, suites);
  assert.ok(refused.failed.length >= 2, refused.told);
  const fixtures = path.join(folder, 'test/fixtures/formats/toy-gateway');
  fs.mkdirSync(fixtures);
  for (const name of ['records.ndjson', 'expected.ndjson', 'hostile.ndjson']) {
    fs.copyFileSync(path.join(TOYS, 'format', name), path.join(fixtures, name));
  }
  edit(path.join(folder, 'docs/formats.md'), '| `kong` |', '| `toy-gateway` | | | |\n| `kong` |');
  documented(folder);
  const more = ['test/ingest/formats/canary.test.ts', 'test/docs/docs.test.ts'];
  const { passed, failed, told } = tested(folder, [...suites, ...more]);
  assert.deepEqual(failed, [], told);
  assert.ok(passed.filter((name) => name.includes('toy-gateway:')).length >= 6, passed.join('\n'));
});

it('a toy detector: one file, one folder of fixtures, one line of the list', (t) => {
  const folder = cloned(t);
  const list = path.join(folder, 'detectors/list.ts');
  fs.copyFileSync(
    path.join(TOYS, 'detector/deletions.txt'),
    path.join(folder, 'detectors/deletions.ts'),
  );
  edit(list, 'freeze([\n  volumeSpike,', 'freeze([\n  deletions,\n  volumeSpike,');
  edit(
    list,
    "from './detector.ts';\n",
    "from './detector.ts';\nimport { deletions } from './deletions.ts';\n",
  );
  const fixtures = path.join(folder, 'test/fixtures/detectors/deletions');
  const suites = ['test/tidy.test.ts', 'test/detectors/fixtures.test.ts'];
  const refused = tested(folder, suites);
  assert.ok(refused.failed.length > 0, refused.told);
  fs.mkdirSync(fixtures);
  for (const name of ['config.json', 'events.ndjson']) {
    fs.copyFileSync(path.join(TOYS, 'detector', name), path.join(fixtures, name));
  }
  tested(folder, ['test/detectors/fixtures.test.ts'], { WRITE_FINDINGS: '1' });
  const findings = fs.readFileSync(path.join(fixtures, 'findings.json'), 'utf8');
  assert.match(findings, /about \d+ deletions in ten minutes; usually 1/);
  const page = path.join(folder, 'docs/detection.md');
  edit(
    page,
    '\n### dormant\n',
    '\n### deletions\n\n*Fails*: no.\n\n*Costs*: little.\n\n### dormant\n',
  );
  edit(page, '| `volume-drop` |', '| `deletions` | | | | |\n| `volume-drop` |');
  documented(folder);
  const { passed, failed, told } = tested(folder, [
    ...suites,
    ...['test/detectors/conformance.test.ts', 'test/docs/docs.test.ts'],
  ]);
  assert.deepEqual(failed, [], told);
  assert.ok(passed.filter((name) => name.startsWith('deletions')).length >= 10, passed.join('\n'));
});
