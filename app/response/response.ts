/**
 * The response put together: what detection tells → desk → kept and recorded → gateways → watched by detection →
 * told to people. Drivers and detection are handed in, so that both forms and the commands use the same.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Action, ActionQueue, ActionStore } from '../../core/action.ts';
import type { DeliveryStore } from '../../core/alert.ts';
import type { AuditLog, AuditStore } from '../../core/audit.ts';
import type { Calendar } from '../../core/calendar.ts';
import type { Clock } from '../../core/clock.ts';
import type { WatchRequest, WatchVerdict } from '../../core/control.ts';
import type { Decision, DecisionStore } from '../../core/decision.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import type { Finding, Incident } from '../../core/finding.ts';
import type { GatewayAdapter } from '../../core/gateway.ts';
import type { KeyProfile } from '../../core/key-profile.ts';
import type { ActingRung, Rung } from '../../core/ladder.ts';
import type { LeakReport, ReportStore } from '../../core/report.ts';
import type { VerdictStore } from '../../core/verdict.ts';
import type { ActionRunner, Trouble } from '../../responders/actions/contract.ts';
import { createActionRunner } from '../../responders/actions/runner.ts';
import type { DeskEnv } from '../../responders/desk/case.ts';
import type { Desk, DeskNotice } from '../../responders/desk/contract.ts';
import { createDesk } from '../../responders/desk.ts';
import type { PolicyHolder } from '../../responders/policy-holder.ts';
import type { Logger } from '../contract.ts';
import { Keeper } from './keeper.ts';
import type { KillSwitch } from './kill-switch.ts';
import { mayTakeUp, PutOffs } from './put-off.ts';
import { Watches } from './watches.ts';
import { outcomeOf } from './watching.ts';

const TICK_MS = 1000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Findings and profiles of open incidents. */
const KEPT_MAX = 100_000;
/** Decisions read at the start that ended within the last day, at most. */
const ENDED_MAX = 10_000;

/** What is kept. Drivers: SQLite (store/sqlite/response.ts), Redis (store/redis/response/). */
export interface ResponseKeep
  extends DecisionStore,
    ActionStore,
    AuditStore,
    VerdictStore,
    DeliveryStore,
    ReportStore {
  readonly queue: ActionQueue;
}

/** What the response asks of detection. */
export interface DetectionPort {
  readonly env: Omit<DeskEnv, 'rungsOf' | 'asksPerRequest' | 'profileOf' | 'isPutOff'>;
  /**
   * From here on what `env` answers of these keys is as detection has saved it; where detection is elsewhere, and not
   * asked before. What cannot be read is not known.
   */
  meet?(subjectIds: readonly string[]): Promise<void>;
  /** A control record: the key's stream is watched. Asking for the same again changes nothing. */
  watch(request: WatchRequest): Promise<void>;
  /** Open incidents with their findings: told again after a start. */
  openCases(): Promise<readonly OpenCase[]>;
}

export interface OpenCase {
  readonly incident: Incident;
  readonly findings: readonly Finding[];
}

/** Who is told what happens; each call is quick and never throws. */
export interface Teller {
  incident(incident: Incident, findings: readonly Finding[]): void;
  decision(decision: Decision, actions: readonly Action[]): void;
  action(action: Action): void;
  notice(notice: DeskNotice): void;
  trouble(trouble: Trouble): void;
}

export interface ResponseOptions {
  readonly keep: ResponseKeep;
  readonly audit: AuditLog;
  readonly adapters: readonly GatewayAdapter[];
  /** Adapters that act only for a gateway that asks, and whether one has asked. */
  asks(adapter: GatewayAdapter): boolean;
  readonly holder: PolicyHolder;
  readonly directory: KeyDirectory;
  readonly calendar: Calendar;
  readonly detection: DetectionPort;
  readonly killSwitch: KillSwitch;
  readonly clock: Clock;
  random(): number;
  readonly logger: Logger;
  readonly teller: Teller;
  /** Once a second: a changed policy, heads of the audit chains, … */
  onTick(nowMs: number): void | Promise<void>;
}

export class Response {
  readonly desk: Desk;
  readonly runner: ActionRunner;
  readonly keeper: Keeper;
  readonly options: ResponseOptions;
  /** What waits until the engine has finished telling. */
  #told: (() => void)[] = [];
  readonly #findings = new Map<string, Finding>();
  readonly #profiles = new Map<string, KeyProfile>();
  readonly #putOffs = new PutOffs();
  readonly #watches: Watches;
  #latestMs = 0;

  constructor(options: ResponseOptions) {
    this.options = options;
    const { keep, audit, adapters, clock, logger, teller, holder, directory, calendar } = options;
    this.#watches = new Watches({
      watch: (request) => options.detection.watch(request),
      settleMsOf: (gateway) => adapters.find(({ name }) => name === gateway)?.settleMs ?? 0,
      ...{ clock, logger, random: options.random },
    });
    this.runner = createActionRunner({
      adapters,
      store: keep,
      queue: keep.queue,
      audit,
      decisions: keep,
      clock,
      random: options.random,
      mayTakeUp: (decision) => mayTakeUp(decision, holder, directory),
      onAction: (action) => this.#action(action),
      onTrouble: (trouble) => teller.trouble(trouble),
    });
    this.keeper = new Keeper({
      store: keep,
      audit,
      runner: this.runner,
      adaptersOf: (id) => this.adaptersOf(id),
      profileOf: ({ incident, subject }) => this.#profileOf(incident, subject.id),
      clock,
      onKept: (decision, actions) => teller.decision(decision, actions),
      onTrouble: ({ id }, error) =>
        logger.error({ err: error, decision: id }, 'a decision cannot be kept; it is tried again'),
    });
    this.desk = createDesk({
      holder,
      directory,
      calendar,
      env: {
        ...options.detection.env,
        rungsOf: (id) => this.rungsOf(id),
        asksPerRequest: (id) => this.adaptersOf(id).some((one) => one.rungs.has('contain')),
        profileOf: (incidentId) => this.#profiles.get(incidentId),
        isPutOff: (decisionId) => this.#putOffs.has(decisionId),
      },
      onDecision: (decision) => void this.keeper.take(decision),
      onNotice: (notice) => teller.notice(notice),
    });
  }

  /** From the engine's callbacks. */
  finding(finding: Finding): void {
    if (finding.subject.kind === 'key') this.#tell(() => this.#finding(finding));
  }
  incident(incident: Incident): void {
    this.#tell(() => this.#incident(incident));
  }

  /** What the stream says of an action. */
  async verdict(verdict: WatchVerdict): Promise<void> {
    await this.runner.verified(verdict.action, outcomeOf(verdict));
  }

  report(report: LeakReport): Decision {
    return this.desk.report(report, this.now());
  }

  adaptersOf(subjectId: string): readonly GatewayAdapter[] {
    const { adapters, asks } = this.options;
    return adapters.filter((adapter) => adapter.covers(subjectId) && asks(adapter));
  }

  rungsOf(subjectId: string): ReadonlySet<ActingRung> {
    return new Set(this.adaptersOf(subjectId).flatMap(({ rungs }) => [...rungs]));
  }

  /** What stands of a key. */
  rungOf(subjectId: string): Rung {
    return this.desk.standing(subjectId, this.now())[0]?.rung ?? 'observe';
  }

  /** The wall clock; it never goes back for the desk. */
  now(): number {
    this.#latestMs = Math.max(this.#latestMs, this.options.clock.now());
    return this.#latestMs;
  }

  /** What a run before has left: expired actions first, then what stands, then what detection has open. */
  async start(): Promise<void> {
    const { keep, killSwitch, detection } = this.options;
    const now = this.now();
    if (killSwitch.read() !== undefined) await this.runner.stop();
    await this.runner.settleExpired();
    const ended = await keep.decisions({ state: 'ended', sinceAt: now - DAY_MS, limit: ENDED_MAX });
    const open = await keep.openDecisions();
    await detection.meet?.(keysOf([...open, ...ended.filter(isOfHour(now))]));
    this.desk.takeOver([...open, ...ended], now);
    if (killSwitch.read() !== undefined) this.desk.kill(true, false, 'keyhound', now);
    // A crash between a decision and its actions: both are asked for again, under the same ids.
    for (const decision of open) {
      if (decision.state === 'standing') void this.keeper.take(decision, false);
    }
    for (const action of await keep.unsettledActions()) this.#putOffs.note(action);
    for (const action of await keep.heldActions()) {
      this.#putOffs.note(action);
      await this.#watches.note(action);
    }
    for (const { incident, findings } of await detection.openCases()) {
      for (const finding of findings) this.finding(finding);
      this.incident(incident);
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    // At once: what is told from then on is for whoever goes on, who may have begun.
    signal.addEventListener('abort', () => void this.keeper.close(), { once: true });
    await Promise.all([this.runner.run(signal), this.#keepTime(signal)]);
    await this.keeper.close();
  }

  async #keepTime(signal: AbortSignal): Promise<void> {
    const { killSwitch, logger, onTick } = this.options;
    while (!signal.aborted) {
      await sleep(TICK_MS, undefined, { signal }).catch(() => undefined);
      try {
        const now = this.now();
        const stopped = killSwitch.read();
        if ((stopped !== undefined) !== this.runner.stopped) {
          const by = stopped?.by ?? 'unknown';
          this.#noteSwitch(stopped !== undefined, by, stopped?.reason ?? '', now);
          await this.setStopped(stopped !== undefined, false, by);
        }
        this.desk.tick(now);
        void this.#watches.again();
        await onTick(now);
      } catch (error) {
        logger.error({ err: error }, 'the response failed to look after itself');
      }
    }
  }

  /** The file was made or taken away by hand, or another process was told. Not waited for: what stops, stops. */
  #noteSwitch(stopped: boolean, by: string, why: string, at: number): void {
    const { audit, logger } = this.options;
    const what = stopped ? 'stopped' : 'resumed';
    const note = { who: `person:${by}`, what, subject: '', why, at, evidence: { lift: false } };
    audit.record(note).catch((error: unknown) => {
      logger.error({ err: error }, 'the kill switch could not be recorded in the audit log');
    });
  }

  /** As the kill switch says. With `lift` what stands is taken back. */
  async setStopped(stopped: boolean, lift: boolean, by: string): Promise<void> {
    this.desk.kill(stopped, lift, by, this.now());
    if (!stopped) return this.runner.resume();
    await this.runner.stop(lift ? { by: `person:${by}`, why: 'the kill switch' } : undefined);
  }

  #tell(telling: () => void): void {
    // The engine tells in the middle of an event, where it must not be asked anything: this runs when it is done.
    if (this.#told.length === 0) queueMicrotask(() => this.#drain());
    this.#told.push(telling);
  }

  #drain(): void {
    const told = this.#told;
    this.#told = [];
    for (const telling of told) {
      try {
        telling();
      } catch (error) {
        this.options.logger.error({ err: error }, 'the desk failed');
      }
    }
  }

  #finding(finding: Finding): void {
    keepSome(this.#findings, finding.id, finding);
    this.desk.finding(finding, this.now());
  }

  #incident(incident: Incident): void {
    const findings = incident.findings.flatMap((id) => this.#findings.get(id) ?? []);
    this.options.teller.incident(incident, findings);
    const profile = incident.key?.profile;
    if (profile !== undefined) keepSome(this.#profiles, incident.id, profile);
    this.desk.incident(incident, this.now());
    if (incident.closedAt === null) return;
    this.#profiles.delete(incident.id);
    for (const id of incident.findings) this.#findings.delete(id);
  }

  #action(action: Action): void {
    this.#putOffs.note(action);
    this.options.teller.action(action);
    void this.#watches.note(action);
  }

  /** For a decision by hand: what the key was used for before the incident that is open. */
  #profileOf(incidentId: string | null, subjectId: string): KeyProfile | undefined {
    const known = incidentId === null ? undefined : this.#profiles.get(incidentId);
    return known ?? this.options.detection.env.factsNow?.(subjectId)?.profile;
  }
}

function keysOf(decisions: readonly Decision[]): string[] {
  return [...new Set(decisions.map(({ subject }) => subject.id))];
}

/** What the budget of an hour was spent on. */
function isOfHour(now: number): (decision: Decision) => boolean {
  return ({ decidedAt }) => Date.parse(decidedAt) > now - HOUR_MS;
}

/** The oldest gives way; it comes again with the next revision of its incident. */
function keepSome<T>(map: Map<string, T>, id: string, value: T): void {
  map.set(id, value);
  if (map.size > KEPT_MAX) map.delete(map.keys().next().value!);
}
