/**
 * Fingerprint of a request by the gateway's own id together with time, path, status and bytes, so that only
 * the same request delivered twice is dropped, and a gateway that repeats its ids loses nothing.
 *
 * Two 32-bit lanes over the same words in one pass. Stands in saved state: it never changes.
 */
import type { ApiEvent } from '../core/event.ts';
import { finish, mix32 } from '../core/hash.ts';
import { FIELD, fieldBytes, type RecordDraft } from '../core/record.ts';
import type { Target } from './target.ts';
import { Views } from './views.ts';

const TWO_32 = 4_294_967_296;
const DASH = 0x2d;

export class Fingerprints {
  readonly #views = new Views();
  #lane0 = 0;
  #lane1 = 0;

  /** Fills both words; 0 when the record has no request id, or not one that the gateway made. */
  fill(draft: RecordDraft, byGateway: boolean, target: Target, event: ApiEvent): void {
    event.fingerprint0 = 0;
    event.fingerprint1 = 0;
    const start = draft.start[FIELD.requestId]!;
    const end = draft.end[FIELD.requestId]!;
    if (!byGateway || start < 0 || end <= start) return;
    const bytes = fieldBytes(draft, FIELD.requestId);
    if (end - start === 1 && bytes[start] === DASH) return;
    this.#lane0 = 0x5bd1e995;
    this.#lane1 = 0x2545f491;
    this.#mix(bytes, start, end);
    // The query stays out: it may hold a raw key, and the request id tells requests apart.
    if (target.present) this.#mix(target.bytes, target.pathStart, target.pathEnd);
    const high = Math.floor(draft.at / TWO_32);
    let rest = mix32(mix32(0, draft.at - high * TWO_32), high);
    rest = mix32(mix32(rest, draft.status), draft.bytesOut);
    event.fingerprint0 = finish(this.#lane0 ^ rest);
    event.fingerprint1 = finish(Math.imul(this.#lane1 ^ rest, 0x85ebca6b)) || 1;
  }

  #mix(bytes: Uint8Array, start: number, end: number): void {
    const view = this.#views.of(bytes);
    let lane0 = this.#lane0 ^ (end - start);
    let lane1 = this.#lane1 ^ (end - start);
    let i = start;
    for (; i + 4 <= end; i += 4) {
      const word = view.getInt32(i, true);
      lane0 = Math.imul(lane0 ^ word, 0x9e3779b1);
      lane0 ^= lane0 >>> 15;
      lane1 = Math.imul((lane1 << 7) ^ (lane1 >>> 25) ^ word, 0xc2b2ae35);
      lane1 ^= lane1 >>> 13;
    }
    for (; i < end; i++) {
      const byte = view.getUint8(i);
      lane0 = Math.imul(lane0 ^ byte, 0x85ebca6b);
      lane0 ^= lane0 >>> 15;
      lane1 = Math.imul((lane1 << 7) ^ (lane1 >>> 25) ^ byte, 0x27d4eb2f);
      lane1 ^= lane1 >>> 13;
    }
    this.#lane0 = lane0;
    this.#lane1 = lane1;
  }
}
