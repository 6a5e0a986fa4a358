/**
 * Which format the beginning of a log is in, and what each of its records is wrapped in.
 *
 * A line that begins as a carrier writes it is what the carrier carries. Any other log that a format fits as it is, is
 * not looked into: a text in its records may be a client's. Only where no format fits is it tried whether most records
 * have a member that is a record itself.
 */
import type { Format } from '../core/format.ts';
import { CARRIERS, type Envelope, enveloped, MEMBERS } from './envelope.ts';
import { foreignKind } from './foreign.ts';
import { FORMATS, formatById } from './formats/list.ts';
import { Framer } from './framing.ts';
import { RECORDS_MAX } from './sample.ts';

export interface Candidate {
  readonly id: string;
  readonly confidence: number;
  readonly why: string;
}

export interface Detection {
  /** Undefined when no format is likely enough. Reads records with their envelope, where there is one. */
  readonly format: Format | undefined;
  /** In words that a person can check against the file. */
  readonly why: string;
  /** Every format tried, most likely first. */
  readonly candidates: readonly Candidate[];
}

/** What the user has said. */
export interface Given {
  readonly format?: Format | undefined;
  readonly envelope?: Envelope | undefined;
}

/** Below this a format is a guess, and a guess must be asked for by name. */
const CONFIDENCE_MIN = 0.5;
const SAMPLE_BYTES = 65_536;
/** A program's first lines may be of another kind: what it says when it starts. */
const WINDOWS_MAX = 16;
/** So many records must be envelopes of the kind. */
const ENVELOPE_SHARE = 0.9;

/** Says which format the beginning of a file (at most 64 KiB are looked at) is in, and why. */
export function detectFormat(sample: Uint8Array, given: Given = {}): Detection {
  const head = sample.subarray(0, SAMPLE_BYTES);
  const formats = given.format === undefined ? FORMATS : [given.format];
  if (given.envelope !== undefined) return lookInside(head, given.envelope, formats);
  const carried = CARRIERS.map((envelope) => lookInside(head, envelope, formats));
  const carrier = carried.find(({ format }) => format !== undefined);
  if (carrier !== undefined) return carrier;
  const bare = judge(head, formats);
  if (bare.format !== undefined) return bare;
  for (const envelope of MEMBERS) {
    const inside = lookInside(head, envelope, formats);
    if (inside.format !== undefined) return inside;
  }
  const foreign = foreignKind(head);
  if (foreign !== undefined) return { ...bare, why: `no format fits (it is ${foreign})` };
  return carried.find(({ candidates }) => candidates.length > 0) ?? bare;
}

function judge(head: Uint8Array, formats: readonly Format[]): Detection {
  const candidates = formats
    .map((format) => ({ id: format.id, ...format.recognise(head) }))
    .sort((a, b) => b.confidence - a.confidence);
  const best = candidates[0]!;
  if (best.confidence >= CONFIDENCE_MIN) {
    return { format: formatById(best.id), why: best.why, candidates };
  }
  return { format: undefined, why: `no format fits (${missed(candidates)})`, candidates };
}

/** Without candidates where the records are no envelopes of this kind. */
function lookInside(head: Uint8Array, envelope: Envelope, formats: readonly Format[]): Detection {
  const records = open(head, envelope);
  let first: Detection | undefined;
  for (let at = 0; at < Math.min(records.length, WINDOWS_MAX * RECORDS_MAX); at += RECORDS_MAX) {
    const window = records.slice(at, at + RECORDS_MAX).flatMap((record) => [record, NEWLINE]);
    const judged = judge(Buffer.concat(window), formats);
    first ??= judged;
    if (judged.format === undefined) continue;
    const why = `${envelope.what}: ${judged.why}`;
    return { ...judged, format: enveloped(judged.format, envelope), why };
  }
  if (first === undefined) {
    return { format: undefined, why: `it is not ${envelope.what}`, candidates: [] };
  }
  return { ...first, why: `it is ${envelope.what}, in which ${first.why}` };
}

/** What is in the envelopes; nothing where too few records are any. */
function open(head: Uint8Array, envelope: Envelope): Buffer[] {
  const framer = new Framer(envelope.framing);
  framer.push(head);
  framer.cut(false);
  if (framer.count === 0) framer.cut(true);
  const opener = envelope.createOpener();
  const records: Buffer[] = [];
  const strangersMax = Math.floor(framer.count * (1 - ENVELOPE_SHARE));
  for (let i = 0; i < framer.count; i++) {
    if (opener.open(framer.bytes, framer.starts[i]!, framer.ends[i]!)) {
      records.push(Buffer.from(opener.bytes.subarray(opener.from, opener.to)));
    } else if (i + 1 - records.length > strangersMax) return [];
  }
  return records;
}

/** What each format missed; formats that miss the same stand together. */
function missed(candidates: readonly Candidate[]): string {
  const idsByWhy = Map.groupBy(candidates, ({ why }) => why);
  return [...idsByWhy]
    .map(([why, those]) => `${those.map(({ id }) => id).join(', ')}: ${why}`)
    .join('; ');
}

const NEWLINE = Buffer.from('\n');
