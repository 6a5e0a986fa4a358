/** What the desk is asked and what it answers. */
import type { Calendar } from '../../core/calendar.ts';
import type { ClosedAs } from '../../core/control.ts';
import type { Decision } from '../../core/decision.ts';
import type { KeyDirectory } from '../../core/directory.ts';
import type { Finding, Incident, SubjectName } from '../../core/finding.ts';
import type { ActingRung, RateLimit, Rung } from '../../core/ladder.ts';
import type { LeakReport } from '../../core/report.ts';
import type { ApprovalRefusal } from '../approvals.ts';
import type { BrakeName, Doubt } from '../brakes/brake.ts';
import type { PolicyHolder } from '../policy-holder.ts';
import type { DeskEnv } from './case.ts';

export interface DeskOptions {
  readonly holder: PolicyHolder;
  readonly directory: KeyDirectory;
  /** Left out: nothing is planned. */
  readonly calendar?: Calendar;
  readonly env: DeskEnv;
  /** Told of each revision, in order, before the call that led to it returns. */
  onDecision(decision: Decision): void;
  /** What somebody should be told of the desk itself. */
  onNotice?(notice: DeskNotice): void;
}

/** `budget`: it is spent, and holds decisions back. Told once an hour and rung. */
export interface DeskNotice {
  readonly kind: 'budget';
  readonly rung: Rung;
  readonly text: string;
  /** Epoch ms. */
  readonly at: number;
}

export interface ManualRequest {
  readonly rung: ActingRung;
  readonly subject: SubjectName;
  /** Name of the person. */
  readonly by: string;
  readonly reason: string;
  /** Left out: the rung's own; null: until lifted. */
  readonly forMs?: number | null;
  readonly limit?: RateLimit;
  /** Says what it would do, and does nothing. */
  readonly dryRun?: boolean;
  /** Makes the id: the same request twice is one. */
  readonly requestId: string;
}

export interface CommandAnswer {
  /** `held`: nothing was done, and nothing will be by itself. */
  readonly outcome: 'standing' | 'waiting' | 'held' | 'dry-run';
  /** What is, or would be, decided. */
  readonly decision: Decision;
  /** What a gateway of the key can; `alert` where there is none. */
  readonly rung: Rung;
  readonly doubts: readonly Doubt[];
  /** What stands of the key already, strictest first. */
  readonly standing: readonly Decision[];
}

export interface RestoreRequest {
  readonly subjectId: string;
  readonly by: string;
  readonly reason: string;
  /**
   * Decisions to end. Left out: all of the key that policy and people made, but for revocations by people and
   * proofs of a leak: those have to be named.
   */
  readonly decisions?: readonly string[];
  readonly as?: ClosedAs;
  readonly dryRun?: boolean;
}

export interface RestoreAnswer {
  readonly ended: readonly Decision[];
  /** What still stands of the key, strictest first. */
  readonly standing: readonly Decision[];
  /** What detection has to be told: a `close` record for each. */
  readonly closings: readonly {
    readonly incident: string;
    readonly as: ClosedAs;
    readonly by: string;
    readonly reason: string;
  }[];
}

export interface ApprovalAnswer {
  readonly refused?: ApprovalRefusal;
  /** As it is now; undefined when it is unknown. */
  readonly decision: Decision | undefined;
}

/** `nowMs`: the wall clock; in a backtest, event time. It never goes back. */
export interface Desk {
  /** Before the incident that it belongs to. */
  finding(finding: Finding, nowMs: number): void;
  incident(incident: Incident, nowMs: number): void;
  /** A verified report. */
  report(report: LeakReport, nowMs: number): Decision;
  command(request: ManualRequest, nowMs: number): CommandAnswer;
  restore(request: RestoreRequest, nowMs: number): RestoreAnswer;
  approve(id: string, by: string, nowMs: number): ApprovalAnswer;
  deny(id: string, by: string, nowMs: number): ApprovalAnswer;
  /** The kill switch; `liftStanding` ends what stands, whoever wanted it. */
  kill(on: boolean, liftStanding: boolean, by: string, nowMs: number): void;
  /** An allowance was added: what it covers ends now. */
  allowanceAdded(nowMs: number): void;
  /** Once a second: ends what is past its time, and judges again what waits. */
  tick(nowMs: number): void;
  /** In effect, strictest first. */
  standing(subjectId: string, nowMs: number): readonly Decision[];
  /** All that are held, waiting or standing. */
  open(): readonly Decision[];
  /** Of these the ones about a key. */
  openOf(subjectId: string): readonly Decision[];
  decision(id: string): Decision | undefined;
  /** After a restart, before anything else: all that are open, and what ended within the last day. */
  takeOver(decisions: readonly Decision[], nowMs: number): void;
  status(nowMs: number): DeskStatus;
}

export interface DeskStatus {
  readonly killed: boolean;
  /** Actions of policy within the hour. */
  readonly spent: Readonly<Record<ActingRung, number>>;
  /** Held decisions by the brake that holds them. */
  readonly held: Readonly<Partial<Record<BrakeName, number>>>;
}
