/** Texts of an event that are kept as they are: bounded and shared through a cache. Escaped at the sinks. */
import { hash32 } from '../core/hash.ts';
import { fieldBytes, type RecordDraft } from '../core/record.ts';
import { type Label, NO_LABEL } from './blanking.ts';
import { ByteCache } from './byte-cache.ts';

const TEXT_BYTES_MAX = 256;
const CUT_CHARACTERS = 120;
const DASH = 0x2d;
const DECODER = new TextDecoder();

export class Labels {
  readonly #cache: ByteCache<Label>;

  constructor(cacheSlots: number) {
    this.#cache = new ByteCache(cacheSlots, TEXT_BYTES_MAX + 2);
  }

  /** A field's text; NO_LABEL when absent, empty or `-`. Longer than 256 bytes: cut, and told apart by hash. */
  resolve(draft: RecordDraft, field: number): Label {
    const start = draft.start[field]!;
    const end = draft.end[field]!;
    if (start < 0 || end <= start) return NO_LABEL;
    const bytes = fieldBytes(draft, field);
    if (end - start === 1 && bytes[start] === DASH) return NO_LABEL;
    const known = this.#cache.get(bytes, start, end);
    if (known !== undefined) return known;
    const code = hash32(bytes, start, end);
    const whole = DECODER.decode(bytes.subarray(start, end));
    const text =
      end - start <= TEXT_BYTES_MAX
        ? whole
        : `${whole.slice(0, CUT_CHARACTERS).toWellFormed()}~${code.toString(16).padStart(8, '0')}`;
    const made = Object.freeze({ text, code });
    this.#cache.set(bytes, start, end, made);
    return made;
  }
}
