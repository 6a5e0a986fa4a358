/** The image: what goes into it, who runs it. No engine is at hand where this runs. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../../deploy/native/settings.ts';
import { readSources } from '../tidy/files.ts';
import { importsOf } from '../tidy/imports.ts';
import { readText } from './compose.ts';

const text = readText('Dockerfile').replaceAll(/\\\n/g, ' ');
const stages = text.split(/^(?=FROM )/m).slice(1);
const last = stages.at(-1) ?? '';
const allowed = readText('.dockerignore')
  .split('\n')
  .filter((line) => line.startsWith('!'))
  .map((line) => line.slice(1));

test('it is built in one stage and runs in another, without what only building needs', () => {
  assert.equal(stages.length, 2);
  assert.match(stages[0]!, /npm ci .*npm prune --omit=dev/s);
  assert.doesNotMatch(last, /npm (?:ci|install)/);
});

test('a user without rights runs it, and nothing that user owns is a program', () => {
  const user = /^USER (\S+)$/m.exec(last)?.[1];
  assert.ok(user !== undefined && user !== 'root' && user !== '0');
  assert.ok(last.lastIndexOf('USER ') > last.lastIndexOf('RUN '), 'root again after USER');
  for (const line of last.match(/^COPY .*$/gm) ?? []) assert.match(line, /--chown=root:root/);
});

test('it has a health check, and takes signals itself', () => {
  assert.match(last, /^HEALTHCHECK .*CMD \["node", "healthcheck.mjs"\]$/m);
  assert.match(last, /^ENTRYPOINT \["node", /m);
});

test('the engine gets what the program imports, and neither secrets nor local packages', () => {
  const files = new Map(readSources().map((file) => [file.path, file]));
  const queue = ['cli/main.ts'];
  const reached = new Set<string>();
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    const file = files.get(at);
    if (file === undefined || reached.has(at)) continue;
    reached.add(at);
    queue.push(...importsOf(file));
  }
  for (const file of reached) {
    assert.ok(allowed.includes(file.split('/')[0]!), `.dockerignore keeps ${file} out`);
  }
  assert.match(readText('.dockerignore'), /^\*$/m);
  for (const one of allowed) {
    assert.ok(existsSync(path.join(ROOT, one)), one);
    assert.doesNotMatch(one, /secret|node_modules|^\.|^deploy$/, one);
  }
});
