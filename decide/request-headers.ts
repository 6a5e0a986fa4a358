/**
 * The headers that matter, picked from those of a request in one pass. Reading `request.headers` instead would build
 * an object of all of them, and join or drop repeated ones: both decide which key counts.
 */

/** Spellings of names that are remembered; beyond that each is looked up in lower case. */
const SPELLINGS_MAX = 1000;
const NO_SLOT = -1;

/** Names in lower case. Reused for every request. */
export class RequestHeaders {
  readonly #slots = new Map<string, number>();
  readonly #spelled = new Map<string, number>();
  readonly #values: string[][] = [];

  constructor(names: readonly string[]) {
    for (const name of names) {
      if (this.#slots.has(name)) continue;
      this.#slots.set(name, this.#values.length);
      this.#values.push([]);
    }
  }

  /** `raw`: name and value in turn, as node:http gives them. */
  read(raw: readonly string[]): void {
    for (const values of this.#values) if (values.length > 0) values.length = 0;
    for (let i = 0; i + 1 < raw.length; i += 2) {
      const name = raw[i]!;
      const slot = this.#spelled.get(name) ?? this.#slotOf(name);
      if (slot !== NO_SLOT) this.#values[slot]!.push(raw[i + 1]!);
    }
  }

  #slotOf(name: string): number {
    const slot = this.#slots.get(name.toLowerCase()) ?? NO_SLOT;
    if (this.#spelled.size < SPELLINGS_MAX) this.#spelled.set(name, slot);
    return slot;
  }

  readonly valuesOf = (name: string): readonly string[] => {
    const slot = this.#slots.get(name);
    return slot === undefined ? NONE : this.#values[slot]!;
  };

  /** All values as one list, as proxies join them; '' when there is none. */
  list(name: string): string {
    const values = this.valuesOf(name);
    return values.length === 1 ? values[0]! : values.join(', ');
  }

  /** The value of a header that the gateway sets; '' when there is none, or when it did not set it alone. */
  single(name: string): string {
    const values = this.valuesOf(name);
    return values.length === 1 ? values[0]! : '';
  }
}

const NONE: readonly string[] = Object.freeze([]);
