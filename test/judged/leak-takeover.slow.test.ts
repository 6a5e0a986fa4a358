/**
 * Reports of leaks while another process takes over from the one that responds: whatever was answered with 202 is
 * carried out, by the one or the other (promise 4).
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { hashedIdentity } from '../../enrich/digest.ts';
import { loadPepper } from '../../enrich/pepper.ts';
import { until } from '../support/until.ts';
import { PEPPER } from './keyhound.ts';
import { report, responding, SENDER } from './respond-scene.ts';
import { type Member, type Servers, Stack, startServers } from './stack.ts';

/** Of one message: handing them on takes a while, in which the process is told to end. */
const KEYS = 80;
const POLICY = `
version: 1
ladder: { suspend: automatic }
rules: [{ name: leak, when: { leak: true }, rung: suspend }]
`;

let servers: Servers;
let stack: Stack;
const members: Member[] = [];

const tokensOf = (name: string): string[] =>
  Array.from({ length: KEYS }, (_, i) => `made-up-raw-key-of-${name}-${i}`);
const { key: pepper } = loadPepper({
  env: { KEYHOUND_PEPPER: PEPPER },
  stateDir: undefined,
  mayCreate: false,
});

function idOf(token: string): string {
  const bytes = Buffer.from(token);
  return hashedIdentity(pepper, bytes, 0, bytes.length).id;
}

async function startResponding(folder = path.join(stack.folder, `respond-${members.length}`)) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'policy.yaml'), POLICY);
  const member = await stack.start('respond', folder);
  members.push(member);
  return member;
}

before(async () => {
  servers = await startServers({ elasticsearch: false });
  const tokens = ['ending', 'frozen', 'woken'].flatMap(tokensOf);
  stack = new Stack(servers, {
    prefix: 'taken-over',
    partitions: 1,
    sources: [],
    settings: {
      policy: 'policy.yaml',
      keys: tokens.map((token) => ({ id: idOf(token) })),
      gateways: [{ name: 'edge', kind: 'decide', keys: ['h:'] }],
      hooks: { leak: [{ name: 'scanner', secret: SENDER, perHourMax: 1000 }] },
    },
  });
  await stack.createTopics();
});

after(async () => {
  await stack?.end();
  await servers?.stop();
});

/** As its desk knows them: what is only kept would be acted upon, and given back by nobody. */
async function standingAt(member: Member): Promise<number> {
  return (JSON.parse(await member.get('/api/v1/response')) as { standing: number }).standing;
}

const suspended = (member: Member, keys: number) =>
  until(
    () => standingAt(member),
    (standing) => standing === keys,
  );

const body = (name: string) => tokensOf(name).map((token) => ({ token }));

test('a process that is told to end right after its answer leaves the rest to the next one', async () => {
  const first = await startResponding();
  await responding([first]);
  const second = await startResponding();
  assert.equal(await report(first, body('ending'), { id: 'msg_ending' }), 202);
  first.child.kill('SIGTERM');
  await first.child.ended;
  members.splice(members.indexOf(first), 1);
  await responding([second]);
  await suspended(second, KEYS);
});

test('a process that was frozen hands on nothing: neither what it had, nor what came meanwhile', async () => {
  const [frozen] = members;
  const third = await startResponding();
  assert.equal(await report(frozen!, body('frozen'), { id: 'msg_frozen' }), 202);
  frozen!.child.kill('SIGSTOP');
  await responding([third]);
  // Its kernel takes it: it is read when the process wakes up, before that has heard of anything.
  const answered = report(frozen!, body('woken'), { id: 'msg_woken' }).catch(() => 0);
  frozen!.child.kill('SIGCONT');
  const isTaken = (await answered) === 202;
  await suspended(third, isTaken ? 3 * KEYS : 2 * KEYS);
  await until(() => /"this process responds no more/.test(frozen!.child.stderr));
});
