/**
 * What the engines of this process tell the others, into the topic of the exchange. An engine tells little and often,
 * and all of them at about the same time: what comes while a request is under way goes with the next one, and what a
 * shard has told meanwhile is one report.
 */
import type { LogMessage } from '../../core/broker.ts';
import type { Report } from '../../detectors/engine/exchange.ts';

/** Of a message; a report that is larger has one of its own. */
const MESSAGE_CHARACTERS_MAX = 100_000;

export type Send = (messages: readonly LogMessage[]) => Promise<void>;

export class ExchangeTeller {
  private readonly send: Send;
  /** What waits, by shard. */
  private waiting = new Map<number, Report>();
  private sending: Promise<void> | undefined;
  private failed: { readonly error: unknown } | undefined;

  constructor(send: Send) {
    this.send = send;
  }

  /** Does not wait: whoever needs it hears it from the topic. */
  tell(report: Report): void {
    const { shard, upTo, spans } = report;
    const before = this.waiting.get(shard);
    const all = before === undefined ? report : { shard, upTo, spans: [...before.spans, ...spans] };
    this.waiting.set(shard, all);
    this.sending ??= this.sendAll();
  }

  /** Resolves when all that was told before is safe. */
  async settle(): Promise<void> {
    // What waits when the request under way ends goes with the one after it, and no later.
    for (let request = 0; request < 2; request++) await this.sending;
    if (this.failed !== undefined) throw this.failed.error;
  }

  private async sendAll(): Promise<void> {
    // So that all who speak in this turn share it.
    await new Promise(setImmediate);
    const messages = messagesOf(this.waiting.values());
    this.waiting = new Map();
    try {
      await this.send(messages);
    } catch (error) {
      this.failed ??= { error };
    }
    this.sending = this.waiting.size > 0 ? this.sendAll() : undefined;
  }
}

function messagesOf(reports: Iterable<Report>): LogMessage[] {
  const messages: LogMessage[] = [];
  let texts: string[] = [];
  let room = MESSAGE_CHARACTERS_MAX;
  const cut = () => {
    if (texts.length > 0) messages.push({ key: null, value: Buffer.from(`[${texts.join(',')}]`) });
    texts = [];
    room = MESSAGE_CHARACTERS_MAX;
  };
  for (const report of reports) {
    const text = JSON.stringify(report);
    if (text.length > room) cut();
    texts.push(text);
    room -= text.length;
  }
  cut();
  return messages;
}
