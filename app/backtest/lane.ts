/**
 * One policy on one stream of events: detection, the desk and a gateway that only counts, in a closed loop. What would
 * have been refused is refused for what detection learns, too.
 */
import type { Calendar } from '../../core/calendar.ts';
import type { WatchRequest, WatchVerdict } from '../../core/control.ts';
import type { Decision } from '../../core/decision.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import type { ApiEvent } from '../../core/event.ts';
import type { Finding, Incident } from '../../core/finding.ts';
import type { KeyProfile } from '../../core/key-profile.ts';
import type { ActingRung } from '../../core/ladder.ts';
import type { DeskEnv, DeskHealth } from '../../responders/desk/case.ts';
import type { Desk, DeskNotice } from '../../responders/desk/contract.ts';
import { createDesk } from '../../responders/desk.ts';
import type { Policy } from '../../responders/policy.ts';
import { createPolicyHolder } from '../../responders/policy-holder.ts';
import { Census } from './census.ts';
import { MadeGateway, type Refusal, refuse, wasRefused } from './made-gateway.ts';
import { ASKED, type Reach } from './reach.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
/** In a gap of the history the desk is asked each second for so long, then each minute. */
const CLOSE_LOOK_MS = 300_000;
/** Of a longer gap only its begin and its end are looked at. */
const LOOK_MAX_MS = 2 * 86_400_000;

export interface LaneOptions {
  readonly policy: Policy;
  readonly directory: KeyDirectory;
  readonly calendar?: Calendar | undefined;
  /** Undefined: nobody knows. */
  readonly geographyBuiltAt?: number | undefined;
  /** Detection begins with this history, without a state from before. */
  readonly isCold: boolean;
  /** What gateways can. Default: one that asks per request, and every rung. */
  readonly reach?: Reach;
  /** How far behind the wall clock what is judged is, ms. Default: not at all. */
  lagMs?(): number;
  onDecision?(decision: Decision, nowMs: number): void;
  onNotice?(notice: DeskNotice): void;
}

/** What a lane needs of the engine; its callbacks go to the lane. */
export interface LaneEngine {
  observe(event: ApiEvent): void;
  control(kind: 'action', body: WatchRequest): void;
}

export interface Passed {
  /** Undefined: it would have been accepted, or was not to begin with. */
  readonly refusal: Refusal | undefined;
  readonly wasRefused: boolean;
}

type Told = { readonly finding: Finding } | { readonly incident: Incident };

export class Lane {
  readonly census = new Census();
  readonly desk: Desk;
  /** Latest revision of every decision. */
  readonly decisions = new Map<string, Decision>();
  /** Latest verdict of each decision that was in effect (WatchVerdict.action is its id). */
  readonly verdicts = new Map<string, WatchVerdict>();
  nowMs = Number.NEGATIVE_INFINITY;
  private readonly options: LaneOptions;
  private readonly reach: Reach;
  private readonly gateway: MadeGateway;
  private readonly profiles = new Map<string, KeyProfile>();
  private told: Told[] = [];
  private begun: WatchRequest[] = [];
  private firstAt: number | undefined;
  private engine: LaneEngine | undefined;
  /** Ids of decisions that were, or are to be, in effect. */
  private readonly stood = new Set<string>();

  constructor(options: LaneOptions) {
    this.options = options;
    this.reach = options.reach ?? ASKED;
    this.gateway = new MadeGateway((key) => this.reach.delayOf(key));
    const { calendar, directory, policy } = options;
    this.desk = createDesk({
      holder: createPolicyHolder(policy, 0),
      directory,
      ...(calendar === undefined ? {} : { calendar }),
      env: this.env(),
      onDecision: (decision) => this.take(decision),
      ...(options.onNotice === undefined ? {} : { onNotice: options.onNotice }),
    });
  }

  get policyVersion(): string {
    return this.options.policy.version;
  }

  hasStood(decision: string): boolean {
    return this.stood.has(decision);
  }

  /** Before the first event. */
  attach(engine: LaneEngine): void {
    this.engine = engine;
  }

  readonly onFinding = (finding: Finding): void => {
    this.told.push({ finding });
  };

  readonly onIncident = (incident: Incident): void => {
    this.told.push({ incident });
  };

  readonly onVerdict = (verdict: WatchVerdict): void => {
    this.verdicts.set(verdict.action, verdict);
  };

  /**
   * Applies an event of the history. It may be changed: what would have been refused is refused. `nowMs`: when it
   * comes, where that is not when it was made.
   */
  apply(event: ApiEvent, nowMs = event.at): Passed {
    this.pass(nowMs);
    this.census.count(event);
    const refusedBefore = wasRefused(event);
    const refusal = refusedBefore ? undefined : this.gateway.refuses(event);
    if (refusal !== undefined) refuse(event, refusal);
    this.engine!.observe(event);
    this.settle();
    return { refusal, wasRefused: refusedBefore };
  }

  /** Time passes: what waits is judged again, what is over ends. */
  pass(nowMs: number): void {
    this.firstAt ??= nowMs;
    if (!(nowMs > this.nowMs)) return;
    const from = Math.max(this.nowMs, nowMs - LOOK_MAX_MS);
    for (let at = nextTick(from, from); at <= nowMs; at = nextTick(at, from)) {
      this.nowMs = at;
      this.desk.tick(at);
      this.watch();
    }
    this.nowMs = nowMs;
  }

  /** Hands what detection told to the desk; the engine is not to be called from within its callbacks. */
  settle(): void {
    while (this.told.length > 0) {
      const told = this.told;
      this.told = [];
      for (const one of told) {
        if ('finding' in one) this.desk.finding(one.finding, this.nowMs);
        else {
          this.note(one.incident);
          this.desk.incident(one.incident, this.nowMs);
        }
      }
      this.watch();
    }
  }

  private note({ id, closedAt, key }: Incident): void {
    if (closedAt !== null) this.profiles.delete(id);
    else if (key?.profile !== undefined) this.profiles.set(id, key.profile);
  }

  private take(decision: Decision): void {
    this.decisions.set(decision.id, decision);
    const profile = decision.incident === null ? undefined : this.profiles.get(decision.incident);
    const effect = this.gateway.put(decision, this.nowMs, profile);
    this.options.onDecision?.(decision, this.nowMs);
    const { rung } = decision;
    const watch = { action: decision.id, key: decision.subject.id, gateway: 'made' };
    if (effect !== undefined) {
      this.stood.add(decision.id);
      this.begun.push({
        ...watch,
        rung: effect.rung,
        kind: 'applied',
        at: this.nowMs,
        boundMs: this.reach.delayOf(watch.key),
        ...(effect.limit === undefined ? {} : { limit: effect.limit }),
        ...(effect.profile === undefined ? {} : { profile: effect.profile }),
      });
    } else if (decision.state === 'ended' && this.stood.has(decision.id)) {
      const bounds = { at: this.nowMs, boundMs: this.reach.delayOf(watch.key) };
      this.begun.push({ ...watch, rung: rung as ActingRung, kind: 'undone', ...bounds });
    }
  }

  private watch(): void {
    const { begun } = this;
    if (begun.length === 0) return;
    this.begun = [];
    for (const request of begun) this.engine!.control('action', request);
  }

  private env(): DeskEnv {
    const { census, reach } = this;
    return {
      rungsOf: (id) => reach.rungsOf(id),
      asksPerRequest: (id) => reach.asksPerRequest(id),
      isAllowed: () => false,
      trafficPerHour: () => census.perHour(this.nowMs),
      health: () => this.health(),
      profileOf: (incident) => this.profiles.get(incident),
      consumerOf: (id) => census.consumerOf(id),
      activeKeys: () => census.activeKeys(this.nowMs),
    };
  }

  private health(): DeskHealth {
    const { geographyBuiltAt, isCold, lagMs } = this.options;
    const age = geographyBuiltAt === undefined ? 0 : this.nowMs - geographyBuiltAt;
    return {
      lagMs: lagMs?.() ?? 0,
      geographyAgeDays: Math.max(0, age / 86_400_000),
      storesAway: [],
      coldSinceMs: isCold ? this.firstAt : undefined,
    };
  }
}

/** Whole seconds, whole minutes later on. */
function nextTick(at: number, from: number): number {
  if (at === Number.NEGATIVE_INFINITY) return Number.POSITIVE_INFINITY;
  const step = at - from < CLOSE_LOOK_MS ? SECOND_MS : MINUTE_MS;
  return (Math.floor(at / step) + 1) * step;
}
