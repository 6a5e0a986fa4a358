/**
 * Contract of a detector whose subject is no key but a crowd: a source network, whose members are the keys tried
 * from it, or a consumer, whose members are the networks that fail on its keys. It alerts and never acts.
 *
 * The engine shows it every failed authentication, and the successes of a subject that has failures. Like a key's
 * detectors it uses event time only, and keeps all it knows in the fields of its layout.
 */
import type { z } from 'zod';
import type { SubjectKind } from '../core/finding.ts';
import type { DetectorSettings, Evidence } from './detector.ts';
import type { Layout, StateOf } from './engine/layout.ts';

/** One authentication result, as it counts for a network or a consumer. */
export interface Attempt {
  /** Epoch ms. */
  at: number;
  /** Stable hash of the member: of the key, or of the network. */
  member: number;
  failed: boolean;
}

export interface Crowd {
  readonly kind: Extract<SubjectKind, 'network' | 'consumer'>;
  readonly id: string;
}

export interface CrowdDetector<
  L extends Layout = Layout,
  C extends DetectorSettings = DetectorSettings,
> {
  readonly id: string;
  /** Grows when the layout or its meaning changes. */
  readonly version: number;
  readonly family: 'errors';
  readonly summary: string;
  readonly aloneMax: number;
  readonly config: z.ZodType<C>;
  readonly layout: L;
  /** Scores an attempt, then learns it; −log10 p, 0 when its gates do not hold. */
  observe(state: StateOf<L>, attempt: Attempt, config: C): number;
  /** Speaks of the score last computed. */
  describe(state: StateOf<L>, crowd: Crowd, attempt: Attempt, config: C): Evidence;
}

/** Keeps the layout's and settings' types while a detector is written. */
export function defineCrowdDetector<L extends Layout, C extends DetectorSettings>(
  detector: CrowdDetector<L, C>,
): CrowdDetector {
  return Object.freeze(detector) as unknown as CrowdDetector;
}
