/** The tree keeps its shape: imports, sizes, banned calls, dead files, lists. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BANS, bannedFaults } from './tidy/banned.ts';
import { ROOT, readSources, type SourceFile } from './tidy/files.ts';
import { cycles, importFaults, importsOf, unreached } from './tidy/imports.ts';
import { LISTS, missingFromList, partsOf, withoutFixtures } from './tidy/lists.ts';
import { functionsOf, sizeFaults } from './tidy/sizes.ts';

const files = readSources();
const ENTRIES = [
  'cli/main.ts',
  'traffic/main.ts',
  'deploy/native/stack.ts',
  'deploy/gateway/demo.ts',
  'test/reporter.ts',
  'test/run.ts',
];

function none(faults: readonly string[]): void {
  if (faults.length > 0) assert.fail(`\n${faults.join('\n')}`);
}
function file(path: string, text: string): SourceFile {
  return { path, text };
}

test('every folder imports only what the table allows', () => {
  none(files.flatMap(importFaults));
});

test('no file imports itself through others', () => {
  none(cycles(files));
});

test('files, functions and lines stay within their sizes', () => {
  none(files.flatMap(sizeFaults));
});

test('nothing banned is written (promise 8: only the response calls others)', () => {
  none(files.flatMap(bannedFaults));
});

test('every file is reached from an entry', () => {
  const paths = files.map(({ path }) => path);
  const entries = paths.filter(
    (path) => ENTRIES.includes(path) || /\.test\.ts$|^test\/.*-child\.ts$|^bench\//.test(path),
  );
  none(unreached(files, entries));
});

test('every format, detector and command stands in its list, and has its fixtures', () => {
  for (const rule of LISTS) {
    none(missingFromList(files, rule));
    assert.notEqual(partsOf(files, rule).length, 0, `no part found for ${rule.list}`);
    if (rule.fixtures === undefined) continue;
    none(withoutFixtures(files, rule, readdirSync(join(ROOT, rule.fixtures))));
  }
});

test('the import check sees sideways imports and drivers, in every spelling', () => {
  const sideways = [
    "import { a } from '../store/sqlite/store.ts';",
    "import type { A } from '../app/contract.ts';",
    "export * from '../ingest/reader.ts';",
    "import '../cli/main.ts';",
    "const a = await import('../app/run.ts');",
    "import {\n  a,\n  b,\n} from '../enrich/place.ts';",
    "import { DatabaseSync } from 'node:sqlite';",
  ];
  for (const text of sideways) {
    assert.equal(importFaults(file('detectors/a.ts', text)).length, 1, text);
  }
  none(importFaults(file('detectors/a.ts', "// import { a } from '../store/a.ts';")));
  none(importFaults(file('detectors/a.ts', "import { a } from '../core/clock.ts';")));
  none(importFaults(file('store/a.ts', "import { DatabaseSync } from 'node:sqlite';")));
});

test('the cycle check sees a ring of three', () => {
  const ring = [
    file('core/a.ts', "import './b.ts';"),
    file('core/b.ts', "import './c.ts';"),
    file('core/c.ts', "import { type A } from './a.ts';"),
    file('core/d.ts', "import './a.ts';"),
  ];
  assert.deepEqual(cycles(ring), ['core/a.ts → core/b.ts → core/c.ts → core/a.ts']);
  none(cycles(ring.slice(1)));
  none(cycles([file('core/a.ts', "import type { B } from './b.ts';"), ring[1]!, ring[2]!]));
});

test('the dead file check sees a file that nothing imports', () => {
  const tree = [
    file('cli/main.ts', "import './a.ts';"),
    file('cli/a.ts', ''),
    file('cli/b.ts', ''),
  ];
  assert.deepEqual(unreached(tree, ['cli/main.ts']), ['cli/b.ts']);
  assert.deepEqual(importsOf(tree[0]!), ['cli/a.ts']);
});

test('the size check sees long files, functions and lines', () => {
  const body = '  step();\n'.repeat(70);
  const long = [
    'x;\n'.repeat(401),
    `export function f(): void {\n${body}}\n`,
    `const f = (a: number): number => {\n${body}};\n`,
    `export async function f(\n  a: number,\n  b: { c: number },\n): Promise<void> {\n${body}}\n`,
    `class A {\n  method(a = '}'): void {\n${body}  }\n}\n`,
    `const a = {\n  f: (b) => {\n${body}  },\n};\n`,
    `let a = ${'b + '.repeat(30)}1;\n`,
  ];
  for (const text of long) {
    assert.equal(sizeFaults(file('core/a.ts', text)).length, 1, text.slice(0, 60));
  }
  none(sizeFaults(file('core/a.ts', `function f() {\n${'  step();\n'.repeat(68)}}\n`)));
  const group = `describe('a', () => {\n  test('b', () => {});\n${body}});\n`;
  none(sizeFaults(file('test/a.test.ts', group)));
  assert.equal(sizeFaults(file('core/a.ts', group)).length, 1);
  none(sizeFaults(file('core/a.ts', `f('${'a sentence '.repeat(9)}');\n`)));
  assert.equal(sizeFaults(file('core/a.ts', `f('${'a sentence '.repeat(11)}');\n`)).length, 1);
  none(sizeFaults(file('test/a.test.ts', `f('${'a record '.repeat(20)}');\n`)));
  none(sizeFaults(file('core/a.ts', `if (a) {\n${body}}\n`)));
});

test('functions are measured past braces in strings, comments and regular expressions', () => {
  const text =
    "function f(): void {\n  a('}');\n  b(/[}]/);\n  c(`}${'}'}`); // }\n}\nfunction g() {\n}\n";
  assert.deepEqual(
    functionsOf(text).map(({ name, length }) => [name, length]),
    [
      ['f', 5],
      ['g', 2],
    ],
  );
});

test('every ban catches what it bans, and says what to write', () => {
  const bad: Readonly<Record<string, string>> = {
    'wall clock': 'const at = Date.now();',
    'unseeded randomness': 'const a = Math.random();',
    'console output': "console.log('a');",
    enum: 'export enum A { b }',
    namespace: 'namespace A {\n}',
    'default export': 'export default 1;',
    'process.exit': 'process.exit(1);',
    'unfinished work': `// ${'TO'}${'DO'}: later`,
    'outbound call': "import { spawn } from 'node:child_process';",
    'path of one machine': `const a = '/${'work'}/main/a';`,
  };
  for (const ban of BANS) {
    const faults = bannedFaults(file('enrich/a.ts', bad[ban.name] ?? ''));
    assert.equal(faults.length, 1, ban.name);
    assert.ok(faults[0]!.includes(ban.instead));
  }
  none(
    bannedFaults(file('enrich/a.ts', "const at = new Date(0); // Date.now()\nf('Math.random');")),
  );
  none(bannedFaults(file('core/clock.ts', 'Date.now()')));
});

test('the list check sees a part that stands in no list or has no fixtures', () => {
  const rule = LISTS[1]!;
  const part = file('detectors/a.ts', 'export const a = defineDetector({});');
  const shared = file('detectors/words.ts', 'export const b = 1;');
  const list = file('detectors/list.ts', "import { a } from './a.ts';");
  none(missingFromList([part, shared, list], rule));
  assert.deepEqual(missingFromList([part, shared, file('detectors/list.ts', '')], rule), [
    'detectors/a.ts: not in detectors/list.ts',
  ]);
  none(withoutFixtures([part, shared, list], rule, ['a']));
  assert.deepEqual(withoutFixtures([part, shared, list], rule, ['b']), [
    'detectors/a.ts: no fixtures in test/fixtures/detectors/a/',
  ]);
});
