/** Made traffic through detection, a policy and a gateway that only counts; what came of it, request by request. */
import { Lane, type LaneOptions } from '../../app/backtest/lane.ts';
import type { WatchRequest } from '../../core/control.ts';
import type { Decision } from '../../core/decision.ts';
import { type ApiEvent, createEvent } from '../../core/event.ts';
import { atLeast, type Incident } from '../../core/finding.ts';
import { isActing } from '../../core/ladder.ts';
import type { LoadedState } from '../../core/store.ts';
import { createEngine, type DetectionEngine } from '../../detectors/engine/engine.ts';
import { DEFAULT_AUTOMATIC, type Policy } from '../../responders/policy.ts';
import { createEventFiller } from '../../traffic/api-event.ts';
import type { Label, Traffic, TrafficEvent } from '../../traffic/contract.ts';
import { subjectIdOf } from '../../traffic/write.ts';
import { KeptState } from '../detectors/kept-state.ts';
import { NO_DIRECTORY } from '../support/directory.ts';

const LATENESS_MS = 60_000;

const AFTER_RESTORE = 1_000_000;

/** What became of one labelled attack. */
export interface Attacked {
  readonly label: Label;
  readonly key: string;
  firstBadAt: number;
  lastAcceptedAt: number;
  bad: number;
  badRefused: number;
  /** Since the last one that was accepted. */
  refusedInARow: number;
}

export interface Outcome {
  readonly attacks: readonly Attacked[];
  readonly requests: number;
  readonly requestsOfAttacked: number;
  /** Refused by what was decided, though no thief made them. */
  readonly goodRefused: number;
  readonly goodRefusedOfOthers: number;
  /** Latest revisions. */
  readonly incidents: readonly Incident[];
  readonly decisions: readonly Decision[];
  readonly lane: Lane;
  readonly engine: DetectionEngine;
}

export interface LabOptions extends Partial<LaneOptions> {
  readonly policy?: Policy;
  /** Learned before. */
  readonly state?: LoadedState;
  /** Sources that keys come from, key by key in turn. Default 1. */
  readonly sources?: number;
}

/** When the request comes to us, epoch ms; undefined: never. Must not go back. Default: when it was made. */
export type Arrival = (request: TrafficEvent) => number | undefined;

export class Lab {
  readonly lane: Lane;
  readonly engine: DetectionEngine;
  readonly incidents = new Map<string, Incident>();
  readonly attacks: Attacked[];
  requests = 0;
  requestsOfAttacked = 0;
  goodRefused = 0;
  goodRefusedOfOthers = 0;
  private readonly attacked: ReadonlySet<number>;
  private readonly event: ApiEvent = createEvent();
  private readonly fill = createEventFiller();
  private readonly streams: readonly number[];
  private lastAt = Number.NEGATIVE_INFINITY;
  private readonly kept: KeptState;
  private pending: TrafficEvent | undefined;
  private position = 0;
  private sequence = 0;

  constructor(traffic: Traffic, options: LabOptions = {}) {
    this.lane = new Lane({
      policy: DEFAULT_AUTOMATIC,
      directory: NO_DIRECTORY,
      isCold: options.state === undefined,
      lagMs: () => Math.max(0, this.lane.nowMs - this.lastAt),
      ...options,
    });
    const { lane } = this;
    this.engine = createEngine({
      subjectsMax: 400_000,
      detectors: {},
      directory: NO_DIRECTORY,
      geographyVersion: 'traffic model',
      durable: true,
      onFinding: lane.onFinding,
      onIncident: (incident) => {
        this.incidents.set(incident.id, incident);
        lane.onIncident(incident);
      },
      onVerdict: lane.onVerdict,
    });
    lane.attach({
      observe: (event) => this.engine.observe(event),
      control: (kind, body: WatchRequest) =>
        this.engine.control({ sequence: ++this.sequence, at: body.at, kind, body: { ...body } }),
    });
    this.kept = new KeptState(options.state);
    if (options.state !== undefined) {
      this.engine.restore(options.state);
      // What was said before it was saved is not said again.
      this.sequence = AFTER_RESTORE;
    }
    this.streams = Array.from({ length: options.sources ?? 1 }, (_, i) =>
      this.engine.openStream(`source ${i}`, `source ${i}`, LATENESS_MS),
    );
    for (const stream of this.streams) {
      this.position = Math.max(this.position, this.engine.streams.list[stream]!.applied + 1);
    }
    this.attacked = new Set(traffic.labels.map(({ keyIndex }) => keyIndex));
    this.attacks = traffic.labels.map((label) => ({
      label,
      key: subjectIdOf(traffic.keys[label.keyIndex]!, 'kong', undefined)!,
      firstBadAt: Number.NaN,
      lastAcceptedAt: Number.NaN,
      bad: 0,
      badRefused: 0,
      refusedInARow: 0,
    }));
  }

  /** Applies requests in order, up to an instant; it takes up where it left off with the same iterator. */
  feed(
    requests: Iterator<TrafficEvent>,
    until = Number.POSITIVE_INFINITY,
    arrives: Arrival = ({ at }) => at,
  ): void {
    for (;;) {
      if (this.pending === undefined) {
        const next = requests.next();
        if (next.done === true) return;
        this.pending = next.value;
      }
      if (this.pending.at >= until) return;
      const nowMs = arrives(this.pending);
      if (nowMs !== undefined) this.apply(this.pending, nowMs);
      this.pending = undefined;
    }
  }

  /** A source falls silent, or speaks again, as the watch over the sources tells detection. */
  setSilent(source: number, silent: boolean): void {
    this.engine.setSilent(this.streams[source]!, silent);
    this.lane.settle();
  }

  private apply(request: TrafficEvent, nowMs: number): void {
    const { event, lane, streams } = this;
    this.fill(request, event);
    event.stream = streams[request.key.index % streams.length]!;
    event.position = this.position++;
    // The model delivers nothing twice.
    event.fingerprint0 = 0;
    event.fingerprint1 = 0;
    this.lastAt = Math.max(this.lastAt, request.at);
    const { refusal, wasRefused } = lane.apply(event, nowMs);
    this.count(request, refusal !== undefined, wasRefused);
  }

  /** All that detection knows now. */
  snapshot(): LoadedState {
    this.kept.take(this.engine.checkpoint());
    return this.kept.load();
  }

  private count({ at, key, label }: TrafficEvent, refused: boolean, wasRefused: boolean): void {
    this.requests++;
    if (this.attacked.has(key.index)) this.requestsOfAttacked++;
    if (label < 0) {
      if (!refused) return;
      this.goodRefused++;
      if (!this.attacked.has(key.index)) this.goodRefusedOfOthers++;
      return;
    }
    const attack = this.attacks[label]!;
    attack.bad++;
    if (Number.isNaN(attack.firstBadAt)) attack.firstBadAt = at;
    if (refused) {
      attack.badRefused++;
      attack.refusedInARow++;
    } else if (!wasRefused) {
      attack.lastAcceptedAt = at;
      attack.refusedInARow = 0;
    }
  }

  outcome(): Outcome {
    return {
      attacks: this.attacks,
      requests: this.requests,
      requestsOfAttacked: this.requestsOfAttacked,
      goodRefused: this.goodRefused,
      goodRefusedOfOthers: this.goodRefusedOfOthers,
      incidents: [...this.incidents.values()],
      decisions: [...this.lane.decisions.values()],
      lane: this.lane,
      engine: this.engine,
    };
  }
}

/** Decisions that were in effect at a gateway. */
export function actedOn({ decisions, lane }: Outcome): Decision[] {
  return decisions.filter(({ id, rung }) => isActing(rung) && lane.hasStood(id));
}

/** What people would have been alerted to, by what is known in the end. */
export function alerts({ incidents }: Outcome): Incident[] {
  const ids = new Set(incidents.map(({ id }) => id));
  return incidents.filter(
    ({ severity, partOf = '' }) => atLeast(severity, 'medium') && !ids.has(partOf),
  );
}

/** Nothing of it got through any more from some instant on, ms after its first request; undefined: to its end it did. */
export function containedAfter({ firstBadAt, lastAcceptedAt, refusedInARow }: Attacked) {
  if (refusedInARow < 10) return undefined;
  return Math.max(0, lastAcceptedAt - firstBadAt);
}
