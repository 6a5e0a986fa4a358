/**
 * What the role respond knows of keys beside the registry: what their incidents said, and what detection has saved of
 * them in Redis, as of its last checkpoint. Read when it is needed; what the desk asks at once is at hand by then.
 */
import type { Incident, KeyFacts } from '../../core/finding.ts';
import type { SubjectRow } from '../../core/store.ts';
import { factsOf } from '../../detectors/engine/key-states.ts';
import { savedIdentity } from '../../enrich/digest.ts';
import type { KnownKey } from '../response/leaks.ts';
import { enginesOf, type RestoreOptions, rowOf } from './redis-keys.ts';

/** Keys whose facts are at hand; the oldest give way. */
const KEYS_MAX = 20_000;

export class RespondKeys {
  private readonly options: RestoreOptions;
  private readonly facts = new Map<string, KeyFacts>();
  private readonly consumers = new Map<string, string>();

  constructor(options: RestoreOptions) {
    this.options = options;
  }

  /** Whose it is as far as its traffic says; undefined where that is not at hand. */
  consumerOf(id: string): string | undefined {
    return this.consumers.get(id);
  }

  factsNow(id: string): KeyFacts | undefined {
    return this.facts.get(id);
  }

  heard({ subject, key }: Incident): void {
    if (subject.kind === 'key' && key?.consumer !== undefined)
      keep(this.consumers, subject.id, key.consumer);
  }

  /** In the order of the ids; undefined where detection has no record. Rejects while Redis is away. */
  async known(ids: readonly string[]): Promise<readonly (KnownKey | undefined)[]> {
    const rows = await this.rowsOf(ids);
    return rows.map((row) => (row === undefined ? undefined : { consumer: row.consumer }));
  }

  /** Brings these keys to hand. Rejects while Redis is away. */
  async meet(ids: readonly string[]): Promise<void> {
    const rows = (await this.rowsOf(ids)).filter((row) => row !== undefined);
    for await (const { engine, rows: restored } of enginesOf(rows, this.options)) {
      for (const { id, consumer } of restored) {
        const facts = factsOf(engine, savedIdentity(id));
        if (facts !== undefined) keep(this.facts, id, facts);
        if (consumer !== '') keep(this.consumers, id, consumer);
      }
    }
  }

  private async rowsOf(ids: readonly string[]): Promise<(SubjectRow | undefined)[]> {
    const state = await this.options.state();
    return Promise.all(ids.map((id) => rowOf(id, state)));
  }
}

function keep<T>(map: Map<string, T>, id: string, value: T): void {
  map.delete(id);
  map.set(id, value);
  if (map.size > KEYS_MAX) map.delete(map.keys().next().value!);
}
