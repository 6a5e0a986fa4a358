/** What the commands that look into a state say. */
import assert from 'node:assert/strict';
import { finish } from './keyhound.ts';

const SHOWN = 2;

/** What the commands say about this state, as text and as JSON; each is a process of its own, so of a few only. */
export async function lookups(folder: string): Promise<string> {
  const { stdout } = await finish(['incidents', '--json'], { cwd: folder });
  const ids = [...stdout.matchAll(/"type":"incident","id":"([^"]+)"/g)].map((match) => match[1]!);
  const subjects = [...stdout.matchAll(/"kind":"key","id":"([^"]+)"/g)].map((match) => match[1]!);
  assert.ok(ids.length > 0, stdout);
  const commands = [
    ['incidents'],
    ['keys'],
    ...ids.slice(0, SHOWN).flatMap((id) => [
      ['incidents', 'show', id],
      ['explain', id],
    ]),
    ...subjects.slice(0, SHOWN).map((id) => ['keys', 'show', id]),
  ];
  let told = stdout;
  for (const words of commands) {
    for (const json of [[], ['--json']]) {
      const ended = await finish([...words, ...json], { cwd: folder });
      assert.ok([0, 3].includes(ended.status!), `${words}: ${ended.stderr}`);
      told += ended.stdout + ended.stderr;
    }
  }
  return told;
}
