/**
 * One of several engines that share the key groups: it has those of its shard, reads them from a log that says itself
 * how far its sources have come, and waits for the other engines where it is too far ahead of them (exchange.ts).
 */
import type { ApiEvent } from '../../core/event.ts';
import type { LoadedState } from '../../core/store.ts';
import type { Attempt } from '../../core/wire/layout.ts';
import type { Detector } from '../detector.ts';
import { DETECTORS } from '../list.ts';
import type { EngineOptions } from './contract.ts';
import { DetectionEngine } from './engine.ts';
import { APPLIES_MS, type Report } from './exchange.ts';
import type { Shard } from './spans.ts';

export type ShardOptions = EngineOptions & { readonly shard: Shard };

export class ShardEngine extends DetectionEngine {
  constructor(options: ShardOptions, detectors: readonly Detector[]) {
    super(options, detectors);
    if (options.shard.count > 1) this.streams.limit = Number.NEGATIVE_INFINITY;
  }

  /**
   * The stream has met an event time (epoch ms) before what comes next of it. False when the watermark has to wait for
   * what other engines tell: nothing more may be applied until `receive` let it rise.
   */
  reach(stream: number, latestAt: number): boolean {
    if (this.streams.arrive(stream, latestAt)) this.passWatermark();
    return !this.isHeld;
  }

  /** The watermark waits for what other engines tell. */
  get isHeld(): boolean {
    return this.streams.watermark < this.streams.allowed;
  }

  /** Applies one event. */
  observeShared(event: ApiEvent): void {
    if (this.isNew(event)) this.take(event);
  }

  /** Applies an authentication result to its network. */
  observeAttempt(attempt: Attempt): void {
    const { stream, position, at, failed, network, networkId, member, consumer } = attempt;
    if (!this.streams.acceptAttempt(stream, position) || at < this.streams.watermark) return;
    const { crowds, shared } = this.docket;
    if (!crowds.concerns(network, failed) || shared.isSharedFailure(consumer, at)) return;
    crowds.observeNetwork(networkId, network, member, at, failed);
  }

  /** What engines have told; its own too. */
  receive(reports: readonly Report[]): void {
    const { inbox } = this.spans;
    const before = inbox.completeUpTo;
    for (const report of reports) inbox.receive(report);
    if (inbox.completeUpTo > before) this.raiseLimit();
  }

  /** Goes on without what others have not told; answers how many did not. */
  giveUpWaiting(): number {
    const missing = this.spans.inbox.giveUp(this.streams.allowed - APPLIES_MS);
    this.raiseLimit();
    return missing;
  }

  private raiseLimit(): void {
    if (this.shard.count === 1) return;
    this.streams.limit = this.spans.inbox.completeUpTo + APPLIES_MS;
    if (this.streams.rise()) this.passWatermark();
  }

  /** What this engine has to tell all of them, itself included, since the last call. */
  report(): Report | undefined {
    return this.spans.report(this.streams.allowed);
  }

  override restore(state: LoadedState): void {
    super.restore(state);
    this.raiseLimit();
  }
}

/** Engine over the product's detectors. Throws `usage` on unknown detectors or settings. */
export function createShardEngine(options: ShardOptions): ShardEngine {
  return new ShardEngine(options, DETECTORS);
}
