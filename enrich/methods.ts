/** HTTP method: 1 to 16 capital letters, else ''. Shared strings, no allocation on a hit. */
import { FIELD, fieldBytes, type RecordDraft } from '../core/record.ts';
import { type Label, NO_LABEL } from './blanking.ts';
import { ByteCache } from './byte-cache.ts';

const LENGTH_MAX = 16;

export class Methods {
  readonly #cache = new ByteCache<Label>(256, LENGTH_MAX);

  resolve(draft: RecordDraft): Label {
    const start = draft.start[FIELD.method]!;
    const end = draft.end[FIELD.method]!;
    if (start < 0 || end <= start || end - start > LENGTH_MAX) return NO_LABEL;
    const bytes = fieldBytes(draft, FIELD.method);
    const known = this.#cache.get(bytes, start, end);
    if (known !== undefined) return known;
    for (let i = start; i < end; i++) {
      if (bytes[i]! < 0x41 || bytes[i]! > 0x5a) return NO_LABEL;
    }
    const text = Buffer.from(bytes.subarray(start, end)).toString('latin1');
    const made = Object.freeze({ text, code: end - start });
    this.#cache.set(bytes, start, end, made);
    return made;
  }
}
