/** What sources are read into: the engine of the embedded form, or the topic of events (distributed/router.ts). */
import type { ApiEvent, KeyIdentity } from '../core/event.ts';
import type { DetectionEngine } from '../detectors/engine/engine.ts';

/** As of the engine's contract. */
export interface Sequence {
  readonly streams: Pick<DetectionEngine['streams'], 'totals'>;
  openStream(source: string, stream: string, latenessMs: number): number;
  awaitSource(source: string): void;
  releaseSource(source: string): void;
  closeStream(stream: number, position: number): void;
  setSilent(stream: number, silent: boolean): void;
  advance(stream: number, position: number): void;
  knows(key: KeyIdentity): boolean;
  touch(events: readonly ApiEvent[], count: number): number;
  observe(event: ApiEvent): void;
}
