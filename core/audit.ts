/** The audit log: append-only, hash-chained per writer. What it cannot record is not done. */

export interface AuditNote {
  /** `policy`, `person:NAME`, `report:SENDER`, `keyhound`. */
  readonly who: string;
  /** E.g. `decided`, `approved`, `denied`, `applied`, `undone`, `verified`, `policy-changed`, `stopped`. */
  readonly what: string;
  /** Id of the key, or ''. */
  readonly subject: string;
  readonly why: string;
  /** Wall clock, epoch ms. */
  readonly at: number;
  /** Ids it rests on: incident, findings, decision, action; plain JSON without a secret. */
  readonly evidence: Readonly<Record<string, unknown>>;
  /** Id of the entry that this one undoes. */
  readonly undoes?: string;
}

export interface AuditEntry extends AuditNote {
  /** `WRITER-SEQUENCE`. */
  readonly id: string;
  /** Who wrote it down: one chain each. */
  readonly writer: string;
  /** From 1, without a hole. */
  readonly sequence: number;
  /** Hash of the entry before in hex; of the first: 64 zeros. */
  readonly previous: string;
  /** SHA-256 in hex over the canonical JSON of all fields but this one. */
  readonly hash: string;
}

export interface AuditHead {
  readonly writer: string;
  readonly sequence: number;
  readonly hash: string;
}

/** Where entries are kept. Drivers: SQLite, Kafka topic with Elasticsearch. */
export interface AuditStore {
  /** Refuses (false) an entry that does not follow the writer's last one. Durable when it resolves. */
  appendAudit(entry: AuditEntry): Promise<boolean>;
  auditHead(writer: string): Promise<AuditHead | undefined>;
  auditHeads(): Promise<AuditHead[]>;
  /** In order of their sequence. */
  auditEntries(writer: string, fromSequence: number, limit: number): Promise<AuditEntry[]>;
}

/** What stages write to. */
export interface AuditLog {
  /** Durable when it resolves; rejects with `operating` when it could not be recorded: then nothing may be done. */
  record(note: AuditNote): Promise<AuditEntry>;
}
