/**
 * Contract of the brakes. A brake never makes a decision; it says of a finding that it is no reason to act, or has to
 * wait, of a rung that it is too high, or of a decision that it has to wait.
 */
import type { KeyEntry } from '../../core/config.ts';
import type { Finding } from '../../core/finding.ts';
import type { ActingRung, Rung } from '../../core/ladder.ts';
import type { Case, Scene } from '../desk/case.ts';
import type { Weighed } from '../desk/evidence.ts';
import type { Board } from './board.ts';

export type BrakeName =
  | 'kill'
  | 'protected'
  | 'person'
  | 'allow'
  | 'trust'
  | 'silence'
  | 'switch'
  | 'fleet'
  | 'network'
  | 'planned'
  | 'stale'
  | 'budget'
  | 'gateway';

export interface Doubt {
  readonly brake: BrakeName;
  readonly why: string;
}

/** What is about to be done. */
export interface Proposal {
  readonly told: Case;
  readonly rung: ActingRung;
  readonly evidence: Weighed;
}

/** Whose key it is; with no incident too. */
export interface Target {
  readonly subjectId: string;
  readonly entry: KeyEntry | undefined;
}

export interface Brake {
  readonly id: BrakeName;
  /** For docs and `doctor`. */
  readonly summary: string;
  /** What it drops is explained, not merely untrusted: what stands on nothing else ends. */
  readonly explains?: boolean;
  /** Why this finding is no reason to act. */
  drops?(finding: Finding, told: Case, scene: Scene, board: Board): string | undefined;
  /** Until when this finding has to wait, epoch ms, and why. */
  waits?(
    finding: Finding,
    told: Case,
    scene: Scene,
    board: Board,
  ): { readonly untilMs: number; readonly why: string } | undefined;
  /** Highest rung that may be taken, and why. */
  caps?(
    told: Case,
    scene: Scene,
    board: Board,
  ): { readonly max: Rung; readonly why: string } | undefined;
  /** Why this has to wait. */
  holds?(proposal: Proposal, scene: Scene, board: Board): string | undefined;
  /** People who have to approve, whatever the ladder says. */
  people?(target: Target): number | undefined;
}
