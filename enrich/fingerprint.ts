/**
 * Fingerprint of a request by the gateway's own id together with time, path, status and bytes, so that only
 * the same request delivered twice is dropped, and a gateway that repeats its ids loses nothing.
 */
import type { ApiEvent } from '../core/event.ts';
import { finish, hash32, mix32 } from '../core/hash.ts';
import { FIELD, fieldBytes, type RecordDraft } from '../core/record.ts';
import { Span } from './address-text.ts';
import { pathSpan } from './path-span.ts';

const SEED_0 = 0x5bd1e995;
const SEED_1 = 0x2545f491;
const TWO_32 = 4_294_967_296;
const DASH = 0x2d;
const SPAN = new Span();

/** Both words 0 when the record has no request id, or not one that the gateway made. */
export function fingerprint(draft: RecordDraft, byGateway: boolean, event: ApiEvent): void {
  event.fingerprint0 = 0;
  event.fingerprint1 = 0;
  const start = draft.start[FIELD.requestId]!;
  const end = draft.end[FIELD.requestId]!;
  if (!byGateway || start < 0 || end <= start) return;
  const bytes = fieldBytes(draft, FIELD.requestId);
  if (end - start === 1 && bytes[start] === DASH) return;
  const rest = restOf(draft);
  event.fingerprint0 = finish(mix32(hash32(bytes, start, end, SEED_0), rest));
  event.fingerprint1 = finish(mix32(hash32(bytes, start, end, SEED_1), rest)) || 1;
}

/** The query stays out: it may hold a raw key, and the request id tells requests apart. */
function restOf(draft: RecordDraft): number {
  let hash = 0;
  const start = draft.start[FIELD.target]!;
  if (start >= 0) {
    const bytes = fieldBytes(draft, FIELD.target);
    pathSpan(bytes, start, draft.end[FIELD.target]!, SPAN);
    hash = hash32(bytes, SPAN.start, SPAN.end);
  }
  hash = mix32(hash, draft.at % TWO_32);
  hash = mix32(hash, Math.floor(draft.at / TWO_32));
  hash = mix32(hash, draft.status);
  return mix32(hash, draft.bytesOut);
}
