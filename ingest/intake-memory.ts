/**
 * How much of the memory that pushed bodies may take is taken. What a body will need is only guessed at from its
 * headers: a kilobyte of gzip may be a megabyte of zeros. So the guess is put right once the body has been
 * unpacked, and few are unpacked at a time.
 */

/** Bodies unpacked at the same time; the others wait as they came. */
const UNPACKING_MAX = 4;

export class IntakeMemory {
  readonly #bytesMax: number;
  #bytes = 0;
  #unpacking = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Room for a body, undefined when there is none. A body alone always has room: it has a limit of its own. */
  take(bytes: number): IntakeRoom | undefined {
    const room = new IntakeRoom((own, grown) => {
      const isAlone = this.#bytes === own;
      if (grown > 0 && !isAlone && this.#bytes + grown > this.#bytesMax) return false;
      this.#bytes += grown;
      return true;
    });
    return room.resize(bytes) ? room : undefined;
  }

  /** Runs `work`, which unpacks a body, when it is its turn. */
  async unpack<T>(work: () => Promise<T>): Promise<T> {
    if (this.#unpacking < UNPACKING_MAX) this.#unpacking++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#unpacking--;
      else next();
    }
  }
}

export class IntakeRoom {
  readonly #grow: (own: number, grown: number) => boolean;
  #bytes = 0;

  constructor(grow: (own: number, grown: number) => boolean) {
    this.#grow = grow;
  }

  /** Says how large the body has turned out to be; false, and nothing changed, when there is no room for it. */
  resize(bytes: number): boolean {
    if (!this.#grow(this.#bytes, bytes - this.#bytes)) return false;
    this.#bytes = bytes;
    return true;
  }

  /** Gives the room back. Again is harmless. */
  release(): void {
    this.resize(0);
  }
}
