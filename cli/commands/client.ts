/** What the commands that read the state share. */
import type { KeyLine, KeyLookup, KeyReference, StateClient } from '../../app/contract.ts';
import { KeyhoundError } from '../../core/errors.ts';
import type { CommandContext, OptionTable } from '../command.ts';
import type { Io } from '../io.ts';
import { keyTable } from '../print/key.ts';
import type { Printer } from '../print/printer.ts';

export const STATE_OPTION = {
  state: {
    type: 'text',
    value: 'DIR',
    description: 'State folder.',
    default: 'state.dir of the configuration',
  },
} as const satisfies OptionTable;

export const LIMIT_DEFAULT = 50;
/** Of one answer of the API. */
const LIMIT_MAX = 10_000;

function limitOption(max: number) {
  return {
    type: 'number',
    value: 'N',
    min: 1,
    max,
    description: 'Most lines.',
    default: `${LIMIT_DEFAULT}`,
  } as const;
}

/** Of lists that may be as long as there are keys. */
export const LONG_LIST_OPTIONS = { limit: limitOption(10_000_000) } as const;

/** Of lists about keys. */
export const LIST_OPTIONS = {
  limit: limitOption(LIMIT_MAX),
  subject: {
    type: 'text',
    value: 'KEY',
    description: 'Only of this key, by its id or its label; - reads a raw key from stdin.',
  },
} as const satisfies OptionTable;

/** How many are asked for, to know whether there are more. */
export function oneMore(limit: number): number {
  return Math.min(limit + 1, LIMIT_MAX);
}

/** As objects, or as a table; `found` may have one more than the limit. */
export function printList<T extends object>(
  print: Printer,
  found: readonly T[],
  limit: number,
  as: {
    readonly none: string;
    table(rows: readonly T[], columns: number, style: Printer['style']): readonly string[];
  },
): void {
  const shown = found.slice(0, limit);
  for (const one of shown) print.object(one);
  if (shown.length === 0) print.note(as.none);
  else for (const line of as.table(shown, print.tableColumns, print.style)) print.line(line);
  if (found.length > limit) print.note(`There are more: --limit ${limit} was reached.`);
}

/** Id of the key that a list is narrowed to; none where it is not. */
export async function listedSubject(
  word: string | undefined,
  client: StateClient,
  { io, print }: Pick<CommandContext<OptionTable>, 'io' | 'print'>,
): Promise<{ readonly subjectId?: string }> {
  if (word === undefined) return {};
  return { subjectId: await subjectOf(await readReference(word, io), client, print) };
}

/** Opens the state, and closes it whatever happens. */
export async function withClient<T>(
  context: Pick<CommandContext<OptionTable>, 'io' | 'assemblies' | 'config'>,
  stateDir: string | undefined,
  use: (client: StateClient) => Promise<T>,
): Promise<T> {
  const client = await context.assemblies.openClient({
    config: await context.config(),
    stateDir,
    signal: context.io.signal,
  });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

const RAW_KEY_BYTES_MAX = 16 * 1024;

/** `-` reads the raw key from stdin: as an argument it would stand in `ps` and in the shell's history. */
export async function readReference(word: string, io: Io): Promise<KeyReference> {
  if (word !== '-') return { name: word };
  const raw = (await io.readStdin(RAW_KEY_BYTES_MAX)).trim();
  if (raw !== '') return { raw };
  throw new KeyhoundError('usage', 'no key on stdin', {
    hint: 'Pipe the raw key in: keyhound keys show - < key.txt',
  });
}

/** The one key that was meant. Never repeats the word: it may be a raw key, given by mistake. */
export function theKey(
  lookup: KeyLookup,
  print: Printer,
): { key: KeyLine; usage: Extract<KeyLookup, { kind: 'found' }>['usage'] } {
  if (lookup.kind === 'found') return lookup;
  if (lookup.kind === 'ambiguous') {
    for (const line of keyTable(lookup.candidates, print.columns, print.style)) print.note(line);
    throw new KeyhoundError('usage', `${lookup.candidates.length} keys have this label`, {
      hint: 'Name one of them by its id.',
      code: 'key-ambiguous',
    });
  }
  throw new KeyhoundError('usage', 'no key has this id or label', {
    code: 'key-unknown',
    hint:
      lookup.nearest === undefined
        ? 'List them with `keyhound keys`. A raw key is looked up with `-`, from stdin.'
        : `Did you mean ${lookup.nearest}?`,
  });
}

/** As ids are written: of a key (`kong:3f9c`, `h:…`), a network or the fleet. */
const SUBJECT_ID = /^([a-z][\w.-]*:.+|[\da-f.:]+\/\d+|fleet)$/i;

/**
 * A word that no key has stays what it is where it is an id: a key that was dropped from memory may have incidents.
 * Any other is refused. It may be a raw key, given by mistake, and would be kept in a rule; and a list about a
 * mistyped label would be empty, and look well. A consumer is known by its incidents.
 */
export async function subjectOf(
  reference: KeyReference,
  client: StateClient,
  print: Printer,
): Promise<string> {
  const lookup = await client.key(reference);
  if (lookup.kind !== 'unknown' || !('name' in reference)) return theKey(lookup, print).key.id;
  const { name } = reference;
  if (SUBJECT_ID.test(name)) return name;
  const known = await client.incidents({ limit: 1, subjectId: name });
  return known.length > 0 ? name : theKey(lookup, print).key.id;
}
