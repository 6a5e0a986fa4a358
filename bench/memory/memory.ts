/**
 * `npm run bench -- memory`: whether memory grows. The distributed form, each role a process of its own, lives through
 * the demo's days: 200 keys with a history, an attack every 40 seconds, a gateway that asks and refuses, people who
 * look at the console. Event time runs ahead of the wall clock, at the pace of the slowest role.
 *
 * First the processes are left alone for a day, and their resident memory is what counts; then each is made to collect
 * every hour for a while, and what it still refers to is what counts: a heap that is not collected looks like one that
 * grows.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DemoModel, modelOf } from '../../app/demo/model.ts';
import { startWebhookReceiver } from '../../test/fakes/webhook-receiver.ts';
import { type Member, type Servers, Stack, startServers } from '../../test/judged/stack.ts';
import { registryEntries } from '../../traffic/registry.ts';
import { createTraffic } from '../../traffic/traffic.ts';
import { loadNow } from '../kafka/processes.ts';
import type { Say } from '../measure.ts';
import { Gateway } from './gateway.ts';
import { caughtUp, collected, type Held, heldBy, INSPECTED } from './role.ts';

export const ROLES = ['ingest', 'detect', 'respond', 'decide', 'console'] as const;
export type RoleName = (typeof ROLES)[number];

export interface MemoryPlan {
  readonly historyDays: number;
  /** Hours of event time before anything counts: caches fill, heaps grow to what they need. */
  readonly warmHours: number;
  /** Hours of event time that count, left alone. */
  readonly hours: number;
  /** And then, with collections. */
  readonly collectedHours: number;
}
export const WHOLE_DAY: MemoryPlan = {
  historyDays: 14,
  warmHours: 12,
  hours: 24,
  collectedHours: 8,
};
export const SOME_HOURS: MemoryPlan = { historyDays: 8, warmHours: 1, hours: 4, collectedHours: 2 };

/** Hours of event time since the warm-up, and bytes. */
export type Point = readonly [hour: number, bytes: number];

export interface RoleMemory {
  readonly resident: readonly Point[];
  readonly live: readonly Point[];
}

export interface MemoryResults {
  readonly plan: MemoryPlan;
  readonly roles: Readonly<Record<RoleName, RoleMemory>>;
  readonly historyLines: number;
  readonly lines: number;
  readonly asked: number;
  readonly refused: number;
  readonly incidents: number;
  readonly actions: number;
  readonly load: number;
}

const HOUR_MS = 3_600_000;
/** Of event time. */
const STEP_MS = 30_000;
const SAMPLE_MS = 600_000;
const LOOK_MS = 120_000;
/** Event time to wall clock, at the most: less where a role does not keep up. */
export const SPEED = 160;
/** By how much what the policy says is shorter: a renewal is work, however much event time lies between. */
export const TERM_SPEED = 40;
const LAG_MAX = 200;
const LAG_LOOK_MS = 100;
const PARTITIONS = 4;
const FUTURE_MS = 7 * 24 * HOUR_MS;

const SECRET = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;

const scaled = (hours: number): string => `${Math.ceil((hours * HOUR_MS) / TERM_SPEED)}ms`;
const often = (perHour: number): number => perHour * SPEED;

/** As the demo acts, with the defaults of time shortened: they count by the wall clock. */
const POLICY = {
  version: 1,
  ladder: { 'throttle-soft': 'automatic', 'throttle-hard': 'automatic', suspend: 'automatic' },
  durations: {
    ...{ 'throttle-soft': scaled(1), 'throttle-hard': scaled(1) },
    ...{ contain: scaled(4), suspend: scaled(0.25) },
  },
  repeat: { within: scaled(24), max: scaled(24) },
  brakes: {
    hold: scaled(0.25),
    budget: { 'throttle-soft': often(60), 'throttle-hard': often(30), suspend: often(10) },
    stale: { coldFor: '1s' },
    // Not less: the fleet is judged by the wall clock's seconds too.
    fleet: { wait: '5s', waitAlone: '5s' },
  },
};

/** What people look at, and where. */
const PAGES: readonly (readonly [RoleName, string])[] = [
  ['console', 'summary'],
  ['console', 'incidents?open=true'],
  ['console', 'actions'],
  ['console', 'keys?limit=50'],
  ['respond', 'response'],
  ['console', 'decisions'],
];

export async function measureMemory(plan: MemoryPlan, say: Say): Promise<MemoryResults> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'keyhound-bench-memory-'));
  const servers = await startServers({ elasticsearch: true });
  const channel = await startWebhookReceiver(SECRET, Date.now);
  const model = modelOf({ days: plan.historyDays }, Date.now());
  const log = path.join(folder, 'access.log');
  const stack = stackOf(servers, model, log, channel.url);
  try {
    await stack.createTopics();
    const members = await startRoles(stack);
    const gateway = new Gateway(model, log);
    gateway.writeHistory();
    const historyLines = gateway.lines;
    say(`memory: ${historyLines} lines of history`);
    await members.ingest.read(gateway.lines);
    for (const role of ROLES) await caughtUp(members[role]);
    const life = new Life(plan, members, gateway, say);
    await life.run(model.endAt);
    const { lines, asked, refused } = gateway;
    const incidents = await sumOf(members.detect, 'keyhound_incidents_count');
    const actions = await sumOf(members.respond, 'keyhound_settled_actions_total');
    const counts = {
      historyLines,
      lines: lines - historyLines,
      asked,
      refused,
      incidents,
      actions,
    };
    return { plan, roles: life.roles, ...counts, load: loadNow() };
  } finally {
    await stack.end();
    await channel.close();
    await servers.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Of a metric with all its labels. */
async function sumOf({ get }: Member, metric: string): Promise<number> {
  const text = await get('/metrics');
  let sum = 0;
  for (const [, value] of text.matchAll(new RegExp(`^${metric}\\{.*\\} (\\d+)$`, 'gm'))) {
    sum += Number(value);
  }
  return sum;
}

function stackOf(servers: Servers, model: DemoModel, log: string, channel: string): Stack {
  const keys = registryEntries(createTraffic({ ...model.options, attacks: [] }), 'kong', undefined);
  return new Stack(servers, {
    prefix: 'memory',
    partitions: PARTITIONS,
    sources: [{ name: 'gateway', kind: 'file', format: 'kong', path: log }],
    settings: {
      keys,
      policy: 'policy.yaml',
      intake: { futureMs: FUTURE_MS },
      gateways: [{ name: 'edge', kind: 'decide', keys: ['kong:'] }],
      channels: [{ name: 'soc', kind: 'webhook', url: channel, secret: SECRET, severity: 'info' }],
      decide: { keyId: { header: 'X-Credential', gateway: 'kong' } },
    },
    env: INSPECTED,
  });
}

async function startRoles(stack: Stack): Promise<Record<RoleName, Member>> {
  const started = ROLES.map(async (role) => {
    const folder = path.join(stack.folder, role);
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, 'policy.yaml'), JSON.stringify(POLICY));
    return [role, await stack.start(role, folder)] as const;
  });
  return Object.fromEntries(await Promise.all(started)) as Record<RoleName, Member>;
}

/** The hours that the roles live through, and what is seen of them. */
class Life {
  readonly roles: Record<RoleName, { resident: Point[]; live: Point[] }>;
  private readonly plan: MemoryPlan;
  private readonly members: Readonly<Record<RoleName, Member>>;
  private readonly gateway: Gateway;
  private readonly say: Say;
  private looks = 0;

  constructor(plan: MemoryPlan, members: Life['members'], gateway: Gateway, say: Say) {
    this.plan = plan;
    this.members = members;
    this.gateway = gateway;
    this.say = say;
    this.roles = Object.fromEntries(
      ROLES.map((role) => [role, { resident: [], live: [] }]),
    ) as unknown as Life['roles'];
  }

  async run(fromAt: number): Promise<void> {
    const { warmHours, hours, collectedHours } = this.plan;
    const endAt = fromAt + (warmHours + hours + collectedHours) * HOUR_MS;
    let dueAt = performance.now();
    for (let at = fromAt; at < endAt; ) {
      at += STEP_MS;
      const uses = this.gateway.serve(at);
      await this.gateway.ask(this.members.decide.decide, uses);
      const passed = at - fromAt;
      if (passed % LOOK_MS === 0) await this.look();
      if (passed % HOUR_MS === 0) await this.hour(passed / HOUR_MS - warmHours);
      else if (passed % SAMPLE_MS === 0) await this.sample(passed / HOUR_MS - warmHours);
      // Who is late does not make up for it.
      dueAt = Math.max(dueAt + STEP_MS / SPEED, performance.now());
      await sleep(dueAt - performance.now());
    }
  }

  /** A person at the console. */
  private async look(): Promise<void> {
    const [role, page] = PAGES[this.looks++ % PAGES.length]!;
    const answer = await this.members[role].get(`/api/v1/${page}`);
    // A server that is overloaded says so; that is no reason to lose the day.
    if (answer.startsWith('{"error"')) this.say(`${page}: ${answer}`);
  }

  private async hour(hour: number): Promise<void> {
    const held = await this.sample(hour);
    if (hour >= this.plan.hours) {
      for (const role of ROLES) {
        this.roles[role].live.push([hour, await collected(this.members[role])]);
      }
    }
    await this.members.ingest.read(this.gateway.lines);
    this.gateway.rotate();
    const each = ROLES.map((role) => {
      const [, live] = this.roles[role].live.at(-1) ?? [];
      const kept = live === undefined ? '' : ` (${mib(live)})`;
      return `${role} ${mib(held[role].resident)}${kept}`;
    });
    this.say(`hour ${hour}, MiB: ${each.join(', ')}`);
  }

  /** Once nobody is far behind. */
  private async sample(hour: number): Promise<Record<RoleName, Held>> {
    for (;;) {
      const held = await heldByAll(this.members);
      const most = Math.max(...ROLES.map((role) => held[role].lag));
      if (most <= LAG_MAX) {
        if (hour >= 0 && hour <= this.plan.hours) {
          for (const role of ROLES) this.roles[role].resident.push([hour, held[role].resident]);
        }
        return held;
      }
      await sleep(LAG_LOOK_MS);
    }
  }
}

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

async function heldByAll(members: Life['members']): Promise<Record<RoleName, Held>> {
  const all = ROLES.map(async (role) => [role, await heldBy(members[role])] as const);
  return Object.fromEntries(await Promise.all(all)) as Record<RoleName, Held>;
}
