/** Text that is kept as it is typed: labels, names of consumers, reasons. A raw key in it is refused. */
import type { StateClient } from '../../app/contract.ts';
import { KeyhoundError } from '../../core/errors.ts';

/** Shorter words are no keys; a word of a language that is somebody's key must not be refused. */
const LENGTH_MIN = 8;
/** Looked up at most, of one command. */
const WORDS_MAX = 100;

/**
 * Throws a usage error where a word of the texts is a raw key that the state knows; by the name of their option. Words
 * cannot be looked up where the state cannot be asked for keys (another pepper, a store that is away): then they stay,
 * and the command itself says what is wrong.
 */
export async function refuseRawKeys(
  client: StateClient,
  texts: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  let left = WORDS_MAX;
  for (const [option, text = ''] of Object.entries(texts)) {
    for (const raw of wordsOf(text).slice(0, left)) {
      const id = await keyOf(raw, client);
      if (id !== undefined) throw rawKey(option, id);
      left--;
    }
  }
}

/** What stands between spaces, brackets and quotes, also behind `NAME=` or before a full stop. */
function wordsOf(text: string): string[] {
  const words = text.split(/[\s,;&?"'`<>()[\]{}]+/).flatMap((word) => {
    const behind = [...word.matchAll(/[=:]/g)].map(({ index }) => word.slice(index + 1));
    return [word, ...behind].flatMap((each) => [each, each.replace(/[^\p{L}\p{N}]+$/u, '')]);
  });
  return [...new Set(words)].filter((word) => word.length >= LENGTH_MIN);
}

/** Id of the key; undefined where there is none, or nobody can say. */
async function keyOf(raw: string, client: StateClient): Promise<string | undefined> {
  try {
    const lookup = await client.key({ raw });
    return lookup.kind === 'found' ? lookup.key.id : undefined;
  } catch (error) {
    if (error instanceof KeyhoundError) return undefined;
    throw error;
  }
}

/** Never repeats the word. */
function rawKey(option: string, id: string): KeyhoundError {
  return new KeyhoundError(
    'usage',
    `--${option} holds a raw key, which would be kept as it is typed`,
    {
      code: 'raw-key-given',
      hint: `Say its id instead: ${id}. It stands in the shell's history now: remove it there.`,
    },
  );
}
