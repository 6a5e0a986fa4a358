/** All that is declared about a key, joined once: its entry, what took its place, its consumer's time zone. */
import type { ConsumerConfig, KeyEntry } from '../core/config.ts';
import type { Declared } from '../core/directory.ts';

export class Declarations {
  /** By id; also of keys that have no entry of their own any more, but a successor. */
  readonly #byId: Map<string, Declared>;
  /** By consumer, of keys of which nothing else is declared. */
  readonly #byConsumer: Map<string, Declared>;

  constructor(entries: ReadonlyMap<string, KeyEntry>, consumers: readonly ConsumerConfig[]) {
    this.#byConsumer = new Map(
      consumers.map(({ name, timeZone }) => [name, Object.freeze({ timeZone })]),
    );
    this.#byId = new Map();
    for (const [id, entry] of entries) {
      const timeZone = entry.timeZone ?? this.#byConsumer.get(entry.consumer ?? '')?.timeZone;
      this.#declare(id, timeZone === undefined ? { entry } : { entry, timeZone });
    }
    for (const successor of entries.values()) {
      const { predecessor } = successor;
      if (predecessor === undefined) continue;
      const known = this.#byId.get(predecessor);
      if (known?.successor !== undefined && !isEarlier(successor, known.successor)) continue;
      this.#declare(predecessor, { ...known, successor });
    }
  }

  of(id: string, consumer: string): Declared | undefined {
    const known = this.#byId.get(id);
    if (this.#byConsumer.size === 0 || known?.timeZone !== undefined) return known;
    // The registry's consumer had its say when the entry was read.
    if (known?.entry?.consumer !== undefined) return known;
    const others = this.#byConsumer.get(consumer);
    if (known === undefined || others === undefined) return known ?? others;
    return this.#declare(id, { ...known, ...others });
  }

  #declare(id: string, declared: Declared): Declared {
    const frozen = Object.freeze(declared);
    this.#byId.set(id, frozen);
    return frozen;
  }
}

/** The id decides where nobody said when, so that the order of the file does not. */
function isEarlier(a: KeyEntry, b: KeyEntry): boolean {
  const [atA, atB] = [a, b].map(({ createdAt }) => Date.parse(createdAt ?? '9999-12-31T00:00:00Z'));
  return atA === atB ? a.id < b.id : atA! < atB!;
}
