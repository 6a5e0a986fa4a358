/**
 * Bindings of raw keys to credentials, between the processes: each `ingest` tells what it has seen, `decide` and
 * `respond` keep a copy, on disk too, for a start without Redis.
 */
import path from 'node:path';
import type { RedisConfig } from '../../core/config.ts';
import { readSaved, replaceSaved } from '../../decide/saved-file.ts';
import { AliasTable } from '../../enrich/aliases.ts';
import { savedIdentity } from '../../enrich/digest.ts';
import {
  type AliasWriter,
  type Binding,
  followAliases,
  openAliasWriter,
} from '../../store/redis/aliases.ts';
import type { Logger } from '../contract.ts';
import { Late } from './late.ts';

/** Of all `ingest` together. */
const ALIASES_MAX = 262_144;
const SAVE_MS = 10_000;
/** The table's snapshot as base64. */
const FILE = 'aliases.txt';

/** Tells others of bindings; what cannot be told now is told later, and nothing waits for it. */
export class AliasTeller {
  private readonly writer: Late<AliasWriter>;
  private readonly logger: Logger;
  private pending = new Map<string, string>();
  private busy: Promise<void> | undefined;
  private isAway = false;

  constructor(redis: RedisConfig, table: AliasTable, logger: Logger) {
    this.writer = new Late(() => openAliasWriter(redis));
    this.logger = logger;
    table.onBound = (rawId, { id }) => {
      this.pending.set(rawId, id);
    };
  }

  /** Sends what there is. */
  flush(): void {
    if (this.pending.size === 0 || this.busy !== undefined) return;
    this.busy = this.send().finally(() => {
      this.busy = undefined;
    });
  }

  async close(): Promise<void> {
    await this.busy;
    if (this.pending.size > 0) await this.send();
    this.writer.value?.close();
  }

  private async send(): Promise<void> {
    const sent = this.pending;
    this.pending = new Map();
    try {
      const writer = await this.writer.get();
      await writer.put([...sent]);
      this.isAway = false;
    } catch (error) {
      for (const [rawId, id] of this.pending) sent.set(rawId, id);
      this.pending = sent;
      if (!this.isAway) this.logger.warn({ err: error }, 'bindings of raw keys are told later');
      this.isAway = true;
    }
  }
}

export interface AliasCopy {
  readonly table: AliasTable;
  trouble(): string | undefined;
  close(): Promise<void>;
}

export function openAliasCopy(redis: RedisConfig, folder: string, logger: Logger): AliasCopy {
  const table = new AliasTable(ALIASES_MAX);
  const file = path.join(folder, FILE);
  try {
    const kept = readSaved(file);
    if (kept !== undefined) table.restore(Buffer.from(kept, 'base64'));
  } catch (error) {
    logger.warn({ err: error }, `${file} cannot be read; bindings of raw keys come out of Redis`);
  }
  let saved = table.version;
  const save = async () => {
    if (table.version === saved) return;
    saved = table.version;
    const text = Buffer.from(table.snapshot()).toString('base64');
    await replaceSaved(file, [text]).catch((error: unknown) => {
      logger.warn({ err: error }, `${file} cannot be written`);
    });
  };
  const timer = setInterval(() => void save(), SAVE_MS).unref();
  const follower = followAliases(redis, (bindings: readonly Binding[]) => {
    for (const [rawId, id] of bindings) table.bind(rawId, savedIdentity(id));
  });
  return {
    table,
    trouble: () => follower.trouble(),
    async close() {
      clearInterval(timer);
      await follower.close();
      await save();
    },
  };
}
