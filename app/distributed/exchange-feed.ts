/**
 * What the engines of all processes tell each other (detectors/engine/exchange.ts), as it comes from its topic: one
 * follower a process hands each report to every engine here, in the order of the topic and without a gap. A message
 * is a JSON array of reports.
 */
import type { LogFollower, ReceivedMessage } from '../../core/broker.ts';
import type { Report } from '../../detectors/engine/exchange.ts';

/** What an engine hears the exchange with. */
export interface ExchangeEar {
  /** Offset of the next report it has not heard. */
  heardTo: number;
  hear(reports: readonly Report[]): void;
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
  private readonly onMissed: (messages: number) => void;
  private follower: LogFollower | undefined;
  /** Offset of the next message to come. */
  private next = 0;
  /** Of those who wait; settles with the next reports. */
  private news: PromiseWithResolvers<void> | undefined;
  /** After a jump: what comes first may leave out what was deleted. */
  private jumped = true;

  private fail: (error: Error) => void = () => {};

  constructor(follow: Follow, onMissed: (messages: number) => void) {
    this.follow = follow;
    this.onMissed = onMissed;
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
  wait(atMostMs: number): Promise<void> {
    if (this.news === undefined) {
      const news = Promise.withResolvers<void>();
      this.news = news;
      const timer = setTimeout(() => this.wake(), atMostMs);
      void news.promise.then(() => clearTimeout(timer));
    }
    return this.news.promise;
  }

  private wake(): void {
    const { news } = this;
    this.news = undefined;
    news?.resolve();
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
      const reports = this.parse(value);
      for (const ear of this.ears) {
        if (offset < ear.heardTo) continue;
        if (offset > ear.heardTo) {
          // Not its turn yet: the follower is about to go back for it; or what lies between is gone.
          if (!this.jumped) continue;
          this.missed += offset - ear.heardTo;
          this.onMissed(offset - ear.heardTo);
        }
        ear.heardTo = offset + 1;
        if (reports !== undefined) ear.hear(reports);
      }
      this.jumped = false;
      this.next = offset + 1;
    }
    this.wake();
  }

  private parse(value: Uint8Array): readonly Report[] | undefined {
    try {
      const text = Buffer.from(value.buffer, value.byteOffset, value.length).toString('utf8');
      const reports: unknown = JSON.parse(text);
      if (Array.isArray(reports)) return reports as Report[];
      this.damaged++;
      return undefined;
    } catch {
      this.damaged++;
      return undefined;
    }
  }
}
