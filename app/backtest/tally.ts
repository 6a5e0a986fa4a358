/** What a policy would have done, added up: by key, by rung, by brake, and beside the labels where there are any. */
import type { Decision } from '../../core/decision.ts';
import type { ApiEvent } from '../../core/event.ts';
import { type ActingRung, isActing } from '../../core/ladder.ts';
import type { BacktestAttacks, BacktestDecision, BacktestLine } from './contract.ts';
import { type AttackLabel, attackOf, isAttacked, type Labels } from './labels.ts';
import type { Lane, Passed } from './lane.ts';

interface KeyTally {
  readonly labels: readonly AttackLabel[];
}

interface DecisionTally {
  refused: number;
  refusedOfUnattacked: number;
}

export class Tally {
  firstAt: number | undefined;
  lastAt: number | undefined;
  private requestsRefused = 0;
  private requestsRefusedOfUnattacked = 0;
  private readonly labels: Labels | undefined;
  private readonly labelOf: (id: string) => string | undefined;
  private readonly falseAlarms: Labels | undefined;
  private readonly keys = new Map<string, KeyTally>();
  private readonly byDecision = new Map<string, DecisionTally>();
  private readonly heldBy = new Map<string, Set<string>>();
  /** When each decision came into effect, epoch ms. */
  private readonly stoodAt = new Map<string, number>();

  /** `labelOf`: what the registry calls a key. `falseAlarms`: what people closed as such. */
  constructor(
    labels: Labels | undefined,
    labelOf: (id: string) => string | undefined,
    falseAlarms?: Labels,
  ) {
    this.labels = labels;
    this.labelOf = labelOf;
    this.falseAlarms = falseAlarms;
  }

  count({ at, key }: ApiEvent, { refusal }: Passed): void {
    if (this.firstAt === undefined || at < this.firstAt) this.firstAt = at;
    if (this.lastAt === undefined || at > this.lastAt) this.lastAt = at;
    if (refusal === undefined) return;
    this.requestsRefused++;
    const own = this.byDecision.get(refusal.decision) ?? { refused: 0, refusedOfUnattacked: 0 };
    this.byDecision.set(refusal.decision, own);
    own.refused++;
    if (isAttacked(this.keyOf(key.id).labels, at)) return;
    this.requestsRefusedOfUnattacked++;
    own.refusedOfUnattacked++;
  }

  /** A revision of a decision. */
  decided(decision: Decision, nowMs: number): void {
    const { id, heldBy, rung, state } = decision;
    if (state === 'standing' && isActing(rung) && !this.stoodAt.has(id)) {
      this.stoodAt.set(id, nowMs);
    }
    if (heldBy === undefined) return;
    for (const brake of heldBy.split(',')) {
      this.heldBy.set(brake, (this.heldBy.get(brake) ?? new Set()).add(id));
    }
  }

  /** Decisions in the order in which they were made, with what each of them refused. */
  decisions(lane: Lane): BacktestDecision[] {
    const all = [...lane.decisions.values()].sort(
      (a, b) => order(a.decidedAt, b.decidedAt) || order(a.id, b.id),
    );
    return all.map((decision) => {
      const stoodAt = this.stoodAt.get(decision.id);
      const { refused = 0, refusedOfUnattacked = 0 } = this.byDecision.get(decision.id) ?? {};
      const attack = this.attackOf(decision);
      return {
        ...decision,
        ...(stoodAt === undefined ? {} : { stoodAt: new Date(stoodAt).toISOString() }),
        requestsRefused: refused,
        ...(this.labels === undefined ? {} : { requestsRefusedOfUnattacked: refusedOfUnattacked }),
        ...(attack === undefined ? {} : { attack: attack.kind }),
      };
    });
  }

  line(lane: Lane): Omit<BacktestLine, 'today'> {
    const stood = [...lane.decisions.values()].filter(({ id }) => this.stoodAt.has(id));
    const byRung: Partial<Record<ActingRung, number>> = {};
    for (const { rung } of stood) {
      if (isActing(rung)) byRung[rung] = (byRung[rung] ?? 0) + 1;
    }
    const asked = [...lane.decisions.values()].filter(({ mode }) => mode === 'approval').length;
    const wrong = stood.filter((decision) => this.attackOf(decision) === undefined).length;
    return {
      type: 'backtest',
      policyVersion: lane.policyVersion,
      firstAt: isoOrNull(this.firstAt),
      lastAt: isoOrNull(this.lastAt),
      keys: lane.census.size,
      keysActedOn: new Set(stood.map(({ subject }) => subject.id)).size,
      requests: lane.census.requests,
      requestsRefused: this.requestsRefused,
      byRung,
      held: Object.fromEntries([...this.heldBy].map(([brake, ids]) => [brake, ids.size])),
      asked,
      ...this.wrongByPeople(stood),
      ...(this.labels === undefined
        ? {}
        : {
            requestsRefusedOfUnattacked: this.requestsRefusedOfUnattacked,
            wrongActions: wrong,
            attacks: this.attacks(stood, lane),
          }),
    };
  }

  /** Decisions about what people closed as a false alarm. */
  private wrongByPeople(stood: readonly Decision[]): Pick<BacktestLine, 'falseAlarms'> {
    const { falseAlarms } = this;
    if (falseAlarms === undefined) return {};
    const about = stood.filter(({ id, subject }) => {
      const at = this.stoodAt.get(id)!;
      return attackOf(falseAlarms.of(subject.id), at) !== undefined;
    });
    const refused = about.map(({ id }) => this.byDecision.get(id)?.refused ?? 0);
    const requestsRefused = refused.reduce((sum, one) => sum + one, 0);
    return { falseAlarms: { actions: about.length, requestsRefused } };
  }

  /** Labels of keys that are in the history. */
  private attacks(stood: readonly Decision[], lane: Lane): BacktestAttacks {
    const known = [...lane.census.ids()].flatMap((id) =>
      this.keyOf(id).labels.map((label) => ({ id, label })),
    );
    const delays = known.flatMap(({ id, label }) => {
      const times = stood
        .filter((decision) => decision.subject.id === id && this.attackOf(decision) === label)
        .map((decision) => this.stoodAt.get(decision.id)! - label.fromAt);
      return times.length === 0 ? [] : [Math.min(...times)];
    });
    delays.sort((a, b) => a - b);
    const median = delays[Math.floor((delays.length - 1) / 2)];
    return {
      labelled: known.length,
      actedOn: delays.length,
      ...(median === undefined ? {} : { medianMs: median }),
    };
  }

  private attackOf({ id, subject }: Decision): AttackLabel | undefined {
    const at = this.stoodAt.get(id);
    return at === undefined ? undefined : attackOf(this.keyOf(subject.id).labels, at);
  }

  private keyOf(id: string): KeyTally {
    let known = this.keys.get(id);
    if (known === undefined) {
      known = { labels: this.labels?.of(id, this.labelOf(id)) ?? [] };
      this.keys.set(id, known);
    }
    return known;
  }
}

function isoOrNull(at: number | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString();
}

function order(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
