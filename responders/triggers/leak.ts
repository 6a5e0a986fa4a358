/**
 * POST /hooks/leak: somebody found a key in public and says so, signed (Standard Webhooks), with the raw key.
 *
 *   body = REPORT | [REPORT, …]         at most 100
 *   REPORT = {"token": RAW, "url"?: TEXT, "source"?: TEXT, "foundAt"?: RFC 3339, …}
 *
 * The raw key is matched by its hash at once, and never kept, logged or repeated. Known or not, whoever's it is: the
 * same answer after the same work, so that nobody tries keys here. A report is durable before it is answered; what
 * follows from it is done from there, so that a sender's retry, a replay and a crash do nothing twice.
 *
 * A secret of a sender that gets into wrong hands is bounded: its consumers, its highest rung, its keys an hour. What
 * is beyond them is told to people, and nothing is done. A key that is meant to be seen is never acted upon.
 */
import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import type { SenderConfig } from '../../core/config-response.ts';
import type { LeakReport, ReceivedReport, ReportBrake, ReportStore } from '../../core/report.ts';
import { readSecrets, verifyMessage } from '../standard-webhooks.ts';
import type { Trigger, TriggerAnswer, TriggerRequest } from './server.ts';

const REPORTS_MAX = 100;
const ID_LENGTH_MAX = 255;
const HOUR_MS = 3_600_000;
/** A sender repeats a message under the same id for days. */
const REMEMBERED_MS = 7 * 24 * HOUR_MS;

const report = z.object({
  token: z.string().min(1).max(8192),
  url: z.string().max(4096).optional(),
  source: z.string().max(256).optional(),
  foundAt: z.iso.datetime({ offset: true }).optional(),
});
const body = z.union([report.transform((one) => [one]), z.array(report).min(1).max(REPORTS_MAX)]);
type Report = z.infer<typeof report>;

/** What is known of a key. */
export interface ReportedKey {
  readonly id: string;
  /** '' where nobody knows. */
  readonly consumer: string;
  /** Registered as one that is meant to be seen. */
  readonly isPublic: boolean;
}

export interface LeakTriggerOptions {
  readonly senders: readonly SenderConfig[];
  readonly store: ReportStore;
  readonly clock: Clock;
  /**
   * Known keys that this raw key is, by HMAC and alias table, whatever gateway knows them; empty when there are none.
   * Keeps nothing of it. Its cost must not tell whether there is one. Rejects where that cannot be told now.
   */
  identify(raw: string): Promise<readonly ReportedKey[]>;
  /** Called once or more for a report; done with when it resolves. Called again later when it rejects. */
  onReport(report: LeakReport): Promise<void>;
  onError?(error: unknown): void;
}

export interface LeakTriggerStats {
  readonly received: number;
  /** Came before. */
  readonly repeated: number;
  readonly unsigned: number;
  readonly stale: number;
  readonly malformed: number;
  readonly hits: number;
  readonly held: Readonly<Record<ReportBrake, number>>;
}

export interface LeakTrigger extends Trigger {
  stats(): LeakTriggerStats;
  /** After a start, and every few seconds: hands on what could not be handed on before. */
  resume(): Promise<void>;
  /** When all that was received has been handed on, or was tried. */
  settled(): Promise<void>;
}

interface Sender {
  readonly config: SenderConfig;
  readonly secrets: readonly Buffer[];
  /** Keys that its reports led to actions on, with the latest time, epoch ms. */
  readonly acted: Map<string, number>;
}

/** Throws `usage` with code `secret-invalid`. */
export function createLeakTrigger(options: LeakTriggerOptions): LeakTrigger {
  return new Leaks(options);
}

class Leaks implements LeakTrigger {
  readonly name = 'leak';
  readonly #options: LeakTriggerOptions;
  readonly #senders: readonly Sender[];
  readonly #stats = { received: 0, repeated: 0, unsigned: 0, stale: 0, malformed: 0, hits: 0 };
  readonly #held: Record<ReportBrake, number> = { public: 0, consumer: 0, 'hourly-cap': 0 };
  /** Reports are handed on one after the other. */
  #handing: Promise<void> = Promise.resolve();
  #restored: Promise<void> | undefined;
  /** When reports that are too old are forgotten next, epoch ms. */
  #sweepAt = 0;

  constructor(options: LeakTriggerOptions) {
    this.#options = options;
    this.#senders = options.senders.map((config) => {
      return { config, secrets: readSecrets(config.secret), acted: new Map() };
    });
  }

  stats(): LeakTriggerStats {
    return { ...this.#stats, held: { ...this.#held } };
  }

  async receive({ headers, body }: TriggerRequest): Promise<TriggerAnswer> {
    const nowMs = this.#options.clock.now();
    const message = {
      id: one(headers['webhook-id']),
      timestamp: one(headers['webhook-timestamp']),
      signature: one(headers['webhook-signature']),
      body,
    };
    let sender: Sender | undefined;
    let isStale = false;
    // All are tried, whichever fits: nothing tells who the senders are.
    for (const candidate of this.#senders) {
      const verified = verifyMessage(message, candidate.secrets, nowMs);
      if (verified === 'unsigned') continue;
      sender = candidate;
      isStale = verified === 'stale';
    }
    if (sender === undefined) return this.#refuse('unsigned', 401);
    if (isStale) return this.#refuse('stale', 400);
    const read = readBody(body);
    if (read === undefined || message.id.length > ID_LENGTH_MAX) {
      return this.#refuse('malformed', 400);
    }
    if (!read.success) return this.#refuse('malformed', 422);
    return this.#take(sender, message.id, read.data, nowMs);
  }

  async #take(
    sender: Sender,
    deliveryId: string,
    reports: readonly Report[],
    nowMs: number,
  ): Promise<TriggerAnswer> {
    const { identify, store } = this.#options;
    try {
      await this.#restore();
      const keys = await Promise.all(reports.map(({ token }) => identify(token)));
      const hits = this.#hitsOf(sender, deliveryId, reports, keys, nowMs);
      const received = { sender: sender.config.name, deliveryId, at: nowMs, hits, handled: false };
      if (await store.putReport(received)) {
        this.#stats.received++;
        this.#count(hits);
        this.#handOn(received);
      } else this.#stats.repeated++;
      return RECEIVED;
    } catch (error) {
      this.#options.onError?.(error);
      return { status: 503 };
    }
  }

  #hitsOf(
    sender: Sender,
    deliveryId: string,
    reports: readonly Report[],
    keys: readonly (readonly ReportedKey[])[],
    nowMs: number,
  ): LeakReport[] {
    const hits = new Map<string, LeakReport>();
    const tokens = reports.map(({ token }) => token);
    forget(sender.acted, nowMs - HOUR_MS);
    for (const [i, said] of reports.entries()) {
      for (const key of keys[i]!) {
        if (hits.has(key.id)) continue;
        const heldBy = heldByOf(sender, key);
        // Counted before anything is waited for: many at once spend no more than one after the other.
        if (heldBy === undefined) sender.acted.set(key.id, nowMs);
        hits.set(key.id, {
          sender: sender.config.name,
          subjectId: key.id,
          ...textsOf(said, tokens),
          rungMax: heldBy === undefined ? sender.config.rung : 'alert',
          ...(heldBy === undefined ? {} : { heldBy }),
          at: nowMs,
          deliveryId,
        });
      }
    }
    return [...hits.values()];
  }

  #count(hits: readonly LeakReport[]): void {
    for (const { heldBy } of hits) {
      this.#stats.hits++;
      if (heldBy !== undefined) this.#held[heldBy]++;
    }
  }

  /** After the answer: it must not take longer because there is something to do. */
  #handOn(received: ReceivedReport): void {
    const { onError, onReport, store } = this.#options;
    this.#handing = this.#handing.then(async () => {
      try {
        for (const hit of received.hits) await onReport(hit);
        await store.reportHandled(received.sender, received.deliveryId);
      } catch (error) {
        onError?.(error);
      }
    });
  }

  settled(): Promise<void> {
    return this.#handing;
  }

  async resume(): Promise<void> {
    const { clock, store } = this.#options;
    await this.#restore();
    await this.#handing;
    const since = clock.now() - REMEMBERED_MS;
    for (const received of await store.openReports(since)) this.#handOn(received);
    await this.#handing;
    if (clock.now() < this.#sweepAt) return;
    this.#sweepAt = clock.now() + HOUR_MS;
    await store.removeReports(since);
  }

  /** What the senders have spent of their hour before a restart. */
  #restore(): Promise<void> {
    this.#restored ??= this.#readSpent().catch((error: unknown) => {
      this.#restored = undefined;
      throw error;
    });
    return this.#restored;
  }

  async #readSpent(): Promise<void> {
    const { clock, store } = this.#options;
    for (const { sender, hits } of await store.reports(clock.now() - HOUR_MS)) {
      const known = this.#senders.find(({ config }) => config.name === sender);
      for (const { at, heldBy, subjectId } of hits) {
        if (heldBy === undefined) known?.acted.set(subjectId, at);
      }
    }
  }

  #refuse(reason: 'unsigned' | 'stale' | 'malformed', status: number): TriggerAnswer {
    this.#stats[reason]++;
    return { status };
  }
}

const RECEIVED: TriggerAnswer = { status: 202 };

/** Undefined when it is no JSON. */
function readBody(bytes: Buffer): ReturnType<typeof body.safeParse> | undefined {
  try {
    return body.safeParse(JSON.parse(bytes.toString('utf8')));
  } catch {
    return undefined;
  }
}

function heldByOf(
  { acted, config: { consumers, perHourMax } }: Sender,
  { consumer, id, isPublic }: ReportedKey,
): ReportBrake | undefined {
  if (isPublic) return 'public';
  if (consumers !== undefined && !consumers.includes(consumer)) return 'consumer';
  return acted.size >= perHourMax && !acted.has(id) ? 'hourly-cap' : undefined;
}

function forget(acted: Map<string, number>, beforeAt: number): void {
  for (const [id, at] of acted) if (at < beforeAt) acted.delete(id);
}

/** What a sender says of where; a raw key can stand in an address, too. */
function textsOf(
  { foundAt, source, url }: Report,
  tokens: readonly string[],
): Pick<LeakReport, 'foundAt' | 'source' | 'url'> {
  return {
    ...(url === undefined ? {} : { url: blanked(url, tokens) }),
    ...(source === undefined ? {} : { source: blanked(source, tokens) }),
    ...(foundAt === undefined ? {} : { foundAt }),
  };
}

function blanked(text: string, tokens: readonly string[]): string {
  let safe = text;
  for (const token of tokens) {
    if (token.length < 4) continue;
    for (const form of [token, encoded(token)]) safe = safe.replaceAll(form, '[key]');
  }
  return safe;
}

function encoded(token: string): string {
  return encodeURIComponent(token.toWellFormed());
}

function one(header: string | readonly string[] | undefined): string {
  return typeof header === 'string' ? header : '';
}
