/**
 * The audit log in Redis, until its entries are in the topic that keeps them for good: each writer's head, by which
 * an entry has to follow, and entries that are not there yet.
 *
 *   AUDIT:heads    hash  writer → SEQUENCE:HASH:NONCE of the write
 *   AUDIT:entries  hash  WRITER NUL SEQUENCE (12 digits) → JSON
 *   AUDIT:order    zset  the same fields, all of score 0
 *
 * A head never goes back for a process that has seen it: what a server that lost power has forgotten, the process
 * that wrote it still knows, and so does the topic.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { AuditEntry, AuditHead, AuditStore } from '../../../core/audit.ts';
import type { RedisLink } from '../connection.ts';
import { defineScript } from '../script.ts';
import { NUL, responseKey } from './keys.ts';

const NO_HASH = '0'.repeat(64);
const PAGE = 200;
/** Held in memory for the topic; what is beyond waits in Redis. */
const UNSENT_MAX = 10_000;
/** After a failure, and for what others have left. */
const AGAIN_MS = 1000;
const SWEEP_MS = 30_000;
/** How often it is looked for entries that are missing, and what lies between, ms. */
const READ_ROUNDS = 40;
const READ_PAUSE_MS = 250;

/** ARGV[7] and ARGV[8]: sequence and hash of the last entry that the process knows to be in. */
const APPEND = `
local head = redis.call('HGET', KEYS[1], ARGV[1])
local sequence, hash = 0, '${NO_HASH}'
if head then
  local digits, rest, nonce = string.match(head, '^(%d+):(%x+):(.*)$')
  if nonce == ARGV[9] then return 1 end
  sequence, hash = tonumber(digits), rest
end
if sequence < tonumber(ARGV[7]) then sequence, hash = tonumber(ARGV[7]), ARGV[8] end
if sequence ~= tonumber(ARGV[2]) - 1 or hash ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. ARGV[4] .. ':' .. ARGV[9])
redis.call('HSET', KEYS[2], ARGV[6], ARGV[5])
redis.call('ZADD', KEYS[3], 0, ARGV[6])
return 1
`;

const DROP = `
for _, field in ipairs(ARGV) do
  redis.call('ZREM', KEYS[2], field)
  redis.call('HDEL', KEYS[1], field)
end
return 1
`;

export interface AuditTopic {
  /** Durable when it resolves; the same entry may be sent again. */
  publish(entries: readonly AuditEntry[]): Promise<void>;
  /** Those of the topic, in order of their sequence. */
  entries(writer: string, fromSequence: number, limit: number): Promise<AuditEntry[]>;
}

export interface RedisAuditStore extends AuditStore {
  /** Entries that wait for the topic, of this process. */
  readonly unsent: number;
  close(): void;
}

/** Without a topic entries stay in Redis. */
export function createAuditStore(
  link: RedisLink,
  prefix: string,
  topic?: AuditTopic,
): RedisAuditStore {
  const { redis, insist } = link;
  const key = (part: string) => responseKey(prefix, `audit:${part}`);
  const keys = [key('heads'), key('entries'), key('order')];
  const append = defineScript(link, 'keyhoundAuditAppend', APPEND, 3);
  const confirmed = new Map<string, AuditHead>();
  const kept: Kept = {
    drop: defineScript(link, 'keyhoundAuditDrop', DROP, 2),
    keys: [key('entries'), key('order')],
    async range(from, to, limit) {
      const fields = await insist(() =>
        redis.zrangebylex(key('order'), from, to, 'LIMIT', 0, limit),
      );
      if (fields.length === 0) return [];
      const bodies = await insist(() => redis.hmget(key('entries'), ...fields));
      return bodies.flatMap((body) => (body === null ? [] : (JSON.parse(body) as AuditEntry)));
    },
  };
  const sender = topic === undefined ? undefined : new Sender(topic, kept);
  const later = (a: AuditHead | undefined, b: AuditHead | undefined) =>
    (a?.sequence ?? 0) >= (b?.sequence ?? 0) ? a : b;
  const inRedis = (writer: string, from: number, limit: number) =>
    kept.range(`[${fieldOf(writer, from)}`, `(${writer}\u0001`, limit);
  return {
    get unsent() {
      return sender?.unsent ?? 0;
    },
    async appendAudit(entry) {
      const { writer, sequence, previous, hash } = entry;
      const field = fieldOf(writer, sequence);
      const known = confirmed.get(writer) ?? { sequence: 0, hash: NO_HASH };
      const args = [writer, sequence, previous, hash, JSON.stringify(entry), field];
      const done = await append(keys, ...args, known.sequence, known.hash, randomUUID());
      if (done !== 1) return false;
      confirmed.set(writer, later({ writer, sequence, hash }, confirmed.get(writer))!);
      sender?.take(entry);
      return true;
    },
    async auditHead(writer) {
      const text = await insist(() => redis.hget(key('heads'), writer));
      return later(headOf(writer, text), confirmed.get(writer));
    },
    async auditHeads() {
      const all = await insist(() => redis.hgetall(key('heads')));
      const heads = Object.entries(all).map(([writer, text]) =>
        later(headOf(writer, text), confirmed.get(writer)),
      );
      return heads.flatMap((head) => head ?? []).sort((a, b) => (a.writer < b.writer ? -1 : 1));
    },
    async auditEntries(writer, fromSequence, limit) {
      for (let round = 1; ; round++) {
        const sent = (await topic?.entries(writer, fromSequence, limit)) ?? [];
        const from = fromSequence + sent.length;
        const rest = sent.length < limit ? await inRedis(writer, from, limit - sent.length) : [];
        const all = [...sent, ...rest];
        const isWhole = all.every(({ sequence }, i) => sequence === fromSequence + i);
        // What has left Redis may not be found yet where the topic is read from.
        if (isWhole || topic === undefined || round === READ_ROUNDS) return all;
        await delay(READ_PAUSE_MS);
      }
    },
    close: () => sender?.close(),
  };
}

interface Kept {
  readonly keys: readonly string[];
  readonly drop: ReturnType<typeof defineScript>;
  range(from: string, to: string, limit: number): Promise<AuditEntry[]>;
}

/** Brings entries into the topic, one batch at a time, and takes them out of Redis then. */
class Sender {
  private readonly topic: AuditTopic;
  private readonly kept: Kept;
  private queue: AuditEntry[] = [];
  private isBusy = false;
  private isClosed = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(topic: AuditTopic, kept: Kept) {
    this.topic = topic;
    this.kept = kept;
    void this.sweep();
  }

  get unsent(): number {
    return this.queue.length;
  }

  take(entry: AuditEntry): void {
    if (this.queue.length < UNSENT_MAX) this.queue.push(entry);
    void this.pump();
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
  }

  private async pump(): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      while (this.queue.length > 0 && !this.isClosed) {
        const batch = this.queue.slice(0, PAGE);
        await this.send(batch);
        this.queue.splice(0, batch.length);
      }
    } catch {
      this.again(AGAIN_MS);
    } finally {
      this.isBusy = false;
    }
  }

  private async send(batch: readonly AuditEntry[]): Promise<void> {
    await this.topic.publish(batch);
    const fields = batch.map(({ writer, sequence }) => fieldOf(writer, sequence));
    await this.kept.drop(this.kept.keys, ...fields);
  }

  /** What a process that ended has left, and what did not fit into memory. */
  private async sweep(): Promise<void> {
    if (this.isClosed) return;
    await this.pump();
    if (!this.isBusy && this.queue.length === 0) {
      this.isBusy = true;
      try {
        for (;;) {
          const left = await this.kept.range('-', '+', PAGE);
          if (left.length > 0) await this.send(left);
          if (left.length < PAGE || this.isClosed) break;
        }
      } catch {
        // Tried again with the next sweep; the connections say what is wrong.
      } finally {
        this.isBusy = false;
      }
      if (this.queue.length > 0) void this.pump();
    }
    this.again(SWEEP_MS);
  }

  private again(ms: number): void {
    if (this.isClosed) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.sweep(), ms);
    this.timer.unref();
  }
}

function fieldOf(writer: string, sequence: number): string {
  return `${writer}${NUL}${String(sequence).padStart(12, '0')}`;
}

function headOf(writer: string, text: string | null | undefined): AuditHead | undefined {
  if (text == null) return undefined;
  const [sequence = '', hash = ''] = text.split(':');
  return { writer, sequence: Number(sequence), hash };
}
