/** What people say to a running instance holds at once, and after it was killed. */
import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import type { RuleLine } from '../../core/control.ts';
import type { Incident } from '../../core/finding.ts';
import { finish, scratch } from './keyhound.ts';
import { configure, type Service, serve, tokenOf } from './service.ts';

const FROM_AT = Date.parse('2026-03-01T00:00:00Z');
const SECOND = 1000;
let sent = 0;

/** One use a second from where the last ended. */
function uses(count: number, status: (i: number) => number): string {
  const lines = Array.from({ length: count }, (_, i) => {
    const at = FROM_AT + (sent + i) * SECOND;
    return JSON.stringify({ at, keyId: 'app', status: status(i), clientIp: '198.51.100.7' });
  });
  sent += count;
  return `${lines.join('\n')}\n`;
}

async function push(service: Service, body: string): Promise<void> {
  assert.equal((await service.push('web', body)).status, 200);
}

it('closed as a false alarm, silenced, allowed: at once, and after kill -9', async (t: TestContext) => {
  const folder = scratch(t);
  configure(folder, {
    state: { dir: 'state' },
    sources: [{ name: 'web', kind: 'http', format: 'keyhound', token: tokenOf('web') }],
  });
  const command = async (...words: string[]): Promise<string[]> => {
    const { status, stdout, stderr } = await finish([...words, '--json'], { cwd: folder });
    assert.equal(status, 0, stderr);
    return stdout.split('\n').slice(0, -1);
  };
  const incidents = async (): Promise<Incident[]> =>
    (await command('incidents')).map((line) => JSON.parse(line) as Incident);

  const first = await serve(t, folder);
  await push(
    first,
    uses(4000, (i) => (i % 400 === 0 ? 403 : 200)),
  );
  await push(
    first,
    uses(60, (i) => (i % 2 === 0 ? 403 : 200)),
  );
  await first.applied(4060);
  const [opened, ...others] = await incidents();
  assert.deepEqual(
    [opened?.subject.id, opened?.closedAt, others.length],
    ['keyhound:app', null, 0],
  );
  const close = ['incidents', 'close', opened!.id, '--as', 'false-alarm', '--reason', 'ours'];
  const [closed] = (await command(...close)).map((line) => JSON.parse(line) as Incident);
  assert.equal(closed?.closedAs, 'false-alarm');
  const silence = ['silence', 'add', '--subject', 'keyhound:app', '--detector', 'volume-spike'];
  const [silenced] = await command(...silence, '--for', '1h', '--reason', 'load test');
  // What was answered is on disk, though the next checkpoint is seconds away.
  first.child.kill('SIGKILL');
  await first.child.ended;

  const second = await serve(t, folder);
  assert.deepEqual(await command('silence', 'list'), [silenced]);
  await push(
    second,
    uses(2000, () => 200),
  );
  await push(
    second,
    uses(40, (i) => (i % 2 === 0 ? 403 : 200)),
  );
  const summary = await second.applied(2040);
  assert.ok(Number((summary['heldBack'] as Record<string, number>)['remembered']) > 0);
  const [again, ...more] = await incidents();
  assert.deepEqual([again?.id, again?.closedAs, more.length], [opened!.id, 'false-alarm', 0]);
  const { id } = JSON.parse(silenced!) as RuleLine;
  await command('silence', 'remove', id, '--reason', 'over');
  assert.deepEqual(await command('silence', 'list'), []);
  await second.stop();
  assert.deepEqual(await command('silence', 'list'), []);
});
