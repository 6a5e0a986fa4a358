/**
 * What people say, from the process that hears it to all partitions: numbered by one sequence of the installation,
 * kept in Redis until every partition has it (store/redis/control.ts), then in the topic of controls, from which each
 * console knows the rules that hold.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogFollower, LogProducer, ReceivedMessage } from '../../core/broker.ts';
import { RULES_MAX, type Rule, type RuleChange } from '../../core/control.ts';
import { KeyhoundError } from '../../core/errors.ts';
import type { ControlRecord } from '../../core/store.ts';
import { Turns } from '../../core/turns.ts';
import type { ControlNumbers, PendingRecord } from '../../store/redis/control.ts';
import type { Logger } from '../contract.ts';
import { batchOf, latestOf, ruleIdOf } from './control-record.ts';

export interface ControlLogOptions {
  /** Connects where it is not connected yet. */
  numbers(): Promise<ControlNumbers>;
  readonly producer: LogProducer;
  readonly topics: { readonly events: string; readonly control: string };
  readonly partitions: number;
  readonly logger: Logger;
  /** Follows the topic of controls from its beginning. */
  follow(apply: (messages: readonly ReceivedMessage[]) => void): LogFollower;
}

/** So long it is tried to get a turn, and the latest values are waited for, ms. */
const PATIENCE_MS = 15_000;
const AGAIN_MS = 100;
/** What was left unsent is looked for so often while something may be, ms. */
const RECOVER_MS = 5000;

interface Known {
  readonly sequence: number;
  /** Undefined once it was removed. */
  readonly rule: Rule | undefined;
}

export class ControlLog {
  private readonly options: ControlLogOptions;
  private readonly turns = new Turns();
  private readonly follower: LogFollower;
  /** By id of the rule. */
  private readonly known = new Map<string, Known>();
  /** Highest number seen. */
  private highest = 0;
  private mayBePending = true;
  private readonly recovering: NodeJS.Timeout;

  constructor(options: ControlLogOptions) {
    this.options = options;
    this.follower = options.follow((messages) => this.hear(messages));
    this.recovering = setInterval(() => void this.recover(), RECOVER_MS);
    this.recovering.unref();
    void this.recover();
  }

  /** Those that were made and not removed, in the order of the sequence; some may have ended. */
  async rules(): Promise<Rule[]> {
    await this.caughtUp();
    const held = [...this.known.values()].sort((a, b) => a.sequence - b.sequence);
    return held.flatMap(({ rule }) => rule ?? []);
  }

  /** Resolves when all partitions have it. */
  say(record: Omit<ControlRecord, 'sequence'>): Promise<void> {
    return this.turns.take(async () => {
      await this.caughtUp();
      const numbers = await this.options.numbers();
      const writer = await begin(numbers);
      let sent: number | undefined;
      try {
        const left = await numbers.pending();
        if (left !== undefined) await this.send(left);
        const text = JSON.stringify(record);
        const sequence = await numbers.take(writer, this.highest, text);
        if (sequence === undefined) throw busy();
        this.mayBePending = true;
        await this.send({ sequence, record: text });
        sent = sequence;
        this.mayBePending = false;
      } finally {
        await numbers.end(writer, sent);
      }
    });
  }

  trouble(): string | undefined {
    return this.follower.trouble();
  }

  get failed(): Promise<Error> {
    return this.follower.failed;
  }

  async close(): Promise<void> {
    clearInterval(this.recovering);
    await this.follower.close();
    await this.options.producer.close();
  }

  private async caughtUp(): Promise<void> {
    const late = sleep(PATIENCE_MS, 'late' as const, { ref: false });
    if ((await Promise.race([this.follower.caughtUp, late])) === 'late') throw unread();
  }

  /** What was numbered here or elsewhere, and did not arrive everywhere, arrives. */
  private async recover(): Promise<void> {
    if (!this.mayBePending) return;
    await this.turns
      .take(async () => {
        const numbers = await this.options.numbers();
        if ((await numbers.pending()) === undefined) {
          this.mayBePending = false;
          return;
        }
        const writer = randomUUID();
        // Somebody is at it.
        if (!(await numbers.begin(writer))) return;
        let sent: number | undefined;
        try {
          const left = await numbers.pending();
          if (left !== undefined) await this.send(left);
          sent = left?.sequence;
          this.mayBePending = false;
        } finally {
          await numbers.end(writer, sent);
        }
      })
      .catch((error: unknown) => {
        this.options.logger.warn({ err: error }, 'a control record has not arrived yet');
      });
  }

  private async send({ sequence, record: text }: PendingRecord): Promise<void> {
    const { partitions, producer, topics } = this.options;
    const said = JSON.parse(text) as Omit<ControlRecord, 'sequence'>;
    const record: ControlRecord = { ...said, sequence };
    const value = batchOf(record);
    await Promise.all(
      Array.from({ length: partitions }, (_, partition) =>
        producer.send(topics.events, partition, [{ key: null, value }]),
      ),
    );
    await producer.send(topics.control, 0, [latestOf(record)]);
    this.take(record);
  }

  private hear(messages: readonly ReceivedMessage[]): void {
    for (const { value } of messages) {
      try {
        this.take(JSON.parse(Buffer.from(value).toString('utf8')) as ControlRecord);
      } catch {
        this.options.logger.warn({}, 'a message of the topic of controls cannot be read');
      }
    }
  }

  private take({ kind, sequence, body }: ControlRecord): void {
    if (sequence > this.highest) this.highest = sequence;
    if (kind !== 'silence' && kind !== 'allow') return;
    const change = body as unknown as RuleChange;
    const id = ruleIdOf(change);
    if ((this.known.get(id)?.sequence ?? 0) >= sequence) return;
    this.known.delete(id);
    const rule = change.change === 'add' ? change.rule : undefined;
    this.known.set(id, { sequence, rule });
    if (this.known.size <= 2 * RULES_MAX) return;
    for (const [old, { rule }] of this.known) if (rule === undefined) this.known.delete(old);
  }
}

async function begin(numbers: ControlNumbers): Promise<string> {
  const writer = randomUUID();
  for (let waited = 0; waited < PATIENCE_MS; waited += AGAIN_MS) {
    if (await numbers.begin(writer)) return writer;
    await sleep(AGAIN_MS);
  }
  throw busy();
}

function busy(): KeyhoundError {
  return new KeyhoundError('operating', 'another process is telling the partitions something', {
    code: 'control-busy',
    retryable: true,
    hint: 'Try again. Look at what holds first: what was said may have arrived.',
  });
}

function unread(): KeyhoundError {
  return new KeyhoundError('operating', 'what people have said before could not be read in time', {
    code: 'control-unread',
    retryable: true,
    hint: 'Are the brokers up, and does the topic of controls exist? `keyhound doctor` tells.',
  });
}
