/** Alerts: messages to people, and the contract of the channels that carry them. */
import type { z } from 'zod';
import type { Severity, SubjectName } from './finding.ts';

export const ALERT_KINDS = [
  'incident',
  'action',
  'approval',
  'health',
  'heartbeat',
  'test',
] as const;
/** `health`: about Keyhound itself (lag, a silent source, a spent budget, audit that cannot be written). */
export type AlertKind = (typeof ALERT_KINDS)[number];

export interface Alert {
  /** One thing that people are told about, e.g. the incident's id: the dedup key of channels. */
  readonly id: string;
  /** A higher one replaces what was said before. */
  readonly revision: number;
  readonly kind: AlertKind;
  readonly state: 'firing' | 'resolved';
  readonly severity: Severity;
  readonly subject?: SubjectName;
  /** Whose key it is: alerts of a consumer are told together. Absent where nobody knows. */
  readonly consumer?: string;
  /** One line; attackers' text may be in it: each channel escapes for its sink (design.md §4.9). */
  readonly title: string;
  /** Sentences, one a line. */
  readonly text: string;
  /** Name and value, in order. */
  readonly facts: readonly (readonly [string, string])[];
  /** What was done, e.g. `throttled to 5 a minute at kong until …, contained in 4.2 s`. */
  readonly done: readonly string[];
  /** Command that takes it back. */
  readonly undo?: string;
  /** Wall clock, epoch ms. */
  readonly at: number;
  /** Alerts of kind `action` that it goes on with: who was told of one is told of this one under that id. */
  readonly follows?: readonly string[];
  /** Until then it may wait for what belongs to it, epoch ms. */
  readonly waitUntilAt?: number;
}

/** What a channel sends in one request. */
export interface ChannelMessage {
  /** Same for every try: the receiver's idempotency key. */
  readonly id: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export type SendResult =
  | { readonly sent: true }
  /** `permanent`: no retry helps (dead letter, second channel). */
  | {
      readonly sent: false;
      readonly permanent: boolean;
      readonly retryAfterMs?: number;
      readonly reason: string;
    };

export interface Channel {
  readonly name: string;
  readonly kind: string;
  /** Messages a second it bears. */
  readonly perSecond: number;
  /** Alerts that a message names; 1 where the receiver keeps each by itself. */
  readonly alertsMax: number;
  /** Messages of a group that may wait at once; what comes beyond is only counted in the last one's `more`. */
  readonly waitingMax: number;
  /** What is said again of an alert replaces what was said before at the receiver, so that it wakes nobody. */
  readonly replaces: boolean;
  /** Pure. `alerts` are grouped; `more` further ones were left out: the message says so. */
  render(alerts: readonly Alert[], more: number): ChannelMessage;
  /** Never throws; answers within 10 s. */
  send(message: ChannelMessage, signal: AbortSignal): Promise<SendResult>;
}

/** One file of responders/channels/ exports one of these; responders/channels/list.ts names them all. */
export interface ChannelKind<C = unknown> {
  readonly kind: string;
  readonly summary: string;
  /** Settings beside `name` and `kind`; strict. */
  readonly config: z.ZodType<C>;
  create(config: C, tools: ChannelTools): Channel;
}

export interface ChannelTools {
  readonly name: string;
  now(): number;
  /** Where `log` writes. */
  log(facts: object, text: string): void;
}

/** A message on its way; plain JSON. */
export interface Delivery {
  readonly id: string;
  readonly channel: string;
  /** What its alerts have in common: further ones join it while it waits. */
  readonly group: string;
  readonly alerts: readonly Alert[];
  readonly more: number;
  readonly attempts: number;
  /** Epoch ms. */
  readonly dueAt: number;
  /** When its newest alert came, epoch ms. */
  readonly madeAt: number;
  /** Channels that could not deliver it before. */
  readonly failedAt: readonly string[];
  /** The fallback channel was told already, as this one is late. */
  readonly late?: true;
}

/** What a channel was told of an alert last, so that the same is not told twice, also over a restart. */
export interface Told {
  readonly channel: string;
  readonly alert: string;
  readonly revision: number;
  readonly state: Alert['state'];
  readonly severity: Severity;
  /** Lines of `done` that it had. */
  readonly done: number;
  /** False: it was only counted in a message's `more`. */
  readonly named: boolean;
  /** Id under which it was told, where that is another alert's (Alert.follows). */
  readonly as?: string;
  /** Epoch ms. */
  readonly at: number;
}

/**
 * Deliveries that survive a restart. Drivers: SQLite, Redis. One process at a time delivers from a store. All
 * writes are durable when they resolve.
 */
export interface DeliveryStore {
  putDelivery(delivery: Delivery): Promise<void>;
  removeDelivery(id: string): Promise<void>;
  deliveries(): Promise<Delivery[]>;
  /** Replaces what stands of the same channel and alert. */
  putTold(told: Told): Promise<void>;
  told(): Promise<Told[]>;
  /** Forgets what was told before that instant. */
  removeTold(beforeAt: number): Promise<void>;
}
