/**
 * The response with its roles apart, with all its servers: keys with a week of history, a gateway that asks, two of
 * Kong, a channel, somebody who reports leaks, and two processes that may respond.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Action } from '../../core/action.ts';
import type { Decision } from '../../core/decision.ts';
import { readSecrets, signMessage } from '../../responders/standard-webhooks.ts';
import { type FakeKong, startKong } from '../fakes/kong.ts';
import { startWebhookReceiver, type WebhookReceiver } from '../fakes/webhook-receiver.ts';
import { until } from '../support/until.ts';
import { type Member, type Servers, Stack, startServers } from './stack.ts';

const TOKEN = 'token-of-the-intake-of-this-test';
export const SENDER = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const CHANNEL = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;
const POLICY = `
version: 1
ladder: { suspend: automatic, revoke: automatic }
rules:
  - { name: leak, when: { leak: true }, rung: revoke }
  - { name: all, when: { severityMin: low }, rung: suspend }
`;
const HOUR_MS = 3_600_000;
const DAYS = 7;
const EVERY_MS = HOUR_MS / 3;

/** Its credential at Kong, its consumer and its raw key end alike. */
export const KEYS = {
  stolen: { gateway: 'kong', id: '7f2d1a41-9a89-4ffd-a7d4-e3c6844ded00' },
  leaking: { gateway: 'kong', id: '7f2d1a41-9a89-4ffd-a7d4-e3c6844ded01' },
  leaked: { gateway: 'kong', id: '7f2d1a41-9a89-4ffd-a7d4-e3c6844ded02' },
  orphan: { gateway: 'spare', id: '9e2d1a41-9a89-4ffd-a7d4-e3c6844ded03' },
} as const;
export type KeyName = keyof typeof KEYS;
const NAMES = Object.keys(KEYS) as KeyName[];
/** Behind the gateway that asks. */
export const ASKED = 'keyhound:app';

export const subjectOf = (name: KeyName): string => `kong:${KEYS[name].id}`;
export const rawOf = (name: KeyName): string => `made-up-raw-key-that-is-${name}`;
const consumerOf = (name: KeyName): string =>
  `5f1f5c6e-5a0b-4f0d-9d0e-0a2f0c3f9b${String(NAMES.indexOf(name)).padStart(2, '0')}`;

export interface Told {
  readonly state: string;
  readonly title: string;
  readonly done?: readonly string[];
}

export class RespondScene {
  readonly servers: Servers;
  readonly stack: Stack;
  readonly kong: FakeKong;
  readonly spare: FakeKong;
  readonly channel: WebhookReceiver;
  console!: Member;
  decide!: Member;
  responds: Member[] = [];
  private ingest!: Member;

  private constructor(
    servers: Servers,
    stack: Stack,
    fakes: Pick<RespondScene, 'kong' | 'spare' | 'channel'>,
  ) {
    this.servers = servers;
    this.stack = stack;
    this.kong = fakes.kong;
    this.spare = fakes.spare;
    this.channel = fakes.channel;
  }

  static async open(): Promise<RespondScene> {
    const [servers, kong, spare, channel] = await Promise.all([
      startServers({ elasticsearch: true }),
      startKong(),
      startKong(),
      startWebhookReceiver(CHANNEL, Date.now),
    ]);
    for (const name of NAMES) {
      const { gateway, id } = KEYS[name];
      const to = gateway === 'kong' ? kong : spare;
      const consumer = { id: consumerOf(name) };
      to.consumers.set(consumer.id, { ...consumer, username: name });
      to.addCredential({ id, key: rawOf(name), consumer });
    }
    const at = (name: string, { url }: FakeKong, keys: string) => {
      return { name, kind: 'kong', urls: [url], settleMs: 1000, keys: [keys] };
    };
    const trusted = { kind: 'http', token: TOKEN, trust: 'act' };
    const stack = new Stack(servers, {
      prefix: 'responds',
      // With more of them a week is read as slowly as they hear of each other.
      partitions: 1,
      sources: [
        { ...trusted, name: 'web', format: 'keyhound' },
        { ...trusted, name: 'kong', format: 'kong' },
      ],
      settings: {
        policy: 'policy.yaml',
        gateways: [
          { name: 'edge', kind: 'decide', keys: ['keyhound:'] },
          at('kong', kong, 'kong:7f2d'),
          at('spare', spare, 'kong:9e2d'),
        ],
        decide: { keyId: { header: 'X-Credential', gateway: 'keyhound' } },
        channels: [
          { name: 'soc', kind: 'webhook', url: channel.url, secret: CHANNEL, severity: 'info' },
        ],
        hooks: { leak: [{ name: 'scanner', secret: SENDER }] },
      },
    });
    const scene = new RespondScene(servers, stack, { kong, spare, channel });
    await scene.start().catch(async (error: unknown) => {
      await scene.end();
      throw error;
    });
    return scene;
  }

  private async start(): Promise<void> {
    const { stack } = this;
    await stack.createTopics();
    const folders = ['respond-a', 'respond-b'].map((name) => path.join(stack.folder, name));
    for (const folder of folders) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(path.join(folder, 'policy.yaml'), POLICY);
    }
    const starting = [
      stack.start('detect'),
      stack.start('console'),
      stack.start('ingest').then(async (ingest) => {
        this.ingest = ingest;
        await this.history();
        return ingest;
      }),
      stack.start('decide'),
      ...folders.map((folder) => stack.start('respond', folder)),
    ];
    const [, console1, , decide, ...responds] = await Promise.all(starting);
    this.console = console1!;
    this.decide = decide!;
    this.responds = responds;
    const subjects = async () =>
      (JSON.parse(await this.console.get('/api/v1/summary')) as { subjects: number }).subjects;
    await until(subjects, (count) => count === NAMES.length + 1);
  }

  /** A week of every key, from home. */
  private async history(): Promise<void> {
    const now = Date.now();
    const kong: string[] = [];
    const web: string[] = [];
    for (let at = now - DAYS * 24 * HOUR_MS; at < now - EVERY_MS; at += EVERY_MS) {
      for (const [i, name] of NAMES.entries()) kong.push(record(name, HOME, 200, at + i * 1000));
      web.push(use(at));
    }
    await this.push('kong', kong);
    await this.push('web', web);
  }

  /** The owner's own use. */
  good(name: KeyName): Promise<void> {
    return this.push('kong', [record(name, HOME, 200, Date.now())]);
  }

  /** A thief's, from afar, and what Kong answers. */
  bad(name: KeyName, status = 200): Promise<void> {
    return this.push('kong', [record(name, AFAR, status, Date.now())]);
  }

  private async push(format: string, lines: readonly string[]): Promise<void> {
    const name = format === 'web' ? 'keyhound' : format;
    const answer = await fetch(`${this.ingest.intake}/intake/${name}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}` },
      body: lines.join('\n'),
    });
    assert.equal(answer.status, 200);
  }

  /** The word that the gateway that asks is given. */
  async decided(): Promise<string> {
    const answer = await fetch(`${this.decide.decide}/decide/nginx`, {
      headers: { 'x-credential': 'app', 'x-original-uri': '/v1/orders' },
    });
    return answer.headers.get('x-keyhound-decision') ?? `status ${answer.status}`;
  }

  alerts(): Told[] {
    return [...this.channel.messages.values()].flatMap(
      ({ data }) => data.alerts as unknown as Told[],
    );
  }

  isTold(line: RegExp): boolean {
    return this.alerts().some(({ done = [] }) => done.some((one) => line.test(one)));
  }

  async end(): Promise<void> {
    await this.stack.end();
    await Promise.all([this.kong.close(), this.spare.close(), this.channel.close()]);
    await this.servers.stop();
  }
}

/** The one that responds, of several. */
export async function responding(members: readonly Member[]): Promise<Member> {
  const found = await until(() =>
    members.find((member) => /"this process responds"/.test(lastWord(member))),
  );
  return found!;
}

/** A report of a leak to the one that responds; its status. */
export async function report(
  to: Member,
  body: object,
  { secret = SENDER, id = 'msg_1', at = Date.now() } = {},
): Promise<number> {
  const [, hooks] = await to.child.told(/"hooks":"([^"]*)"/);
  const text = JSON.stringify(body);
  const headers = { ...signMessage({ id, body: text }, readSecrets(secret), at) };
  return (await fetch(`${hooks}/hooks/leak`, { method: 'POST', headers, body: text })).status;
}

/** Whether it responds, as it said last. */
function lastWord({ child }: Member): string {
  const words = child.stderr.match(/"this process responds( no more[^"]*)?"/g) ?? [];
  return words.at(-1) ?? '';
}

const HOME = '81.169.145.7';
const AFAR = '175.45.176.9';

function record(name: KeyName, from: string, status: number, at: number): string {
  const consumer = { id: consumerOf(name), username: name };
  return JSON.stringify({
    started_at: Math.round(at),
    client_ip: from,
    request: { method: 'GET', uri: '/v1/orders', headers: { apikey: rawOf(name) } },
    response: { status, headers: {} },
    latencies: { request: 12 },
    // A key that Kong does not know any more is nobody's.
    ...(status === 401 ? {} : { authenticated_entity: { id: KEYS[name].id }, consumer }),
  });
}

function use(at: number): string {
  return JSON.stringify({ at, keyId: 'app', status: 200, clientIp: HOME, path: '/v1/orders' });
}

export const actionsOf = async (member: Member): Promise<Action[]> =>
  (JSON.parse(await member.get('/api/v1/actions')) as { actions?: Action[] }).actions ?? [];
export const decisionsOf = async (member: Member): Promise<Decision[]> =>
  (JSON.parse(await member.get('/api/v1/decisions')) as { decisions?: Decision[] }).decisions ?? [];

/** Of policy, in effect. */
export async function standingOf(member: Member, subject: string): Promise<Decision | undefined> {
  const all = await decisionsOf(member);
  return all.find((one) => one.subject.id === subject && one.state === 'standing');
}

export async function actionOf(member: Member, subject: string): Promise<Action | undefined> {
  return (await actionsOf(member)).find((one) => one.subject.id === subject);
}
