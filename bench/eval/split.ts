/** Which files were open while a detector was made, and which stayed closed until it was frozen. */

export type Half = 'open' | 'closed';

/** Chosen once, before the first run; another seed would be another choice. */
const SEED = 20261124;

/**
 * Halves each stratum (`folder/` of the names) at random: sorted names are shuffled by a seeded generator,
 * then dealt out in turn; of a stratum with an odd number the open half gets one more, and the next such
 * stratum one less.
 */
export function split(names: readonly string[]): Map<string, Half> {
  const strata = Map.groupBy([...names].sort(), (name) => name.slice(0, name.lastIndexOf('/')));
  const halves = new Map<string, Half>();
  let openFirst = true;
  for (const [stratum, members] of strata) {
    shuffle(members, SEED ^ hash(stratum)).forEach((name, i) => {
      halves.set(name, (i % 2 === 0) === openFirst ? 'open' : 'closed');
    });
    if (members.length % 2 === 1) openFirst = !openFirst;
  }
  return halves;
}

/** Fisher–Yates with mulberry32. */
function shuffle(names: readonly string[], seed: number): string[] {
  const shuffled = [...names];
  let state = seed;
  for (let i = shuffled.length - 1; i > 0; i--) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    const share = ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    const other = Math.floor(share * (i + 1));
    [shuffled[i], shuffled[other]] = [shuffled[other]!, shuffled[i]!];
  }
  return shuffled;
}

/** FNV-1a, so that a stratum's choice does not hang on the strata before it. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  }
  return value;
}
