/**
 * What the engines of all processes tell each other (detectors/engine/exchange.ts), as it comes from its topic: one
 * follower a process hands each report to every engine here, in the order of the topic and without a gap.
 */
import type { LogFollower, ReceivedMessage } from '../../core/broker.ts';
import type { Report } from '../../detectors/engine/exchange.ts';

/** What an engine hears the exchange with. */
export interface ExchangeEar {
  /** Offset of the next report it has not heard. */
  heardTo: number;
  hear(report: Report): void;
}

export type Follow = (
  from: number,
  onMessages: (messages: readonly ReceivedMessage[]) => void,
) => LogFollower;

export class ExchangeFeed {
  /** Messages that are no report. */
  damaged = 0;
  /** Reports that were deleted before an engine here had heard them. */
  missed = 0;
  private readonly ears = new Set<ExchangeEar>();
  private readonly follow: Follow;
  private follower: LogFollower | undefined;
  /** Offset of the next message to come. */
  private next = 0;
  private readonly waiting = new Set<() => void>();
  /** After a jump: what comes first may leave out what was deleted. */
  private jumped = true;

  private fail: (error: Error) => void = () => {};

  constructor(follow: Follow) {
    this.follow = follow;
    this.failed = new Promise((resolve) => {
      this.fail = resolve;
    });
  }

  add(ear: ExchangeEar): void {
    this.ears.add(ear);
    if (this.follower === undefined) {
      this.follower = this.follow(ear.heardTo, (messages) => this.receive(messages));
      this.next = ear.heardTo;
      void this.follower.failed.then(this.fail);
    } else if (ear.heardTo < this.next) {
      this.jumped = true;
      this.next = ear.heardTo;
      this.follower.seek(ear.heardTo);
    }
  }

  remove(ear: ExchangeEar): void {
    this.ears.delete(ear);
  }

  /** Resolves with the next reports, or after a while without any. */
  async wait(atMostMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, atMostMs);
    this.waiting.add(resolve);
    await promise;
    this.waiting.delete(resolve);
    clearTimeout(timer);
  }

  trouble(): string | undefined {
    return this.follower?.trouble();
  }

  /** Settles when the exchange can be followed no more. */
  readonly failed: Promise<Error>;

  async close(): Promise<void> {
    await this.follower?.close();
  }

  private receive(messages: readonly ReceivedMessage[]): void {
    for (const { offset, value } of messages) {
      const report = this.parse(value);
      for (const ear of this.ears) {
        if (offset < ear.heardTo) continue;
        if (offset > ear.heardTo) {
          // Not its turn yet: the follower is about to go back for it; or what lies between is gone.
          if (!this.jumped) continue;
          this.missed += offset - ear.heardTo;
        }
        ear.heardTo = offset + 1;
        if (report !== undefined) ear.hear(report);
      }
      this.jumped = false;
      this.next = offset + 1;
    }
    for (const wake of this.waiting) wake();
  }

  private parse(value: Uint8Array): Report | undefined {
    try {
      return JSON.parse(Buffer.from(value).toString('utf8')) as Report;
    } catch {
      this.damaged++;
      return undefined;
    }
  }
}
