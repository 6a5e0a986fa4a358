/** Words of the traffic model. */
import type { City } from './places.ts';

export const KEY_CLASSES = ['steady', 'noisy', 'bursty', 'cron', 'office'] as const;
export type KeyClass = (typeof KEY_CLASSES)[number];

/** Of these a number of attacks is made up unless kinds are named. */
export const USUAL_ATTACK_KINDS = [
  'stolen-key',
  'error-burst',
  'off-hours',
  'silence',
  'spike',
] as const;
/** What each of them is: `traffic/attacks.ts`. */
export const ATTACK_KINDS = [
  ...USUAL_ATTACK_KINDS,
  'drop',
  'error-share',
  'new-country',
  'impossible-travel',
  'sharing',
  'exfiltration',
  'huge-answer',
  'enumeration',
  'random-ids',
  'scanner',
  'browser',
  'stuffing',
  'spread-stuffing',
  'poisoning',
] as const;
export type AttackKind = (typeof ATTACK_KINDS)[number];

/** What happens to many keys, or to one for good, and is no attack: `traffic/scenarios.ts`. */
export const SCENARIO_KINDS = [
  'deploy-outage',
  'launch',
  'month-end',
  'lag',
  'migration',
  'agent-upgrade',
  'step-growth',
] as const;
export type ScenarioKind = (typeof SCENARIO_KINDS)[number];

/** A host that uses a key. */
export interface Address {
  readonly text: string;
  readonly city: City;
}

export interface Agent {
  /** Name of the family, e.g. `python-requests`. */
  readonly family: string;
  /** The User-Agent header. */
  readonly text: string;
}

export interface RouteProfile {
  readonly id: string;
  readonly name: string;
  readonly service: string;
  readonly method: string;
  /** `/v1/orders/{id}`: `{id}` stands for the number of a resource. */
  readonly template: string;
  /** The path before and after the number; `after` is '' and `numbered` false where there is none. */
  readonly before: string;
  readonly after: string;
  readonly numbered: boolean;
  /** Query without the key, '' or `limit=50`. */
  readonly query: string;
  readonly latencyMedianMs: number;
  /** Sigma of the lognormal. */
  readonly latencySigma: number;
  readonly bytesMedian: number;
  readonly bytesSigma: number;
  /** What an AWS log would call it. */
  readonly awsSource: string;
  readonly awsName: string;
  readonly readOnly: boolean;
}

export interface Consumer {
  readonly id: string;
  readonly name: string;
  readonly customId: string;
  readonly plan: string;
}

/** When a key is used. */
export interface Rhythm {
  /** Rate at the peak is e^amplitude over the middle, at the trough e^-amplitude. */
  readonly amplitude: number;
  /** Local hour of the peak. */
  readonly peakHour: number;
  /** Rate on Saturday and Sunday as a share of a working day's. */
  readonly weekend: number;
  /** cron: minute of the hour at which the job runs. */
  readonly cronMinute: number;
  /** Makes the key's noise its own. */
  readonly salt: number;
}

export interface KeyProfile {
  readonly index: number;
  readonly label: string;
  readonly class: KeyClass;
  /** Mean over a week without novelty, requests per second. */
  readonly rate: number;
  readonly consumer: Consumer;
  /** The gateway's id of the credential (uuid); '' where somebody made a key up that was never issued. */
  readonly credentialId: string;
  readonly accessKeyId: string;
  readonly apiKeyId: string;
  /** Made up, never valid anywhere. */
  readonly rawKey: string;
  readonly home: City;
  readonly addresses: readonly Address[];
  /** Cumulative shares, the last one 1. */
  readonly addressShares: Float64Array;
  readonly agent: Agent;
  readonly routes: readonly RouteProfile[];
  readonly routeShares: Float64Array;
  /** Share of requests that fail in normal life. */
  readonly errorShare: number;
  /** Multiplies the latency of every route. */
  readonly latencyFactor: number;
  readonly rhythm: Rhythm;
  readonly resources: ResourceHabit;
  /** The Origin header of a key that web pages use, else ''. */
  readonly origin: string;
}

/** Which resources a key asks for. */
export interface ResourceHabit {
  /** How many it comes back to, the first of them most often. */
  readonly count: number;
  /** Share of requests that are about the newest ones: their numbers grow with time. */
  readonly freshShare: number;
}

/** How a stretch of requests fails, as shares that add up to at most 1. */
export interface ErrorMix {
  readonly unauthorized: number;
  readonly forbidden: number;
  readonly notFound: number;
  readonly otherClient: number;
  readonly limited: number;
  readonly server: number;
}

/** A change of a key's normal life: novelty, what happened to many keys, or a loss of requests. */
export interface Shift {
  readonly kind: NoveltyKind | ScenarioKind | 'silence' | 'drop' | 'error-share';
  readonly fromAt: number;
  /** Infinity when it is for good. */
  readonly toAt: number;
  /** Multiplies the rate. */
  readonly rateFactor: number;
  /** This share of requests comes from `address`, with `agent`, to `route`, where given. */
  readonly share: number;
  readonly address: Address | undefined;
  readonly agent: Agent | undefined;
  readonly route: RouteProfile | undefined;
  /** How requests of that share fail. */
  readonly errors?: ErrorMix;
}

/** Requests on top of a key's normal ones. What is undefined is as the key itself. */
export interface Burst {
  readonly kind: AttackKind | ScenarioKind | 'retry-storm';
  readonly fromAt: number;
  readonly toAt: number;
  /** Requests per second, Poisson. */
  readonly rate: number;
  readonly address: Address | undefined;
  readonly agent: Agent | undefined;
  readonly errors: ErrorMix | undefined;
  /** Index into `labels`, -1 for innocent bursts. */
  readonly label: number;
  /** One of these at random for each request; instead of `address`. */
  readonly addresses?: readonly Address[];
  /** One of these at random for each request. */
  readonly routes?: readonly RouteProfile[];
  /** Which resources: one after the other from here on, or any of that many. */
  readonly walk?: { readonly order: 'sequential' | 'random'; readonly first: number };
  /** Keys that are tried instead of the key's own: others', or such as nobody was ever given. */
  readonly credentials?: readonly KeyProfile[] | 'made-up';
  /** Multiplies what is answered. */
  readonly bytesFactor?: number;
  /** The Origin header. */
  readonly origin?: string;
  /** One request at `fromAt`, whatever the rate. */
  readonly once?: boolean;
  /** Grows instead of staying at `rate`: (1 + this)^days − 1 times what the key itself makes at the hour. */
  readonly growthPerDay?: number;
}

/** Everything that happens to one key, in the order it was planned. */
export interface KeyLife {
  readonly shifts: Shift[];
  readonly bursts: Burst[];
}

export const NOVELTY_KINDS = [
  'travel',
  'region',
  'client',
  'route',
  'growth',
  'busy-day',
  'retry-storm',
] as const;
export type NoveltyKind = (typeof NOVELTY_KINDS)[number];

export interface Label {
  readonly keyIndex: number;
  readonly kind: AttackKind;
  readonly fromAt: number;
  readonly toAt: number;
  /** Where it came from, `a.b.c.0/24` or `a:b:c:d::/64`, when that is the subject and not the key. */
  readonly network?: string;
  /** Whose keys were tried, when that is the subject. */
  readonly consumer?: string;
}

/** An attack at a chosen place in time. */
export interface AttackSpec {
  readonly kind: AttackKind;
  readonly keyIndex: number;
  /** Epoch ms. */
  readonly fromAt: number;
  /** Default by kind: `ATTACK_DEFAULTS`. */
  readonly durationMs?: number;
  /**
   * All requests during the attack over the normal ones; exfiltration and huge-answer: all bytes over the normal
   * ones, and the answer over a usual one. Default by kind.
   */
  readonly factor?: number;
  /** stolen-key, new-country, impossible-travel: where from. Default: a country new for the key; a far city. */
  readonly country?: string;
  /** Floor of the attack's own rate, requests per second; a thief's tool does not know the key's pace. Default 0. */
  readonly rateMin?: number;
  /** poisoning: growth a day, default 0.05. */
  readonly growthPerDay?: number;
  /** error-share: of all requests of the key, default 0.6. */
  readonly errorShare?: number;
  /** error-share: how they fail. Default one of these by chance. */
  readonly errorClass?: 'forbidden' | 'notFound' | 'server';
  /** stuffing: 4 (a /24) or 6 (a /64). Default by chance. */
  readonly ipVersion?: 4 | 6;
}

/** Something innocent at a chosen place in time. */
export interface ScenarioSpec {
  readonly kind: ScenarioKind;
  /** Epoch ms. */
  readonly fromAt: number;
  /** Default by kind: `SCENARIO_DEFAULTS`; ends are never for migration, agent-upgrade and step-growth. */
  readonly durationMs?: number;
  /** Multiplies the rate. Default by kind. */
  readonly factor?: number;
  /** Which keys. Default: all for deploy-outage and lag, a fifth but at least 20 for the others. */
  readonly keys?: readonly number[];
}

export interface TrafficOptions {
  readonly seed: number;
  readonly keys: number;
  readonly days: number;
  /** Epoch ms. Default 2026-05-04T00:00:00Z, a Monday. */
  readonly fromAt?: number;
  /** That many at random keys in the last part of the span, or exactly these. Default none. */
  readonly attacks?: number | readonly AttackSpec[];
  /** Kinds for a number of attacks. Default USUAL_ATTACK_KINDS. */
  readonly attackKinds?: readonly AttackKind[];
  /** What happens to many keys at once or to one for good. Default nothing. */
  readonly scenarios?: readonly ScenarioSpec[];
  /** Relative weights. Default steady .3, noisy .3, bursty .15, cron .1, office .15. */
  readonly classMix?: Partial<Readonly<Record<KeyClass, number>>>;
  /** Mean rates, requests per second, log-uniform between the two. Default 0.0005 to 0.02. */
  readonly rates?: { readonly min: number; readonly max: number };
  /** Class, rate or share of failed requests of single keys, by index. */
  readonly overrides?: Readonly<
    Record<
      number,
      { readonly class?: KeyClass; readonly rate?: number; readonly errorShare?: number }
    >
  >;
  /** Keys of a consumer, on average. Default 3. */
  readonly keysPerConsumer?: number;
  /** Keys of the first consumer. Default as many as are drawn. */
  readonly firstConsumerKeys?: number;
  /** Innocent novelty, about once a key and month. Default true. */
  readonly novelty?: boolean;
}

/** One request. The object is reused: copy what is to be kept. */
export interface TrafficEvent {
  /** Begin of the request, epoch ms, whole. */
  at: number;
  key: KeyProfile;
  address: Address;
  agent: Agent;
  route: RouteProfile;
  /** Number of the resource in the path; 0 where the route has none. */
  resource: number;
  status: number;
  /** Whole ms. */
  durationMs: number;
  bytesIn: number;
  bytesOut: number;
  /** The Origin header, '' where the client sends none. */
  origin: string;
  /** Random words for a request id. */
  request0: number;
  request1: number;
  /** Index into `labels` when it is part of an attack, else -1. */
  label: number;
}

export interface Span {
  /** Epoch ms, included. Default the traffic's own. */
  readonly fromAt?: number;
  /** Epoch ms, excluded; Infinity goes on for ever. */
  readonly toAt?: number;
}

export interface Traffic {
  readonly fromAt: number;
  readonly toAt: number;
  readonly keys: readonly KeyProfile[];
  readonly labels: readonly Label[];
  /** Innocent changes of a key's life, and silences. */
  shiftsOf(keyIndex: number): readonly Shift[];
  /** All requests in order of time. Every call starts anew; the event is one object, reused. */
  events(span?: Span): IterableIterator<TrafficEvent>;
  /** One key's requests: exactly those of `events` for that key. */
  eventsOfKey(keyIndex: number, span?: Span): IterableIterator<TrafficEvent>;
  /** From an instant on, past the end of the span and without end: for live pacing. */
  streamFrom(at: number): IterableIterator<TrafficEvent>;
  /** Expected requests per second at an instant: rhythm, slow noise and growth; without attacks. */
  normalRateAt(keyIndex: number, at: number): number;
}
