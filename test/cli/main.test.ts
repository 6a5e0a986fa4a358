import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

async function keyhound(words: readonly string[], closeStdout: boolean) {
  const env = { ...process.env, NODE_TEST_CONTEXT: '' };
  const child = spawn(process.execPath, [MAIN, ...words], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  if (closeStdout) child.stdout.destroy();
  else child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  const [status] = (await once(child, 'close')) as [number];
  return { status, stdout, stderr };
}

test('the program tells its version', async () => {
  const { status, stdout } = await keyhound(['--version'], false);
  assert.equal(status, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test('a reader that goes away ends the program quietly', async () => {
  assert.deepEqual(await keyhound(['config', 'docs'], true), { status: 0, stdout: '', stderr: '' });
});

test('an output that takes no more is an error and exit status 1, not a stack trace', async (t) => {
  if (process.platform !== 'linux') return t.skip('needs /dev/full');
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [MAIN, 'config', 'docs'], {
    env: { ...process.env, NODE_TEST_CONTEXT: '' },
    stdio: ['ignore', full, 'pipe'],
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [status] = (await once(child, 'close')) as [number];
  closeSync(full);
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^keyhound: stdout cannot be written \(ENOSPC\) \[output-unwritable\]\nhint: .*\n$/,
  );
});

test('a wrong word is exit status 2 of the process', async () => {
  const { status, stderr } = await keyhound(['kyes'], false);
  assert.equal(status, 2);
  assert.match(stderr, /Did you mean `keyhound keys`/);
});
