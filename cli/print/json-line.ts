/** One value as a line of NDJSON that is safe on a terminal too. */

/** What JSON.stringify leaves as it is, but a terminal acts upon or does not show. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Such characters become `\uNNNN`, so that the value stays the same. Without a line break at its end. */
export function jsonLine(value: object): string {
  return JSON.stringify(value).replace(UNSAFE, escapeUnits);
}

function escapeUnits(character: string): string {
  let text = '';
  for (let i = 0; i < character.length; i++) {
    text += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  }
  return text;
}
