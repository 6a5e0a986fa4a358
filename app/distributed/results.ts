/** What detection has found, as messages of the topics of incidents: JSON, one object a message. */
import type { LogMessage, LogProducer } from '../../core/broker.ts';
import type { WatchVerdict } from '../../core/control.ts';
import type { Finding, FindingInputs, Incident } from '../../core/finding.ts';
import type { UsageRow } from '../../core/store.ts';
import type { ResultDocument } from '../../store/elasticsearch/documents.ts';

/** Bytes stand as base64. */
export interface InputsLine {
  readonly type: 'inputs';
  readonly id: string;
  readonly body: Omit<FindingInputs, 'record' | 'event'> & {
    readonly record: string;
    readonly event: string | null;
  };
}

/** Many keys a message: there is a row for every key and hour, and a message costs more than what it says. */
export interface UsageLine extends Pick<UsageRow, 'hourAt'> {
  readonly type: 'usage';
  readonly rows: readonly UsageOfKey[];
}

export interface UsageOfKey extends Omit<UsageRow, 'digest' | 'hourAt'> {
  /** 32 hex digits. */
  readonly digest: string;
}

/** What the stream says of an action: for the role respond. */
export interface WatchLine extends WatchVerdict {
  readonly type: 'watch';
}

export type ResultLine = Finding | Incident | InputsLine | UsageLine | WatchLine;

const USAGE_ROWS_MAX = 500;

/** Sends results in the order in which they are found. What comes again after a crash is the same, byte for byte. */
export class ResultSender {
  private readonly producer: LogProducer;
  private readonly topic: string;
  private readonly partition: number;
  private batch: LogMessage[] = [];
  private readonly sending = new Set<Promise<void>>();
  private failed: { readonly error: unknown } | undefined;

  constructor(producer: LogProducer, topic: string, partition: number) {
    this.producer = producer;
    this.topic = topic;
    this.partition = partition;
  }

  line(line: Finding | Incident): void {
    this.add(line.id, line);
  }

  inputs({ record, event, ...rest }: FindingInputs): void {
    const body = { ...rest, record: base64(record), event: event === null ? null : base64(event) };
    this.add(rest.findingId, { type: 'inputs', id: rest.findingId, body });
  }

  usage(rows: readonly UsageRow[]): void {
    for (const [hourAt, of] of Map.groupBy(rows, (row) => row.hourAt)) {
      for (let from = 0; from < of.length; from += USAGE_ROWS_MAX) {
        const part = of.slice(from, from + USAGE_ROWS_MAX).map(usageOfKey);
        this.add(null, { type: 'usage', hourAt, rows: part });
      }
    }
  }

  watch(verdict: WatchVerdict): void {
    this.add(verdict.action, { type: 'watch', ...verdict });
  }

  /** Sends what there is; does not wait. */
  flush(): void {
    if (this.batch.length === 0) return;
    const sent = this.producer.send(this.topic, this.partition, this.batch).catch((error) => {
      this.failed ??= { error };
    });
    this.batch = [];
    this.sending.add(sent);
    void sent.then(() => this.sending.delete(sent));
  }

  /** Resolves when all of it is safe. */
  async settle(): Promise<void> {
    this.flush();
    await Promise.all(this.sending);
    if (this.failed !== undefined) throw this.failed.error;
  }

  private add(key: string | null, line: ResultLine): void {
    this.batch.push({
      key: key === null ? null : Buffer.from(key),
      value: Buffer.from(JSON.stringify(line)),
    });
  }
}

function usageOfKey({ digest, requests, errors, bytesIn, bytesOut }: UsageRow): UsageOfKey {
  const bytes = Buffer.from(digest.buffer, digest.byteOffset, digest.byteLength);
  return { digest: bytes.toString('hex'), requests, errors, bytesIn, bytesOut };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** Undefined when it is none. */
export function resultLineOf(value: Uint8Array): ResultLine | undefined {
  try {
    const line = JSON.parse(Buffer.from(value).toString('utf8')) as ResultLine;
    return TYPES.has(line.type) ? line : undefined;
  } catch {
    return undefined;
  }
}

const TYPES: ReadonlySet<string> = new Set<ResultLine['type']>([
  'finding',
  'incident',
  'inputs',
  'usage',
  'watch',
]);

/** The documents of a line; none where it is for others. */
export function documentsOf(line: ResultLine): readonly ResultDocument[] {
  if (line.type === 'finding') return [{ kind: 'finding', body: line }];
  if (line.type === 'incident') return [{ kind: 'incident', body: line }];
  if (line.type === 'watch') return [];
  if (line.type === 'usage') {
    const { hourAt, rows } = line;
    return rows.map(({ digest, ...counts }) => ({
      kind: 'usage',
      body: { ...counts, hourAt, digest: Buffer.from(digest, 'hex') },
    }));
  }
  const { record, event, ...rest } = line.body;
  const bytes = event === null ? null : Buffer.from(event, 'base64');
  const body = { ...rest, record: Buffer.from(record, 'base64'), event: bytes };
  return [{ kind: 'inputs', body }];
}
