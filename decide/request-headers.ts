/**
 * The headers that matter, picked from those of a request in one pass. Reading `request.headers` instead would build
 * an object of all of them, and join or drop repeated ones: both decide which key counts.
 */

interface Slot {
  /** Lower case. */
  readonly name: string;
  /** As it was spelled last: gateways spell a name always the same. */
  spelled: string;
  count: number;
  /** The first value. Kept from request to request: an array that is emptied gives its room back. */
  readonly first: [string];
  readonly all: string[];
}

/** Names are told apart by length and first letter before they are compared. */
const LETTERS = 32;

/** Names in lower case. Reused for every request. */
export class RequestHeaders {
  readonly #slots = new Map<string, Slot>();
  readonly #all: readonly Slot[];
  /** By `groupOf`. */
  readonly #groups: (Slot[] | undefined)[] = [];

  constructor(names: readonly string[]) {
    for (const name of names) {
      if (name === '') continue;
      this.#slots.set(name, { name, spelled: name, count: 0, first: [''], all: [] });
    }
    this.#all = [...this.#slots.values()];
    for (const slot of this.#all) {
      const group = groupOf(slot.name);
      while (this.#groups.length <= group) this.#groups.push(undefined);
      this.#groups[group] = [...(this.#groups[group] ?? []), slot];
    }
  }

  /** `raw`: name and value in turn, as node:http gives them. */
  read(raw: readonly string[]): void {
    const all = this.#all;
    for (let i = 0; i < all.length; i++) all[i]!.count = 0;
    const groups = this.#groups;
    for (let i = 0; i + 1 < raw.length; i += 2) {
      const name = raw[i]!;
      const group = groupOf(name);
      const slots = group < groups.length ? groups[group] : undefined;
      if (slots === undefined) continue;
      const slot = slotOf(slots, name);
      if (slot !== undefined) put(slot, raw[i + 1]!);
    }
  }

  readonly valuesOf = (name: string): readonly string[] => {
    const slot = this.#slots.get(name);
    if (slot === undefined || slot.count === 0) return NONE;
    return slot.count === 1 ? slot.first : slot.all;
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

function put(slot: Slot, value: string): void {
  slot.count += 1;
  if (slot.count === 1) slot.first[0] = value;
  else if (slot.count === 2) slot.all.splice(0, slot.all.length, slot.first[0], value);
  else slot.all.push(value);
}

/** The same for both cases of a letter. */
function groupOf(name: string): number {
  return name.length * LETTERS + (name.charCodeAt(0) & (LETTERS - 1));
}

function slotOf(slots: readonly Slot[], name: string): Slot | undefined {
  for (let i = 0; i < slots.length; i++) if (slots[i]!.spelled === name) return slots[i];
  const lower = name.toLowerCase();
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i]!;
    if (slot.name !== lower) continue;
    slot.spelled = name;
    return slot;
  }
  return undefined;
}

const NONE: readonly string[] = Object.freeze([]);
