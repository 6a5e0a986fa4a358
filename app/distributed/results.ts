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

export interface UsageLine extends Omit<UsageRow, 'digest'> {
  readonly type: 'usage';
  /** 32 hex digits. */
  readonly digest: string;
}

/** What the stream says of an action: for the role respond. */
export interface WatchLine extends WatchVerdict {
  readonly type: 'watch';
}

export type ResultLine = Finding | Incident | InputsLine | UsageLine | WatchLine;

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

  usage({ digest, ...rest }: UsageRow): void {
    const key = Buffer.from(digest).toString('hex');
    this.add(key, { type: 'usage', digest: key, ...rest });
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

  private add(key: string, line: ResultLine): void {
    this.batch.push({ key: Buffer.from(key), value: Buffer.from(JSON.stringify(line)) });
  }
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

/** The document of a line; undefined for one that is for others. */
export function documentOf(line: ResultLine): ResultDocument | undefined {
  if (line.type === 'finding') return { kind: 'finding', body: line };
  if (line.type === 'incident') return { kind: 'incident', body: line };
  if (line.type === 'watch') return undefined;
  if (line.type === 'usage') {
    const { type: _, digest, ...row } = line;
    return { kind: 'usage', body: { ...row, digest: Buffer.from(digest, 'hex') } };
  }
  const { record, event, ...rest } = line.body;
  const bytes = event === null ? null : Buffer.from(event, 'base64');
  return { kind: 'inputs', body: { ...rest, record: Buffer.from(record, 'base64'), event: bytes } };
}
