/** Reports from outside that a credential leaked. The raw token of a report is matched at once and never kept. */
import type { Rung } from './ladder.ts';

export const REPORT_BRAKES = ['public', 'consumer', 'hourly-cap'] as const;
/**
 * `public`: a key that is meant to be seen. `consumer`: beyond what the sender may report. `hourly-cap`: the sender
 * has spent its hour.
 */
export type ReportBrake = (typeof REPORT_BRAKES)[number];

/** One key of ours that a verified report is about. */
export interface LeakReport {
  readonly sender: string;
  /** The key itself, never one of its lineage. */
  readonly subjectId: string;
  /** Where it was found, as the sender says: another's text. */
  readonly url?: string;
  /** Kind of source, as the sender says: another's text. */
  readonly source?: string;
  /** When it was found, as the sender says. */
  readonly foundAt?: string;
  /** Highest rung that it may lead to; `alert` where a brake holds it. */
  readonly rungMax: Rung;
  /** Why nothing is done about it but tell people: no finding is made of it, and nothing is decided. */
  readonly heldBy?: ReportBrake;
  /** Wall clock at which it came, epoch ms. */
  readonly at: number;
  /** Of the message that it came with: sender and this name the report for ever. */
  readonly deliveryId: string;
}

/** A message of a sender that was verified; one about nothing of ours has no hits. Plain JSON. */
export interface ReceivedReport {
  readonly sender: string;
  readonly deliveryId: string;
  /** Epoch ms. */
  readonly at: number;
  readonly hits: readonly LeakReport[];
  /** Whether what follows from its hits has been handed on. */
  readonly handled: boolean;
}

/** Reports that were received, so that a replay does nothing, also over a restart. Drivers: SQLite, Redis. */
export interface ReportStore {
  /** False when there is one of that sender and delivery id. Durable when it resolves. */
  putReport(report: ReceivedReport): Promise<boolean>;
  /** Sets `handled`. */
  reportHandled(sender: string, deliveryId: string): Promise<void>;
  /** Received at or after, oldest first. */
  reports(sinceAt: number): Promise<ReceivedReport[]>;
  /** Of these the ones that are not handled; costs as much as there are of them. */
  openReports(sinceAt: number): Promise<ReceivedReport[]>;
  /** Forgets those that were handled and received before that instant. */
  removeReports(beforeAt: number): Promise<void>;
}
