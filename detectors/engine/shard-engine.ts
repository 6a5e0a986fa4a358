/**
 * One of several engines that share the key groups: it has those of its shard, reads them from a log that says itself
 * how far its sources have come, and waits for the other engines where it is too far ahead of them (exchange.ts).
 */
import { type ApiEvent, KEY_GROUPS } from '../../core/event.ts';
import type { LoadedState } from '../../core/store.ts';
import type { Detector } from '../detector.ts';
import { DETECTORS } from '../list.ts';
import type { EngineOptions, NetworkAttempt } from './contract.ts';
import { DetectionEngine } from './engine.ts';
import { APPLIES_MS, type Report } from './exchange.ts';
import type { Shard } from './spans.ts';

export type ShardOptions = EngineOptions & { readonly shard: Shard };

export class ShardEngine extends DetectionEngine {
  /** Place in the log, by key group, below which what comes is applied already (LoadedState.groupsAhead). */
  private readonly appliedUpTo = new Float64Array(KEY_GROUPS);

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
    return this.streams.watermark >= this.streams.allowed;
  }

  /** Applies one event; `logPosition` is that of its message. */
  observeShared(event: ApiEvent, logPosition: number): void {
    if (!this.isNew(event)) return;
    const group = this.groups[event.key.digest0 & (KEY_GROUPS - 1)]!;
    if (logPosition >= this.appliedUpTo[group.index]!) this.take(event);
    // Applied before a crash. The words of routes belong to no group, and are collected again.
    else if (event.attested && group.slab.find(event.key) > 0) this.routes.resolve(event);
  }

  /** Applies an authentication result to its network. */
  observeAttempt(attempt: NetworkAttempt, logPosition: number): void {
    const { stream, position, at, failed, network, networkId, member, consumer } = attempt;
    if (!this.streams.acceptAttempt(stream, position) || at < this.streams.watermark) return;
    const { crowds } = this.docket;
    if (logPosition < this.appliedUpTo[crowds.groupOfNetwork(network)]!) return;
    if (!crowds.concerns(network, failed) || this.docket.shared.isSharedFailure(consumer, at))
      return;
    crowds.observeNetwork(networkId, network, member, at, failed);
  }

  /** What an engine has told; its own too. */
  receive(report: Report): void {
    this.spans.inbox.receive(report);
    this.raiseLimit();
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
    for (const { group, position } of state.groupsAhead ?? []) this.appliedUpTo[group] = position;
    this.raiseLimit();
  }
}

/** Engine over the product's detectors. Throws `usage` on unknown detectors or settings. */
export function createShardEngine(options: ShardOptions): ShardEngine {
  return new ShardEngine(options, DETECTORS);
}
