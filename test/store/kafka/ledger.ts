/**
 * A store for tests, shared by processes: one SQLite file in which each partition has an epoch, a position and the
 * list of what was applied, all changed in one transaction. An owner whose epoch is no longer the last is refused.
 */
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import type { OwnedPartition, PartitionOwner, ReceivedMessage } from '../../../core/broker.ts';
import { KeyhoundError } from '../../../core/errors.ts';

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = OFF;
  CREATE TABLE IF NOT EXISTS owners (partition INTEGER PRIMARY KEY, epoch INTEGER, next INTEGER);
  CREATE TABLE IF NOT EXISTS applied (partition INTEGER, at INTEGER, text TEXT, epoch INTEGER);
`;

export interface LedgerHooks {
  /** Between being given messages and writing them down. */
  beforeCommit?(partition: number, messages: readonly ReceivedMessage[]): Promise<void> | void;
  opened?(partition: number, epoch: number): void;
  closed?(partition: number): void;
  fenced?(partition: number): void;
}

export class Ledger implements PartitionOwner {
  readonly #db: DatabaseSync;
  readonly #hooks: LedgerHooks;

  constructor(file: string, hooks: LedgerHooks = {}) {
    this.#db = new DatabaseSync(file, { timeout: 20_000 });
    this.#db.exec(SCHEMA);
    this.#hooks = hooks;
  }

  open(partition: number): Promise<OwnedPartition> {
    const claim = this.#db.prepare(
      `INSERT INTO owners VALUES (?, 1, 0)
       ON CONFLICT (partition) DO UPDATE SET epoch = epoch + 1 RETURNING epoch, next`,
    );
    const { epoch, next } = claim.get(partition) as { epoch: number; next: number };
    this.#hooks.opened?.(partition, epoch);
    let saved = next;
    return Promise.resolve({
      nextOffset: next,
      apply: async (messages) => {
        assert.ok(messages.length > 0 && messages.length <= 500);
        await this.#hooks.beforeCommit?.(partition, messages);
        this.#commit(partition, epoch, messages);
        saved = messages.at(-1)!.offset + 1;
      },
      savedOffset: () => saved,
      close: async () => this.#hooks.closed?.(partition),
    });
  }

  #commit(partition: number, epoch: number, messages: readonly ReceivedMessage[]): void {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const owner = this.#db.prepare('SELECT epoch, next FROM owners WHERE partition = ?');
      const row = owner.get(partition) as { epoch: number; next: number };
      if (row.epoch !== epoch) {
        this.#hooks.fenced?.(partition);
        throw new KeyhoundError('operating', 'another owner', { code: 'fenced' });
      }
      assert.ok(messages[0]!.offset >= row.next, 'delivered twice to the same owner');
      const insert = this.#db.prepare('INSERT INTO applied VALUES (?, ?, ?, ?)');
      for (const { offset, value } of messages) {
        insert.run(partition, offset, Buffer.from(value).toString(), epoch);
      }
      const move = this.#db.prepare('UPDATE owners SET next = ? WHERE partition = ?');
      move.run(messages.at(-1)!.offset + 1, partition);
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  get count(): number {
    const row = this.#db.prepare('SELECT count(*) AS n FROM applied').get() as { n: number };
    return row.n;
  }

  countOf(partition: number): number {
    const select = this.#db.prepare('SELECT count(*) AS n FROM applied WHERE partition = ?');
    return (select.get(partition) as { n: number }).n;
  }

  /** What was applied to a partition, in the order in which it was. */
  textsOf(partition: number): string[] {
    const select = this.#db.prepare('SELECT text FROM applied WHERE partition = ? ORDER BY rowid');
    return (select.all(partition) as Array<{ text: string }>).map(({ text }) => text);
  }

  epochOf(partition: number): number {
    const select = this.#db.prepare('SELECT epoch FROM owners WHERE partition = ?');
    return (select.get(partition) as { epoch: number } | undefined)?.epoch ?? 0;
  }

  /** As if the state had been saved there. */
  setNext(partition: number, next: number): void {
    this.#db.prepare('INSERT OR REPLACE INTO owners VALUES (?, 1, ?)').run(partition, next);
  }

  close(): void {
    this.#db.close();
  }
}
