/** Counting set bits, and what they say of how many there were: linear counting (Whang et al. 1990). */

/** Ones in the 32 bits of a number. */
export function onesIn(word: number): number {
  let w = word - ((word >>> 1) & 0x55555555);
  w = (w & 0x33333333) + ((w >>> 2) & 0x33333333);
  return Math.imul((w + (w >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** How many different members set so many of a bitmap's bits, one each: −bits · ln(share of zeros). */
export function membersOf(set: number, bits: number): number {
  return -bits * Math.log(Math.max(0.5, bits - set) / bits);
}
