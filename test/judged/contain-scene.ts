/**
 * Keys with two weeks of history behind a real NGINX that asks the decision endpoint and whose own log is what
 * detection reads: what is attacked there is contained there, or it is not.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Action } from '../../core/action.ts';
import { hashedIdentity } from '../../enrich/digest.ts';
import { pepperKey } from '../../enrich/pepper.ts';
import { ask, documented, replaced, startService } from '../decide/gateway-tools.ts';
import { startNginx } from '../servers/gateways/nginx.ts';
import { freePort, type Gateway } from '../servers/gateways/process.ts';
import { type Child, finish, PEPPER, start } from './keyhound.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;
const DAYS = 14;
/** Every key is used about so often. */
const EVERY_MS = 20 * MINUTE_MS;
/** Between two requests of a thief. */
const PAUSE_MS = 5;
const PATIENCE_MS = 30_000;

/** Acts on the first proof of another place; budgets that a test of hundreds of attacks does not spend. */
const POLICY = `
version: 1
ladder: {throttle-hard: automatic}
rules:
  - {name: place and credential, when: {severityMin: low, families: [place, credential]}, rung: throttle-hard}
limits: {throttle-hard: {factor: 0.01, perMinuteMin: 1, perMinuteUnknown: 1}}
brakes:
  budget: {throttle-hard: 10000, trafficPercent: 100, youngPercent: 100, consumerPercent: 100, reservePercent: 0}
`;

export interface SceneOptions {
  readonly keys: number;
  readonly folder: string;
  after(end: () => void | Promise<void>): void;
}

export interface Attack {
  /** From the end of the first bad request to that of the first one refused, ms. */
  readonly enforcedMs: number;
  readonly key: string;
}

export interface ContainScene {
  readonly child: Child;
  /** A thief with the key of that index, from afar, until a request of theirs is refused. */
  attack(index: number): Promise<Attack>;
  /** One more request of that thief: what is proven of an action is proven by what comes after it. */
  press(index: number): Promise<void>;
  /** The owner's own request: its status. */
  good(index: number): Promise<number>;
  actions(): Promise<readonly Action[]>;
  /** Runs a command beside the instance; its status and what it printed. */
  command(words: readonly string[]): Promise<{ readonly status: number | null; stdout: string }>;
}

export async function containScene(options: SceneOptions): Promise<ContainScene> {
  const { keys, folder, after } = options;
  const port = await freePort();
  const nginx = await startGateway(port, after);
  await learn(folder, keys, port, nginx.logFile);
  const child = start(['run', '--json'], { cwd: folder });
  after(() => child.kill('SIGKILL'));
  await child.told(/"listeners"/);
  const request = (index: number, client: string, agent: string) =>
    ask(nginx.port, {
      key: rawKey(index),
      path: '/v1/orders',
      headers: { 'X-Test-Client': client, 'User-Agent': agent },
    });
  const command = (words: readonly string[]) => finish(words, { cwd: folder });
  return {
    child,
    command,
    good: async (index) => (await request(index, home(index), AGENT)).status,
    // NGINX lets it pass where the endpoint did not answer in 200 ms: a busy machine, not a gap.
    press: async (index) => void (await request(index, afar(index), THIEF)),
    async attack(index) {
      const client = afar(index);
      assert.equal((await request(index, client, THIEF)).status, 200);
      const beganAt = performance.now();
      while (performance.now() - beganAt < PATIENCE_MS) {
        const { status } = await request(index, client, THIEF);
        if (status === 429) {
          return { enforcedMs: performance.now() - beganAt, key: keyId(index) };
        }
        await sleep(PAUSE_MS);
      }
      throw new Error(`not throttled within ${PATIENCE_MS} ms:\n${child.stderr.slice(-4000)}`);
    },
    async actions() {
      const { stdout } = await command(['actions', '--json', '--limit', '10000']);
      const lines = stdout.split('\n').filter((line) => line !== '');
      return lines
        .map((line) => JSON.parse(line) as Action)
        .filter(({ type }) => type === 'action');
    },
  };
}

/** NGINX as documented, but that it believes the test who its client is. */
async function startGateway(port: number, after: SceneOptions['after']): Promise<Gateway> {
  const service = await startService({ after } as never);
  const server = replaced(documented('# nginx: server'), {
    '127.0.0.1:8080': `127.0.0.1:${service.port}`,
    '/var/log/nginx/keyhound.log': 'LOG_FILE',
  });
  const nginx = await startNginx({
    http: replaced(documented('# nginx: http'), { '127.0.0.1:8421': `127.0.0.1:${port}` }),
    server: `set_real_ip_from 127.0.0.1; real_ip_header X-Test-Client;\n${server}`,
  });
  after(() => nginx.remove());
  return nginx;
}

/** Two weeks of history into the state; then the configuration is for NGINX's own log. */
async function learn(folder: string, keys: number, port: number, logFile: string): Promise<void> {
  const logFormat = documented('# nginx: http').split('log_format keyhound ')[1]!.trim();
  const source = {
    ...{ name: 'edge', kind: 'file', format: 'nginx', identity: 'attested', trust: 'act' },
    logFormat: logFormat.replace(/;$/, ''),
  };
  const config = {
    state: { dir: 'state' },
    policy: 'policy.yaml',
    listen: { console: '127.0.0.1:0', intake: '127.0.0.1:0', decide: `127.0.0.1:${port}` },
  };
  const write = (file: string): void => {
    const whole = { ...config, sources: [{ ...source, path: file }] };
    writeFileSync(path.join(folder, 'keyhound.yaml'), JSON.stringify(whole));
  };
  writeFileSync(path.join(folder, 'policy.yaml'), POLICY);
  writeFileSync(path.join(folder, 'history.log'), history(keys));
  write('history.log');
  const replayed = await finish(['replay', '--state', 'state'], { cwd: folder });
  assert.equal(replayed.status, 0, replayed.stderr);
  write(logFile);
}

const AGENT = 'okhttp/4.12.0';
const THIEF = 'curl/8.5.0';
const { key: pepper } = pepperKey(PEPPER);

function rawKey(index: number): string {
  return `scene-key-${String(index).padStart(5, '0')}`;
}

export function keyId(index: number): string {
  const bytes = Buffer.from(rawKey(index));
  return hashedIdentity(pepper, bytes, 0, bytes.length).id;
}

function home(index: number): string {
  return `81.169.${144 + (index % 16)}.${1 + (index % 250)}`;
}

function afar(index: number): string {
  return `175.45.${176 + (index % 4)}.${1 + (index % 250)}`;
}

/** As NGINX would have logged it: every key from its own network, by one client, on one route. */
function history(keys: number): string {
  const now = Date.now();
  const lines: string[] = [];
  for (let at = now - DAYS * DAY_MS; at < now - MINUTE_MS; at += EVERY_MS) {
    for (let index = 0; index < keys; index++) {
      // Spread within the interval, the same way every time.
      const shift = ((index * 7919 + Math.floor(at / EVERY_MS) * 104_729) % 1000) / 1000;
      lines.push(line(index, Math.min(at + shift * EVERY_MS, now - MINUTE_MS)));
    }
  }
  return `${lines
    .sort()
    .map((one) => one.slice(SORT_DIGITS))
    .join('\n')}\n`;
}

const SORT_DIGITS = 14;

function line(index: number, at: number): string {
  const record = {
    msec: (at / 1000).toFixed(3),
    request_id: `${index}-${Math.round(at)}`,
    key: keyId(index),
    decision: 'allow',
    ip: home(index),
    xff: '',
    method: 'GET',
    uri: '/v1/orders',
    status: '200',
    time: '0.012',
    in: '220',
    out: '840',
    ua: AGENT,
  };
  return String(Math.round(at)).padStart(SORT_DIGITS, '0') + JSON.stringify(record);
}
