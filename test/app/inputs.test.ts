import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadConfig } from '../../app/config.ts';
import { replay } from '../../app/replay.ts';
import { KeyhoundError } from '../../core/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyhound-inputs-'));
after(() => rmSync(folder, { recursive: true }));
process.env['KEYHOUND_PEPPER'] = 'a-pepper-of-more-than-sixteen-bytes';

/** Code and hint of the error with which a replay of these paths ends. */
async function failure(...paths: string[]): Promise<string> {
  const config = loadConfig({ file: undefined, env: {}, cwd: folder });
  const nothing = (): void => {};
  const tells = { onFinding: nothing, onIncident: nothing, onProgress: nothing, onNote: nothing };
  const signal = new AbortController().signal;
  const given = { format: undefined, key: undefined, stateDir: undefined };
  const error = await replay({ paths, config, signal, ...given, ...tells }).then(
    () => assert.fail('it was read'),
    (cause: unknown) => cause,
  );
  assert.ok(error instanceof KeyhoundError, String(error));
  assert.equal(error.kind, 'usage');
  return `${error.code}: ${error.hint}`;
}

test('what cannot be replayed is told by what it is: empty, no log, no format, stdin beside files', async () => {
  writeFileSync(join(folder, 'empty.log'), '');
  writeFileSync(join(folder, 'prose.log'), 'It was a dark and stormy night.\n');
  mkdirSync(join(folder, 'nothing'));
  const at = (name: string): string => join(folder, name);
  assert.match(await failure(at('empty.log')), /^no-log: What is there is empty/);
  assert.match(await failure(at('nothing')), /^no-log: Name a folder that holds logs/);
  assert.match(await failure(at('prose.log')), /^unknown-format: Name the format/);
  assert.match(await failure(at('absent.log')), /^no-such-file: /);
  assert.match(await failure('-', at('prose.log')), /^stdin-alone: /);
});
