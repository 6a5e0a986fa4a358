/** Blocks of the pages, so that a real program can be started with what they tell people to write. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

const ROOT = path.join(import.meta.dirname, '../..');

/** Text of the n-th block of a language, with words replaced; a word that is not there is a mistake. */
export function snippet(
  page: string,
  language: string,
  nth: number,
  replace: Readonly<Record<string, string>> = {},
): string {
  const text = readFileSync(path.join(ROOT, page), 'utf8');
  const blocks = [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))];
  let found = blocks[nth]?.[1];
  if (found === undefined) throw new Error(`${page} has no block ${nth} of ${language}`);
  for (const [word, instead] of Object.entries(replace)) {
    if (!found.includes(word))
      throw new Error(`${page}: block ${nth} of ${language} has no ${word}`);
    found = found.replaceAll(word, instead);
  }
  return found;
}
