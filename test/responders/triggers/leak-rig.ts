/** A listener for leak reports over memory, and a sender that signs on its own. */
import { createHmac, randomUUID } from 'node:crypto';
import type { SenderConfig } from '../../../core/config-response.ts';
import { senderSchema } from '../../../core/config-response.ts';
import type { LeakReport } from '../../../core/report.ts';
import { createLeakTrigger, type LeakTrigger } from '../../../responders/triggers/leak.ts';
import { type HooksServer, startHooksServer } from '../../../responders/triggers/server.ts';
import { memoryReports } from '../../support/memory-reports.ts';

export const NOW = Date.parse('2026-03-01T10:00:00.000Z');
export const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
export const OTHER = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;
export const RAW = 'made-up-raw-key-0001';

export interface Post {
  readonly body?: string | Buffer;
  readonly id?: string;
  readonly at?: number;
  readonly secret?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

const SENDERS: readonly object[] = [
  { name: 'scanner', secret: [SECRET] },
  { name: 'acme-only', secret: OTHER, consumers: ['acme'], rung: 'throttle-hard' },
];

/** Signs on its own, as a sender would. */
function sign(secret: string, id: string, timestamp: string, body: Buffer): string {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`;
}

export class Rig {
  now = NOW;
  readonly store = memoryReports();
  readonly reports: LeakReport[] = [];
  readonly errors: unknown[] = [];
  readonly identified: string[] = [];
  blind = false;
  /** Known keys by their raw form. */
  readonly keys = new Map<string, { id: string; consumer: string; isPublic: boolean }[]>();
  failing = false;
  trigger!: LeakTrigger;
  server!: HooksServer;
  readonly senders: readonly SenderConfig[];

  constructor(senders: readonly object[] = SENDERS) {
    this.senders = senders.map((sender) => senderSchema.parse(sender));
    this.know(RAW, 'kong:7f2d', 'acme');
  }

  know(raw: string, id: string, consumer = '', isPublic = false): void {
    this.keys.set(raw, [...(this.keys.get(raw) ?? []), { id, consumer, isPublic }]);
  }

  async start(): Promise<this> {
    const clock = { now: () => this.now };
    this.trigger = createLeakTrigger({
      senders: this.senders,
      store: this.store,
      clock,
      identify: async (raw) => {
        this.identified.push(raw);
        if (this.blind) throw new Error('not now');
        return this.keys.get(raw) ?? [];
      },
      onReport: async (report) => {
        if (this.failing) throw new Error('not now');
        this.reports.push(report);
      },
      onError: (error) => this.errors.push(error),
    });
    this.server = await startHooksServer({
      host: '127.0.0.1',
      port: 0,
      clock,
      triggers: [this.trigger],
      onError: (error) => this.errors.push(error),
    });
    return this;
  }

  async post(change: Post = {}): Promise<Answer> {
    const { body = JSON.stringify({ token: RAW }), id = `msg_${randomUUID()}` } = change;
    const bytes = Buffer.from(body);
    const timestamp = String(Math.floor((change.at ?? this.now) / 1000));
    const headers = {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': sign(change.secret ?? SECRET, id, timestamp, bytes),
      ...change.headers,
    };
    const url = `${this.server.url}/hooks/leak`;
    const answer = await fetch(url, { method: 'POST', headers, body: bytes });
    const { date: _date, ...others } = Object.fromEntries(answer.headers);
    await this.trigger.settled();
    return { status: answer.status, body: await answer.text(), headers: others };
  }
}
