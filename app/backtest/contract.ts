/** What a backtest tells. */
import type { Decision } from '../../core/decision.ts';
import type { ActingRung } from '../../core/ladder.ts';

/** A decision as a backtest tells it: a line `{"type":"decision"}` with what it would have done. */
export interface BacktestDecision extends Decision {
  /** When it came into effect; absent where it never did. */
  readonly stoodAt?: string;
  readonly requestsRefused: number;
  /** With labels: refused while none of the key was labelled. */
  readonly requestsRefusedOfUnattacked?: number;
  /** Kind of the labelled attack that it was about. */
  readonly attack?: string;
}

export interface BacktestAttacks {
  /** Of keys in the history. */
  readonly labelled: number;
  readonly actedOn: number;
  /** From the begin of the label to the action. */
  readonly medianMs?: number;
}

/** One line `{"type":"backtest"}`, the last one. */
export interface BacktestLine {
  readonly type: 'backtest';
  readonly policyVersion: string;
  readonly firstAt: string | null;
  readonly lastAt: string | null;
  readonly keys: number;
  readonly keysActedOn: number;
  /** Uses of keys, those refused by the gateway itself included. */
  readonly requests: number;
  readonly requestsRefused: number;
  /** With labels. */
  readonly requestsRefusedOfUnattacked?: number;
  /** Decisions that came into effect. */
  readonly byRung: Readonly<Partial<Record<ActingRung, number>>>;
  /** Decisions that a brake held back or stepped down. */
  readonly held: Readonly<Record<string, number>>;
  /** Decisions that would have waited for a person. */
  readonly asked: number;
  /** With labels: decisions in effect on keys that were not under attack. */
  readonly wrongActions?: number;
  readonly attacks?: BacktestAttacks;
  /** Decisions about what people closed as a false alarm, where the state has such incidents. */
  readonly falseAlarms?: { readonly actions: number; readonly requestsRefused: number };
  /** The same of the policy in force. Absent where it could not be tried. */
  readonly today?: Pick<
    BacktestLine,
    | 'policyVersion'
    | 'keysActedOn'
    | 'requestsRefused'
    | 'byRung'
    | 'requestsRefusedOfUnattacked'
    | 'wrongActions'
  >;
}
