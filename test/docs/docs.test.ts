/** The operators' pages say what the program does: codes, metrics, commands, settings and links are compared. */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { remoteReferences } from '../../app/config/document.ts';
import { readConfig } from '../../app/config.ts';
import { readPolicy } from '../../app/policy-file.ts';
import { COMMANDS } from '../../cli/commands/list.ts';
import { chooseCommand, parseWords } from '../../cli/parse.ts';
import { createMetrics } from '../../console/metrics.ts';
import { systemClock } from '../../core/clock.ts';
import { REJECTIONS } from '../../core/format.ts';
import { createCounters } from '../../decide/counters.ts';
import { createDecideMetrics } from '../../decide/metrics.ts';
import { ALL_DETECTORS } from '../../detectors/list.ts';
import { FORMATS } from '../../ingest/formats/list.ts';
import { parseCommand } from '../../traffic/command-line.ts';
import { snapshot } from '../console/fakes.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'keyhound-docs-'));
after(() => rmSync(folder, { recursive: true }));

function read(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}

const PAGES = ['README.md', 'CONTRIBUTING.md', ...filesIn('docs', '.md')];

function filesIn(dir: string, end: string): string[] {
  return readdirSync(path.join(ROOT, dir), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(end))
    .map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name)));
}

/** Blocks of a language, with the page they stand on. */
function blocks(language: string): { page: string; text: string }[] {
  return PAGES.flatMap((page) =>
    [...read(page).matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(
      (match) => ({
        page,
        text: match[1]!,
      }),
    ),
  );
}

/** First cells of the rows of a page's tables, as written in backticks. */
function named(page: string): string[] {
  return [...read(page).matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1]!);
}

const CODE_FOLDERS = [
  ...['app', 'cli', 'console', 'core', 'decide', 'detectors', 'enrich', 'ingest', 'responders'],
  'store',
];
/** `code: 'a'`, also behind a condition, and what store/sqlite/errors.ts hands to its helper. */
const CODES = [
  /\bcode: (?:[^,;\n]*?[?] )?'([a-z][a-z-]*)'(?: : '([a-z][a-z-]*)')?/g,
  /\bcode: code \?\? '([a-z][a-z-]*)'()/g,
  /\boperating\(`[^`]*`, '([a-z][a-z-]*)'()/g,
];

test('the codes of errors and those of docs/troubleshooting.md are the same, both ways', () => {
  const used = new Set(['usage', 'operating']);
  for (const file of CODE_FOLDERS.flatMap((dir) => filesIn(dir, '.ts'))) {
    // Issues of zod, which have codes of their own.
    if (file === 'app/config/faults.ts') continue;
    const text = read(file);
    for (const pattern of CODES) {
      for (const match of text.matchAll(pattern)) {
        for (const code of match.slice(1)) if (code) used.add(code);
      }
    }
  }
  assert.ok(used.has('source-damaged') && used.has('disk-full') && used.has('api-failed'));
  const known = named('docs/troubleshooting.md').filter((code) => /^[a-z][a-z-]*$/.test(code));
  assert.deepEqual([...known].sort(), [...used].sort());
});

const DECIDE_STATUS = {
  ...{ verdicts: 1, verdictsReadAt: 0, buckets: 0, forgottenBuckets: 0, shedFactor: 1 },
  ...{ limitsAwaySince: undefined, counters: createCounters() },
};

test('the metrics and those of docs/metrics.md are the same, both ways', async () => {
  const decide = await createDecideMetrics(() => DECIDE_STATUS, systemClock)();
  const text = (await createMetrics(() => snapshot()).text()) + decide.text;
  const names = [...text.matchAll(/^# TYPE (keyhound_\S+) (\S+)$/gm)]
    .map((match) => `${match[1]} ${match[2]}`)
    .filter((name) => !/^keyhound_(process|nodejs)_/.test(name));
  const rows = [...read('docs/metrics.md').matchAll(/^\| `(keyhound_\w+)` \| (\w+)/gm)];
  assert.deepEqual(rows.map((row) => `${row[1]} ${row[2]}`).sort(), names.sort());
  for (const match of read('docs/metrics.md').matchAll(/\bkeyhound_[a-z_]*[a-z]\b/g)) {
    assert.ok(text.includes(`# TYPE ${match[0]} `), `${match[0]} is exported`);
  }
  for (const reason of REJECTIONS.slice(1)) {
    assert.ok(read('docs/metrics.md').includes(`\`${reason}\``), reason);
  }
});

test('every detector and every format has its place in the pages', () => {
  const detectors = read('docs/detection.md');
  for (const { id } of ALL_DETECTORS) {
    const [, section] = detectors.split(`\n### ${id}\n`);
    assert.ok(section !== undefined, `docs/detection.md has a section ### ${id}`);
    assert.match(section.split('\n### ')[0]!, /\*Fails\*: .*\*Costs\*: /s, id);
    assert.ok(
      named('docs/detection.md').includes(id),
      `docs/detection.md has a row of readiness of ${id}`,
    );
  }
  for (const { id } of FORMATS)
    assert.ok(named('docs/formats.md').includes(id), `docs/formats.md has a row of ${id}`);
});

/** Words of a line as a shell would split it, for the simple lines that the pages have. */
function words(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2]!);
}

test('every command of the pages is one that the program takes', () => {
  let count = 0;
  for (const { page, text } of blocks('sh')) {
    for (const line of text.split('\n')) {
      const bare = line.replace(/ #.*/, '').replace(/ && .*/, '');
      const traffic = /^npm run traffic -- (.*)/.exec(bare);
      if (traffic !== null) parseCommand(words(traffic[1]!));
      const command = /(?:^|\| )(?:keyhound|npm start(?: --silent)? --) (.*)/.exec(bare);
      if (command === null) continue;
      const chosen = chooseCommand(words(command[1]!), COMMANDS);
      assert.ok(chosen !== undefined, `${page}: ${line}`);
      parseWords(chosen.command, chosen.rest, 0);
      count++;
    }
  }
  assert.ok(count > 15, `${count} commands`);
});

/** A value as it is checked: names of the pages' variables end in what they hold. */
function madeUp(name: string): string {
  if (name.endsWith('_WEBHOOK')) return 'https://hooks.example/a';
  if (name.endsWith('_SECRET')) return `whsec_${Buffer.alloc(32, name).toString('base64')}`;
  return 'x'.repeat(20);
}

test('every configuration of the pages is without faults', () => {
  let count = 0;
  for (const { page, text: shown } of blocks('yaml')) {
    // The page says which log_format is to be pasted there.
    const text = shown.replace('logFormat: "…"', 'logFormat: "$msec $status"');
    if (text.startsWith('groups:')) continue;
    if (/^version: 1$/m.test(text)) {
      assert.deepEqual(readPolicy(text).faults, [], page);
      continue;
    }
    const named = [...text.matchAll(/\$\{env:(\w+)\}/g)].map((match) => match[1]!);
    const env = Object.fromEntries(named.map((name) => [name, madeUp(name)]));
    for (const [, secret] of text.matchAll(/\$\{file:([^}]+)\}/g)) {
      mkdirSync(path.dirname(path.join(folder, secret!)), { recursive: true });
      writeFileSync(path.join(folder, secret!), 'x'.repeat(20));
    }
    const file = path.join(folder, `${count++}.yaml`);
    writeFileSync(file, text);
    const fetched = remoteReferences(text).map((reference) => [reference, 'x'.repeat(20)] as const);
    const { faults } = readConfig({ file, env, cwd: folder, secrets: new Map(fetched) });
    assert.deepEqual(faults, [], page);
  }
  assert.ok(count > 4, `${count} configurations`);
});

test('links between the pages lead somewhere', () => {
  for (const page of [...PAGES, 'CHANGELOG.md']) {
    for (const match of read(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)) {
      const target = match[1] === '' ? page : path.join(path.dirname(page), match[1]!);
      assert.ok(existsSync(path.join(ROOT, target)), `${page}: ${match[0]}`);
      if (match[2] === undefined) continue;
      const anchors = [...read(target).matchAll(/^#+ (.*)/gm)].map((heading) =>
        heading[1]!
          .toLowerCase()
          .replaceAll(' ', '-')
          .replace(/[^\w-]/g, ''),
      );
      assert.ok(anchors.includes(match[2]), `${page}: ${match[0]}`);
    }
  }
});
