/** The sample in README.md is what the program prints, but for the time it took. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

const ROOT = path.join(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'keyhound-readme-'));
after(() => rmSync(folder, { recursive: true }));

function node(main: string, args: string): string {
  const words = ['--disable-warning=ExperimentalWarning', path.join(ROOT, main)];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...words, ...args.split(' ')], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: folder, XDG_CONFIG_HOME: folder },
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

function withoutDuration(text: string): string {
  return text.replace(/ in (\d+m )?[\d.]+s,/, ' in …,');
}

test('the sample of the README is what its own commands print now', () => {
  const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8');
  const sample = /^\$ npm start --silent -- (replay .*)\n([\s\S]*?)^```/m.exec(readme);
  const traffic = /`npm run traffic -- ([^`]*)`/.exec(readme);
  assert.ok(sample !== null && traffic !== null);
  node('traffic/main.ts', traffic[1]!.replaceAll('\n', ' '));
  writeFileSync(path.join(folder, 'keyhound.yaml'), 'keys: keys.json\n');
  const printed = node('cli/main.ts', sample[1]!);
  assert.equal(withoutDuration(sample[2]!), withoutDuration(printed));
});
