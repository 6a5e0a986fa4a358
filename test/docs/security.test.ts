/** The hostile table of docs/security.md cannot lie: its tests are there, and what it says to look at is too. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { BRAKES } from '../../responders/brakes/list.ts';

const ROOT = path.join(import.meta.dirname, '../..');

function read(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}

/** Cells of each row below the head of the table. */
function rows(): string[][] {
  const [, section] = read('docs/security.md').split('## The hostile table\n');
  const lines = section!.split('\n## ')[0]!.split('\n');
  return lines
    .filter((line) => line.startsWith('| **'))
    .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')));
}

/** Names of the tests of a file that run; what a template fills in may be anything. */
function testsOf(file: string): RegExp[] {
  const names = read(file).matchAll(/^\s*(?:test|it)\(\s*(['"`])((?:\\.|(?!\1).)*)\1/gm);
  return [...names].map(([, , name]) => {
    const parts = name!.replaceAll(/\\(.)/g, '$1').split(/\$\{[^}]*\}/);
    const literal = parts.map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${literal.join('.+')}$`);
  });
}

const ATTEMPTS = [
  ...['forged identity', 'forwarded-for', 'request id', 'future', 'decoy', '100 free keys'],
  ...['poisoning', 'public key', 'approval replayed', 'markup'],
];

test('the hostile table has a row for each attempt, and each row is whole', () => {
  const attackers = rows().map(([attacker]) => attacker!.toLowerCase());
  for (const attempt of ATTEMPTS) {
    assert.equal(attackers.filter((words) => words.includes(attempt)).length, 1, attempt);
  }
  for (const cells of rows()) {
    assert.equal(cells.length, 4, cells[0]);
    for (const cell of cells) assert.notEqual(cell.trim(), '', cells[0]);
  }
});

test('every test that the table names exists under that name in that file', () => {
  for (const [attacker, , , shownBy] of rows()) {
    const named = [...shownBy!.matchAll(/`(test\/[^`]+\.test\.ts)`: “([^”]+)”/g)];
    assert.ok(named.length > 0, attacker);
    assert.equal(named.length, shownBy!.split('; ').length, `${attacker}: all of the cell is read`);
    for (const [, file, name] of named) {
      const found = testsOf(file!).some((pattern) => pattern.test(name!));
      assert.ok(found, `${file} has no test “${name}”`);
    }
  }
});

test('metrics and brakes that the table names exist', () => {
  const metrics = read('docs/metrics.md');
  const brakes = new Set<string>(BRAKES.map(({ id }) => id));
  for (const [, , where] of rows()) {
    for (const [name] of where!.matchAll(/keyhound_\w+/g)) {
      assert.ok(metrics.includes(`| \`${name}\` |`), name);
    }
    const [, held] = /`heldBy`: `([^`]+)`/.exec(where!) ?? [];
    if (held !== undefined) assert.ok(brakes.has(held), held);
  }
});
