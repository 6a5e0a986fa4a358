/** In which format, and in which envelope, what a replay reads is: as the user says, else recognised. */
import { KeyhoundError } from '../core/errors.ts';
import type { Format } from '../core/format.ts';
import { detectFormat } from '../ingest/detection.ts';
import { type Envelope, envelopeById, enveloped } from '../ingest/envelope.ts';
import { FORMATS, formatById } from '../ingest/formats/list.ts';
import { openFile, readHead } from '../ingest/sources/content.ts';

export const SAMPLE_BYTES = 65_536;

/** Undefined where no format fits; `broken`: because so little of it can be read. */
export interface Recognised {
  readonly format: Format | undefined;
  readonly why: string;
  readonly isEmpty?: boolean;
  readonly broken?: KeyhoundError | undefined;
}

interface Said {
  readonly format?: string | undefined;
  readonly envelope?: string | undefined;
  /** Of a configured source. */
  readonly kind?: string | undefined;
}

/** The format of a configured source, whose records may be wrapped. */
export function formatOf({ format, envelope }: { format: string; envelope?: string | undefined }) {
  return enveloped(formatById(format), envelopeOf(envelope));
}

/** Throws a usage error for a name that is none. */
export function checkSaid({ format, envelope }: Said): void {
  if (format !== undefined) formatById(format);
  envelopeOf(envelope);
}

function envelopeOf(id: string | undefined): Envelope | undefined {
  return id === undefined ? undefined : envelopeById(id);
}

/** Throws a usage error for a pipe whose format is not said: it is looked at before it is read. */
export async function recogniseFile(path: string, said: Said): Promise<Recognised> {
  const known = settled(said);
  if (known !== undefined) return known;
  const handle = await openFile(path);
  try {
    if (!(await handle.stat()).isFile())
      return said.format === undefined ? noPipe(path) : bare(said.format);
    const { bytes, broken } = await readHead(handle, path, SAMPLE_BYTES);
    const recognised = recogniseHead(bytes, said);
    return recognised.format === undefined ? { ...recognised, broken } : recognised;
  } finally {
    await handle.close();
  }
}

/** The same of stdin, of which `head` reads the beginning and puts it back. */
export async function recogniseStdin(
  said: Said,
  head: () => Promise<Uint8Array>,
): Promise<Recognised> {
  return settled(said) ?? recogniseHead(await head(), said);
}

/** A configured source is what it says, live as in a replay; on the command line the envelope may go without saying. */
function settled({ format, envelope, kind }: Said): Recognised | undefined {
  if (format === undefined) return undefined;
  if (envelope === undefined && kind === undefined) return undefined;
  const words = envelope === undefined ? format : `${format} in ${envelope}`;
  return { format: formatOf({ format, envelope }), why: `given: ${words}` };
}

function bare(format: string): Recognised {
  return { format: formatById(format), why: `given: ${format}` };
}

function recogniseHead(head: Uint8Array, { format, envelope }: Said): Recognised {
  const given = { format: format === undefined ? undefined : formatById(format) };
  const found = detectFormat(head, { ...given, envelope: envelopeOf(envelope) });
  if (format === undefined) return { ...found, isEmpty: head.length === 0 };
  return found.format?.envelope === undefined
    ? bare(format)
    : { format: found.format, why: `given: ${format}; ${found.why}` };
}

function noPipe(path: string): never {
  throw new KeyhoundError('usage', `${path} is a pipe, whose format cannot be looked up in it`, {
    code: 'unknown-format',
    hint: 'Name it with --format, or send it to stdin, where it is recognised: … | keyhound replay -',
  });
}

const FORMAT_HINT = `Name the format with --format: ${FORMATS.map(({ id }) => id).join(', ')}.`;

export function hintForNothing(fileCount: number, isEmpty: boolean): string {
  if (fileCount === 0) return 'Name a folder that holds logs, or the files themselves.';
  if (isEmpty) return 'What is there is empty: there is nothing to judge yet.';
  return FORMAT_HINT;
}
