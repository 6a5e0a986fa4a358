/** Whether what Redis holds as log positions is what its records reflect, and nothing is counted twice. */
import assert from 'node:assert/strict';
import { KEY_GROUPS } from '../../core/event.ts';
import { LIMITED_BY } from '../../core/record.ts';
import { ITEM } from '../../core/wire/layout.ts';
import { EventBatchReader } from '../../core/wire/reader.ts';
import { keyStates } from '../../detectors/engine/key-states.ts';
import { createShardEngine, type ShardEngine } from '../../detectors/engine/shard-engine.ts';
import { loadPepper } from '../../enrich/pepper.ts';
import { loadRegistry } from '../../enrich/registry.ts';
import { openRedisState } from '../../store/redis/state.ts';
import { PEPPER } from './keyhound.ts';
import type { Message, Stack } from './stack.ts';

export interface Counted {
  /** Events that count for a key's record, by its id; repeats count once. */
  readonly keys: ReadonlyMap<string, number>;
  readonly events: number;
  readonly repeats: number;
}

export function countEvents(messages: readonly Message[]): Counted {
  const reader = new EventBatchReader();
  const highest = new Map<string, number>();
  const keys = new Map<string, number>();
  let events = 0;
  let repeats = 0;
  for (const { partition, value } of messages) {
    reader.open(value);
    for (let kind = reader.next(); kind !== ITEM.none; kind = reader.next()) {
      if (kind !== ITEM.event) continue;
      const { event } = reader;
      const stream = `${partition} ${reader.streams[event.stream]!.name}`;
      if (event.position <= (highest.get(stream) ?? -1)) {
        repeats++;
        continue;
      }
      highest.set(stream, event.position);
      events++;
      if (!event.attested || event.limitedBy !== LIMITED_BY.nobody) continue;
      keys.set(event.key.id, (keys.get(event.key.id) ?? 0) + 1);
    }
  }
  return { keys, events, repeats };
}

export interface Reflected {
  /** Messages of the log that the saved positions leave to be applied. */
  readonly left: number;
  /** Events in all records. */
  readonly events: number;
}

/** Claims all partitions, so their owners have to be gone. Fails unless records and log position agree for each key. */
export async function assertPositionsAgree(stack: Stack): Promise<Reflected> {
  const env = { KEYHOUND_PEPPER: PEPPER };
  const { fingerprint } = loadPepper({ env, stateDir: undefined, mayCreate: false });
  const { redisConfig: config, partitions: count } = stack;
  const redis = await openRedisState({ config, partitions: count, pepperFingerprint: fingerprint });
  const messages = await stack.events();
  const sums = { left: 0, events: 0 };
  try {
    for (let index = 0; index < count; index++) {
      const groups = [...Array(KEY_GROUPS).keys()].filter((group) => group % count === index);
      const loaded = await (await redis.partition(index, groups)).load();
      const own = messages.filter(({ partition }) => partition === index);
      const position = loaded?.logPosition ?? 0;
      const below = countEvents(own.filter(({ offset }) => offset < position));
      const engine = engineOf({ index, count });
      if (loaded !== undefined) engine.restore(loaded);
      const found = keyStates(engine, { limit: 1_000_000 });
      assert.deepEqual(
        new Map(found.map(({ id, events }) => [id, events])),
        new Map([...below.keys].sort(([a], [b]) => (a < b ? -1 : 1))),
        `partition ${index}: records and the log below offset ${position}`,
      );
      sums.left += own.length - own.filter(({ offset }) => offset < position).length;
      sums.events += found.reduce((sum, { events }) => sum + events, 0);
    }
  } finally {
    await redis.close();
  }
  return sums;
}

function engineOf(shard: ShardEngine['shard']): ShardEngine {
  return createShardEngine({
    subjectsMax: 1_000_000,
    detectors: {},
    directory: loadRegistry([], '.'),
    geographyVersion: '',
    durable: true,
    shard,
    onFinding: () => {},
    onIncident: () => {},
  });
}
