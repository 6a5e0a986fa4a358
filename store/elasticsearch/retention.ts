/**
 * Deleting what is older than `state.usageMonthsMax`, a whole day's index at a time: nothing else is as cheap, and
 * it needs no part of Elasticsearch that a cluster may lack (delete-by-query, index lifecycle management). Audit and
 * actions stay until somebody removes them.
 */
import { asOperating, type Connection } from './connection.ts';
import { aliasOf, dayEndOf, type Kind } from './documents.ts';

const AGEING: readonly Kind[] = ['finding', 'incident', 'usage', 'inputs'];
const MONTH_MS = 30.44 * 86_400_000;

export interface RetentionOptions {
  readonly usageMonthsMax: number;
  /** Wall clock, epoch ms. */
  readonly now: number;
}

/**
 * Answers the indices that were deleted, oldest first. To be called once a day by one process or by many: an index
 * that is gone already is no error. Throws `operating` when the cluster cannot be reached or refuses.
 */
export async function removeOldIndices(
  connection: Connection,
  options: RetentionOptions,
): Promise<string[]> {
  try {
    const days = await daysOf(connection);
    const newestAt = Math.max(...days.map(({ endAt }) => endAt));
    // As SQLite does: by the newest result, so that replaying last year's logs keeps them, but never ahead of the
    // wall clock, so that one record from the far future does not take the history with it.
    const keptFromAt = Math.min(newestAt, options.now) - options.usageMonthsMax * MONTH_MS;
    const old = days.filter(({ endAt }) => endAt <= keptFromAt).sort((a, b) => a.endAt - b.endAt);
    for (const { index } of old) {
      await connection.client.indices.delete({ index }, { ignore: [404] });
    }
    return old.map(({ index }) => index);
  } catch (error) {
    throw asOperating(error, connection);
  }
}

interface Day {
  readonly index: string;
  /** End of its UTC day, epoch ms. */
  readonly endAt: number;
}

/** By name and not by alias: an index that lost its alias ages too. */
async function daysOf({ client, prefix }: Connection): Promise<Day[]> {
  const days: Day[] = [];
  for (const kind of AGEING) {
    const alias = aliasOf(prefix, kind);
    const names = await client.indices.getAlias({
      index: `${alias}-*.*.*`,
      allow_no_indices: true,
    });
    for (const index of Object.keys(names)) {
      const endAt = dayEndOf(alias, index);
      if (endAt !== undefined) days.push({ index, endAt });
    }
  }
  return days;
}
