/** Deliveries with a clock that is moved by hand, channels that note what they send, and a store as a disk is. */
import type { Alert, Channel, Delivery, DeliveryStore, SendResult } from '../../core/alert.ts';
import { channelSchema } from '../../core/config-response.ts';
import { Deliveries } from '../../responders/deliveries.ts';
import { memoryDeliveries } from '../support/memory-deliveries.ts';
import { sampleAlert } from '../support/response-samples.ts';

export const START = Date.parse('2026-03-01T10:00:00.000Z');
export const OK: SendResult = { sent: true };
export const DOWN = {
  sent: false,
  permanent: false,
  reason: 'ECONNREFUSED',
} as const satisfies SendResult;
export const GONE: SendResult = { sent: false, permanent: true, reason: 'status 404' };

export interface Sent {
  readonly channel: string;
  readonly alerts: readonly Alert[];
  readonly more: number;
  readonly at: number;
}

/** One process over a store that outlives it. */
export class Rig {
  now = START;
  readonly sent: Sent[] = [];
  readonly tries: string[] = [];
  readonly lost: Delivery[] = [];
  readonly storeErrors: unknown[] = [];
  readonly store: DeliveryStore;
  /** Answer of a channel; default: sent. */
  readonly answers = new Map<string, SendResult | (() => Promise<SendResult>)>();
  deliveries!: Deliveries;
  readonly settings: readonly object[];
  readonly bounds: Partial<Channel>;
  readonly signal = new AbortController().signal;

  constructor(
    settings: readonly object[],
    bounds: Partial<Channel> = {},
    store: DeliveryStore = memoryDeliveries(),
  ) {
    this.settings = settings;
    this.bounds = bounds;
    this.store = store;
    this.start();
  }

  start(): void {
    const channels = this.settings.map((one) => {
      const config = channelSchema.parse({ kind: 'log', ...one });
      return { config, channel: this.#channel(config.name) };
    });
    this.deliveries = new Deliveries({
      channels,
      store: this.store,
      clock: { now: () => this.now },
      random: () => 1,
      facts: () => [['keys', '12']],
      onLost: (_channel, delivery) => this.lost.push(delivery),
      onStoreError: (error) => this.storeErrors.push(error),
    });
  }

  #channel(name: string): Channel {
    return {
      name,
      kind: 'log',
      perSecond: 1,
      alertsMax: 3,
      waitingMax: 1,
      replaces: false,
      ...this.bounds,
      render: (alerts, more) => ({ id: 'm', body: JSON.stringify({ alerts, more }), headers: {} }),
      send: async ({ body }) => {
        this.tries.push(name);
        const answer = this.answers.get(name) ?? OK;
        const result = typeof answer === 'function' ? await answer() : answer;
        if (result.sent) this.sent.push({ channel: name, at: this.now, ...JSON.parse(body) });
        return result;
      },
    };
  }

  /** The channel's next message waits for an answer: given by what this resolves to, once it is on its way. */
  hold(name: string): Promise<(result: SendResult) => void> {
    return new Promise((begun) => {
      this.answers.set(name, () => {
        this.answers.delete(name);
        return new Promise((answer) => begun(answer));
      });
    });
  }

  async tell(...alerts: readonly Partial<Alert>[]): Promise<void> {
    for (const alert of alerts) await this.deliveries.tell(sampleAlert(alert));
  }

  /** Lets time pass, from one due instant to the next. */
  async pass(ms: number): Promise<void> {
    const until = this.now + ms;
    for (;;) {
      const next = await this.deliveries.tick(this.signal);
      if (next > until) break;
      this.now = Math.max(this.now, next);
    }
    this.now = until;
  }

  /** Names of what was sent, e.g. `on-call inc_1/1 inc_2/1 +3`. */
  get told(): string[] {
    return this.sent.map(({ channel, alerts, more }) => {
      const names = alerts.map(({ id, revision }) => `${id}/${revision}`);
      return [channel, ...names, ...(more === 0 ? [] : [`+${more}`])].join(' ');
    });
  }
}
