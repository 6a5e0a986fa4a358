/**
 * Contract of a detector: one file, one frozen object.
 *
 * Per event of a subject the engine calls, in this order: `observe` of every detector (score first), `describe`
 * of those whose score opens or raises a finding, then `learn` of every detector (learn second). Nothing here
 * may read a clock, draw a random number, do I/O or keep state outside its layout; O(1) an event.
 */
import type { z } from 'zod';
import type { KeyEntry } from '../core/config.ts';
import type { ApiEvent, Route } from '../core/event.ts';
import type { Facts, Family } from '../core/finding.ts';
import type { NetworksBaseline } from './baselines/networks.ts';
import type { PlacesBaseline } from './baselines/places.ts';
import type { Prior } from './baselines/prior.ts';
import type { RateBaseline } from './baselines/rate.ts';
import type { Need } from './engine/carried.ts';
import type { Layout, StateOf } from './engine/layout.ts';

/** The subject at hand, as all detectors may read it. */
export interface Subject {
  readonly rate: RateBaseline;
  readonly places: PlacesBaseline;
  readonly networks: NetworksBaseline;
  /** What the registry says of the key, if anything. */
  readonly entry: KeyEntry | undefined;
  /** The registry's entry that names this key as its predecessor, if any: the key is retired. */
  readonly successor: KeyEntry | undefined;
  /** IANA zone declared for the key or its consumer; '' when nobody did: people are told UTC then. */
  readonly timeZone: string;
  /** What its peers are like, as known at the event at hand. A detector that reads it says `usesPrior`. */
  readonly prior: Prior;
  /** Instant of the first event, epoch ms; of its predecessor's where it has inherited the baseline. */
  readonly firstAt: number;
  /** Instant of the latest event before the one at hand, epoch ms; `firstAt` before the second. */
  readonly lastAt: number;
  /** Attested events before this one. */
  readonly events: number;
  /** Whole second of the event at hand, epoch seconds; for a late event the second of the latest one. */
  readonly second: number;
  /** Age of the event at hand behind the subject's latest, seconds; 0 unless late. */
  readonly age: number;
  /** How much of this event may be learned: 1, or less while under suspicion. */
  readonly weight: number;
  /** The event's route, with names for segments that were found variable: `/users/{name}`. */
  readonly route: Route;
}

/** What a detector has to say for a score: numbers, and a sentence that a person can check. */
export interface Evidence {
  /** Begin of what is abnormal, epoch ms. */
  readonly fromAt: number;
  readonly observed: Facts;
  readonly expected: Facts;
  readonly why: string;
  /**
   * What exactly it is about, e.g. the route: a false alarm is remembered for this alone. Left out: the texts in
   * `observed`.
   */
  readonly about?: string;
  /** What the score is made of, as relative weights; the engine scales them to add up to the score. */
  readonly parts: readonly { readonly name: string; readonly score: number }[];
}

export interface DetectorSettings {
  readonly enabled: boolean;
}

/** Judges absence, which no event reports. Must not write to any state. */
export interface Absence<L extends Layout, C> {
  /** False while this subject's silence cannot be judged, e.g. for want of a baseline. */
  ready(subject: Subject, config: C): boolean;
  /**
   * First second in (last event, until] at which absence is remarkable, or -1. When found, `scoreAt` and
   * `describeAt` speak of that second until the next call.
   */
  find(subject: Subject, state: StateOf<L>, until: number, config: C): number;
  scoreAt(): number;
  describeAt(subject: Subject, state: StateOf<L>, second: number, config: C): Evidence;
  /** True when something may have been found in a gap before an event at `second`: a cheap bound. */
  suspects(subject: Subject, state: StateOf<L>, second: number, config: C): boolean;
}

export interface Detector<
  L extends Layout = Layout,
  C extends DetectorSettings = DetectorSettings,
> {
  readonly id: string;
  /** Grows when the layout or its meaning changes. */
  readonly version: number;
  readonly family: Family;
  readonly summary: string;
  /** Highest risk this detector may reach with no second family beside it; Infinity when it may stand alone. */
  readonly aloneMax: number;
  /** Settings with unit, default, bounds and description. */
  readonly config: z.ZodType<C>;
  readonly layout: L;
  /** The findings depend on the geography data, so its version is recorded with them. */
  readonly usesPlaces: boolean;
  /** Older geography data degrades it, days. Default 365. */
  readonly placesDaysMax?: number;
  /** What a record must carry; a key whose records lack it is unprotected by this detector. Default nothing. */
  readonly needs?: readonly Need[];
  /** Why nothing can be judged of this key until somebody declares more of it; undefined when it can. */
  undeclared?(subject: Subject): string | undefined;
  /** What it has learned of the key that people may want to know, for `keys show`. */
  learned?(state: StateOf<L>, subject: Subject): Facts;
  /** A score may depend on `subject.prior` at any age of the key: recorded with the findings. */
  readonly usesPrior?: boolean;
  /**
   * Fields of the layout whose medians over the peers a new key's record starts with, after `init`. Only values
   * that mean the same for every key of a kind, e.g. the law of the worst hour.
   */
  readonly fromPeers?: readonly (keyof L & string)[];
  /** Distinct (method, route) of the subject's first minute, by which a prior measures routesPerMinute. */
  routesInFirstMinute?(state: StateOf<L>): number;
  /** True when a failed, claimed use of a known key is shown to `observe` (never to `learn`). */
  readonly seesFailures: boolean;
  init(state: StateOf<L>, config: C): void;
  /** An incident of the subject has closed: what was told of it must not be told again by the next event alone. */
  closed?(state: StateOf<L>): void;
  /** Instant from which this subject's baseline may be trusted, epoch ms: past when it is ready, else estimated. */
  readyAt(subject: Subject, config: C): number;
  /** Score of this event, −log10 p, 0 when its gates do not hold. High is anomalous. */
  observe(state: StateOf<L>, event: ApiEvent, subject: Subject, config: C): number;
  describe(state: StateOf<L>, event: ApiEvent, subject: Subject, config: C): Evidence;
  /** Left out by detectors that learn from the shared baselines and finished hours alone. */
  learn?(state: StateOf<L>, event: ApiEvent, subject: Subject, config: C): void;
  /** An hour of the subject's life has ended (see HourListener). */
  hourEnded?(
    state: StateOf<L>,
    subject: Subject,
    hour: { readonly count: number; readonly expected: number; readonly weight: number },
    config: C,
  ): void;
  readonly absence?: Absence<L, C>;
  /** Turns a record of an older version into this one; answers false to refuse. */
  migrate?(state: StateOf<L>, version: number): boolean;
}

/** When a key is as old as this and has made as many requests, at the rate it has now; epoch ms. */
export function agedAt(subject: Subject, ageMs: number, requestsMin: number): number {
  const at = subject.firstAt + ageMs;
  const missing = requestsMin - subject.events;
  return missing <= 0 ? at : Math.max(at, subject.lastAt + (missing / subject.rate.base()) * 1000);
}

/** Keeps the layout's and settings' types while a detector is written; erased to Detector in the list. */
export function defineDetector<L extends Layout, C extends DetectorSettings>(
  detector: Detector<L, C>,
): Detector {
  return Object.freeze(detector) as unknown as Detector;
}
