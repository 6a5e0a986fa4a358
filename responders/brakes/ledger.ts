/** What was done in the last hour, and what stands. */
import { ACTING_RUNGS, type ActingRung } from '../../core/ladder.ts';

export interface Spent {
  readonly decision: string;
  readonly rung: ActingRung;
  readonly subjectId: string;
  readonly owner: string;
  readonly young: boolean;
  /** Epoch ms. */
  readonly at: number;
  /** Requests that the key usually makes in an hour. */
  readonly perHour: number;
}

const HOUR_MS = 3_600_000;

export class Ledger {
  private readonly spent = new Map<string, Spent>();
  /** Decisions of policy that stand, with what their keys usually carry. */
  private readonly standing = new Map<string, Spent>();

  charge(entry: Spent): void {
    this.spent.set(entry.decision, entry);
    this.standing.set(entry.decision, entry);
  }

  /** It stands no more; what was spent stays spent for its hour. */
  release(decision: string): void {
    this.standing.delete(decision);
  }

  /** Of a rung in the hour before, epoch ms. */
  spentIn(rung: ActingRung, nowMs: number): readonly Spent[] {
    return [...this.spent.values()].filter((one) => one.rung === rung && one.at > nowMs - HOUR_MS);
  }

  /** Keys under an action, one entry each. */
  keysStanding(): ReadonlyMap<string, Spent> {
    return new Map([...this.standing.values()].map((one) => [one.subjectId, one]));
  }

  prune(nowMs: number): void {
    for (const [id, one] of this.spent) if (one.at <= nowMs - HOUR_MS) this.spent.delete(id);
  }

  /** For people: what of each rung was done in the hour before. */
  counts(nowMs: number): Readonly<Record<ActingRung, number>> {
    return Object.fromEntries(
      ACTING_RUNGS.map((rung) => [rung, this.spentIn(rung, nowMs).length]),
    ) as Record<ActingRung, number>;
  }
}
