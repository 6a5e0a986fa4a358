/**
 * Finds a secret inside a text, in every representation a log may give it: as sent, in another case,
 * percent-encoded (twice too), base64 at any alignment, hexadecimal. For cache misses only.
 */

/** Shorter secrets are looked for as a whole word only: a one-letter user name is in every path. */
const SUBSTRING_MIN = 4;
/** Shorter secrets are not looked for in decoded runs: they would turn up by chance. */
const DECODED_MIN = 6;

/** True when the text shows the secret. Bounds: both a few KiB at most, else the cost is quadratic. */
export function holdsSecret(text: string, secret: string): boolean {
  if (secret === '' || text === '') return false;
  const small = secret.toLowerCase();
  if (small.length < SUBSTRING_MIN) return wordsOf(text).includes(small);
  let plain = text;
  for (let round = 0; round < 3; round++) {
    if (plain.toLowerCase().includes(small)) return true;
    if (!plain.includes('%')) break;
    plain = decodePercentText(plain);
  }
  return small.length >= DECODED_MIN && (inHex(text, small) || inBase64(text, small));
}

/** Percent-decoding that never throws: what is not an escape stays as it is. Works on Latin-1 text. */
export function decodePercentText(text: string): string {
  return text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** Bytes as Latin-1, one character a byte, so that any secret can be looked for in any text. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().split(/[^a-z0-9\u0080-\u00ff]+/);
}

function inHex(text: string, secret: string): boolean {
  const hex = Buffer.from(secret, 'latin1').toString('hex');
  const folded = text.toLowerCase();
  if (folded.includes(hex)) return true;
  // The hexadecimal form of another case of the secret.
  for (const run of folded.match(/[0-9a-f]{12,}/g) ?? []) {
    for (const from of [0, 1]) {
      const decoded = Buffer.from(run.slice(from), 'hex').toString('latin1');
      if (decoded.toLowerCase().includes(secret)) return true;
    }
  }
  return false;
}

function inBase64(text: string, secret: string): boolean {
  for (const run of decodePercentText(text).match(/[A-Za-z0-9+/_-]{8,}/g) ?? []) {
    for (let from = 0; from < 4; from++) {
      const decoded = Buffer.from(run.slice(from), 'base64').toString('latin1');
      if (decoded.toLowerCase().includes(secret)) return true;
    }
  }
  return false;
}
