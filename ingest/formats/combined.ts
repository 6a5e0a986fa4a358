/**
 * Common and combined log format, as Apache and NGINX write it. There is no key in it: `--key` says where it is
 * (a query parameter, the user name, the address). Hot: no object and no string per line.
 */
import { KeyhoundError } from '../../core/errors.ts';
import { type Decoder, type Format, type FormatOptions, REJECTION } from '../../core/format.ts';
import { AUTH, createDraft, FIELD, type RecordDraft, resetDraft } from '../../core/record.ts';
import { asBasicHeader } from '../basic-user.ts';
import { putLogText, type Range, scanClfLine } from '../clf-scan.ts';
import { isBlank } from '../json-read.ts';
import { byShare, sampleLines } from '../sample.ts';
import { Scratch } from '../scratch.ts';
import { TimeReader } from '../time.ts';

const LATENESS_MS = 60_000;
const BACKSLASH = 0x5c;

/** Reads a line of combined format. The user name is the key only if nothing else is named as such. */
export class CombinedDecoder implements Decoder {
  private readonly time = new TimeReader();
  private readonly scratch = new Scratch();
  private readonly user: Range = { from: -1, to: -1 };
  private readonly userIsKey: boolean;
  /** `--key basic` takes an Authorization header apart. */
  private readonly wantsHeader: boolean;

  constructor(options: FormatOptions) {
    const key = options.key;
    const isUserName =
      key?.kind === 'basic' ||
      (key?.kind === 'field' && key.name.replace(/^\$/, '') === 'remote_user');
    this.userIsKey = key === undefined || isUserName;
    this.wantsHeader = key?.kind === 'basic';
    const isElsewhere = key?.kind === 'query' || key?.kind === 'path' || key?.kind === 'client_ip';
    if (key === undefined || isUserName || isElsewhere) return;
    throw new KeyhoundError('usage', `--key ${key.kind}: combined format does not show it`, {
      hint: 'Log it (nginx: log_format, given as logFormat), or use query:, path:, basic or client_ip.',
    });
  }

  decode(bytes: Uint8Array, start: number, end: number, draft: RecordDraft): number {
    resetDraft(draft, bytes);
    const { scratch, user } = this;
    scratch.reset();
    draft.scratch = scratch.bytes;
    user.from = -1;
    if (!scanClfLine(bytes, start, end, draft, this.time, scratch, user)) {
      return isBlank(bytes, start, end) || bytes[start] === 0x23
        ? REJECTION.ignored
        : REJECTION.malformed;
    }
    if (this.userIsKey && user.from >= 0) {
      const escaped = bytes.subarray(user.from, user.to).includes(BACKSLASH);
      const stop = escaped ? ~user.to : user.to;
      putLogText(bytes, user.from, stop, draft, FIELD.rawKey, scratch);
      if (this.wantsHeader) asBasicHeader(draft, FIELD.rawKey, scratch);
    }
    if (draft.status === 401) draft.auth = AUTH.failed;
    return Number.isNaN(draft.at) ? REJECTION.noTime : REJECTION.ok;
  }
}

/** How many of the first lines are common or combined format. */
export function combinedShare(sample: Uint8Array): { matching: number; total: number } {
  const decoder = new CombinedDecoder({});
  const draft = createDraft();
  const lines = sampleLines(sample);
  const matching = lines.filter(
    ({ start, end }) => decoder.decode(sample, start, end, draft) === REJECTION.ok,
  );
  return { matching: matching.length, total: lines.length };
}

export const combined: Format = Object.freeze({
  id: 'combined',
  summary: 'Apache or NGINX access log in common or combined format',
  framing: 'lines',
  gateway: 'combined',
  identity: 'claimed',
  latenessMs: LATENESS_MS,
  requestId: 'none',
  createDecoder: (options: FormatOptions): Decoder => new CombinedDecoder(options),
  recognise(sample: Uint8Array) {
    const { matching, total } = combinedShare(sample);
    return byShare(
      matching,
      total,
      'lines',
      'an address, a [time], a quoted request, a status and a size',
      0.9,
    );
  },
});
