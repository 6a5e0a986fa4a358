/**
 * Indexing. An own loop over the bulk API, as the library's helper gives up on a time-out or a refused connection and
 * then nobody knows what got in. Here every document is in or rejected when `index` resolves, and as it carries its id
 * and version (documents.ts), sending it again is harmless: after a time-out it may be in already.
 *
 *   item 200, 201  in                          connection, time-out, HTTP 408, 429, 5xx   the batch again
 *   item 409       in already, or a later one  HTTP 401, 403, 404 and the same of items   again: the cluster is set up
 *   item 429, 5xx  that item again                                                        wrongly, no document is
 *   other 4xx      rejected                    other HTTP 4xx                             in halves, to find the one
 */
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { asOperating, type Connection, reasonOf, statusOf } from './connection.ts';
import { indexOf, placeOf, type ResultDocument, sourceOf } from './documents.ts';
import { installTemplates } from './templates.ts';

export interface WriterOptions {
  /** With a request time-out of 5 s or so: `WRITE_TIMEOUT_MS`. */
  readonly connection: Connection;
  /** A document that no repeat would bring in, and why; `index` waits for it. The reason holds no text of it. */
  onRejected(document: ResultDocument, reason: string): void | Promise<void>;
  readonly documentsMax?: number;
  readonly bytesMax?: number;
}

export interface WriterFigures {
  /** Documents that were taken: new ones, and later revisions. */
  readonly indexed: number;
  /** Documents that were there already, or in a later revision. */
  readonly repeated: number;
  readonly rejected: number;
  /** Documents sent once more. */
  readonly resent: number;
}

export interface ResultWriter {
  /**
   * Resolves when every document is in or rejected, however long that takes. Rejects when `signal` aborts, or
   * `onRejected` fails; some documents may be in then. May be called while an earlier call waits.
   */
  index(documents: readonly ResultDocument[], signal?: AbortSignal): Promise<void>;
  /** What keeps a call waiting, in words; undefined while all is well. */
  trouble(): string | undefined;
  figures(): WriterFigures;
}

export const WRITE_TIMEOUT_MS = 5000;
const DOCUMENTS_MAX = 1000;
const BYTES_MAX = 4 << 20;
const PAUSE_MS_MIN = 200;
const PAUSE_MS_MAX = 5000;

export function createWriter(options: WriterOptions): ResultWriter {
  return new Writer(options);
}

interface Item {
  readonly document: ResultDocument;
  /** Both lines of the bulk request. */
  readonly lines: string;
}

/** What came of one request. */
interface Outcome {
  /** To be sent again. */
  readonly left: readonly Item[];
  /** Why. */
  readonly trouble?: string;
  /** The request as a whole is at fault: one of its documents, or its size. */
  readonly refused?: string;
}

interface BulkAnswer {
  readonly errors: boolean;
  readonly items?: readonly Readonly<Record<string, ItemAnswer>>[];
}

interface ItemAnswer {
  readonly status: number;
  readonly error?: { readonly type?: string; readonly reason?: string };
}

class Writer implements ResultWriter {
  private readonly options: WriterOptions;
  private readonly counts = { indexed: 0, repeated: 0, rejected: 0, resent: 0 };
  /** Of each waiting call. */
  private readonly troubles = new Map<symbol, string>();
  /** The templates are known to be there. After trouble they are looked for again: it may be another cluster. */
  private isPrepared = false;

  constructor(options: WriterOptions) {
    this.options = options;
  }

  async index(documents: readonly ResultDocument[], signal?: AbortSignal): Promise<void> {
    const call = Symbol('index');
    try {
      const { documentsMax = DOCUMENTS_MAX, bytesMax = BYTES_MAX } = this.options;
      let batch: Item[] = [];
      let bytes = 0;
      for (const document of documents) {
        const item = await this.itemOf(document);
        if (item === undefined) continue;
        const size = Buffer.byteLength(item.lines);
        if (batch.length === documentsMax || (batch.length > 0 && bytes + size > bytesMax)) {
          await this.send(call, batch, signal);
          batch = [];
          bytes = 0;
        }
        batch.push(item);
        bytes += size;
      }
      await this.send(call, batch, signal);
    } finally {
      this.troubles.delete(call);
    }
  }

  trouble(): string | undefined {
    return this.troubles.values().next().value;
  }

  figures(): WriterFigures {
    return { ...this.counts };
  }

  private async itemOf(document: ResultDocument): Promise<Item | undefined> {
    const place = placeOf(document);
    const index = indexOf(this.options.connection.prefix, place);
    if (index === undefined) {
      await this.reject(document, 'its time names no day');
      return undefined;
    }
    const target = { _index: index, _id: place.id };
    const action =
      place.version === undefined
        ? { create: target }
        : { index: { ...target, version: place.version, version_type: 'external' } };
    return { document, lines: `${JSON.stringify(action)}\n${sourceOf(document, place)}` };
  }

  /** Until all of the batch is in or rejected. */
  private async send(
    call: symbol,
    batch: readonly Item[],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    let left = batch;
    let pauses = 0;
    while (left.length > 0) {
      signal?.throwIfAborted();
      const outcome = await this.attempt(left, signal);
      if (outcome.refused !== undefined) return this.divide(call, left, outcome.refused, signal);
      pauses = outcome.left.length < left.length ? 0 : pauses + 1;
      left = outcome.left;
      if (left.length === 0) break;
      this.counts.resent += left.length;
      this.troubles.set(call, outcome.trouble ?? 'some documents were put off');
      // Aborted, it rejects with an error of its own: the caller's reason is thrown above.
      await delay(pauseMs(pauses), undefined, { signal }).catch(() => undefined);
    }
    this.troubles.delete(call);
  }

  /** Somewhere in the batch is what the cluster will not take as a request. */
  private async divide(
    call: symbol,
    batch: readonly Item[],
    reason: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (batch.length === 1) return this.reject(batch[0]!.document, reason);
    const middle = Math.ceil(batch.length / 2);
    await this.send(call, batch.slice(0, middle), signal);
    await this.send(call, batch.slice(middle), signal);
  }

  private async attempt(batch: readonly Item[], signal: AbortSignal | undefined): Promise<Outcome> {
    const { connection } = this.options;
    try {
      if (!this.isPrepared) await installTemplates(connection);
      this.isPrepared = true;
      const answer = await connection.client.transport.request<BulkAnswer>(
        {
          method: 'POST',
          path: '/_bulk',
          querystring: {
            filter_path: 'errors,items.*.status,items.*.error.type,items.*.error.reason',
          },
          bulkBody: batch.map(({ lines }) => lines),
        },
        signal === undefined ? {} : { signal },
      );
      return await this.settle(batch, answer);
    } catch (error) {
      signal?.throwIfAborted();
      return this.failed(batch, error);
    }
  }

  private failed(batch: readonly Item[], error: unknown): Outcome {
    if (error instanceof RejectionFailed) throw error.cause;
    this.isPrepared = false;
    const status = statusOf(error);
    if (status !== undefined && isOfDocument(status)) {
      return { left: batch, refused: reasonOf(error) };
    }
    return { left: batch, trouble: asOperating(error, this.options.connection).message };
  }

  private async settle(batch: readonly Item[], answer: BulkAnswer): Promise<Outcome> {
    const { hosts } = this.options.connection;
    const answers = answer.items ?? [];
    if (answers.length !== batch.length) {
      return { left: batch, trouble: `Elasticsearch at ${hosts}: an answer of another length` };
    }
    const left: Item[] = [];
    let trouble: string | undefined;
    for (const [i, item] of batch.entries()) {
      const { status, error } = Object.values(answers[i]!)[0]!;
      if (status < 300) this.counts.indexed++;
      else if (status === 409) this.counts.repeated++;
      else if (isOfDocument(status) && !CLUSTER_FAULTS.has(error?.type ?? '')) {
        await this.reject(item.document, itemReason(status, error));
      } else {
        left.push(item);
        trouble ??= `Elasticsearch at ${hosts}: ${itemReason(status, error)}`;
      }
    }
    return trouble === undefined ? { left } : { left, trouble };
  }

  private async reject(document: ResultDocument, reason: string): Promise<void> {
    this.counts.rejected++;
    try {
      await this.options.onRejected(document, reason);
    } catch (error) {
      throw new RejectionFailed('a rejected document was not taken', { cause: error });
    }
  }
}

/** Nobody took the rejected document: that ends the call, it is nothing to be sent again. */
class RejectionFailed extends Error {}

/** A 400 that says nothing of the document: the cluster takes no new index (its shards are at their limit). */
const CLUSTER_FAULTS: ReadonlySet<string> = new Set(['validation_exception']);

/** Whether a refusal is about what was sent, and not about the cluster's condition or our rights in it. */
function isOfDocument(status: number): boolean {
  return status >= 400 && status < 500 && ![401, 403, 404, 408, 429].includes(status);
}

const REASON_CHARACTERS_MAX = 300;

/** The server quotes values of the document after these words: they are cut. */
function itemReason(status: number, error: ItemAnswer['error']): string {
  const said = (error?.reason ?? '').replace(
    /(?: in document with id|\. ?Preview of field).*/s,
    '',
  );
  return `${status} ${error?.type ?? ''}: ${said}`.slice(0, REASON_CHARACTERS_MAX);
}

/** Grows, and is random, so that many writers do not return in step. */
function pauseMs(pauses: number): number {
  const most = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** Math.min(pauses, 10));
  return (randomInt(1 << 20) / (1 << 20)) * most;
}
