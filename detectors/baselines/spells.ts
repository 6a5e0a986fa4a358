/**
 * Spells: how far a key departs from its own mean on some days, as a habit. A nightly report is twenty times as slow
 * and as large as the rest of the day, every night; hourly maxima cannot tell that from an attack, for it is one hour
 * in twenty-four.
 *
 * A spell is told once: later ones are news only when half again as strong as the usual one. A spell that was news
 * becomes usual at the end of its UTC day; one within the margin keeps it alive and raises it by 3 % at most, so
 * nobody climbs unseen. A day without any lets it fade by 3 %. Two bytes, in steps of 3 % of a ratio.
 */
export const SPELLS_LAYOUT = {
  /** Strongest spell of the last weeks, and of the running day; 0 for none. */
  usualSpell: 'u8',
  todaySpell: 'u8',
} as const;

export interface Spells {
  usualSpell: number;
  todaySpell: number;
}

/** News that scores less is not told, so it must not become usual. */
export const TOLD_SCORE = 4;
const STEP = 0.03;
const MARGIN = Math.log(1.5);
const BYTE_MAX = 255;

/** Ln of the ratio from which a spell is news; `least` is the ln from which it is a spell at all. */
export function newsFrom(spells: Spells, least: number): number {
  return spells.usualSpell === 0 ? least : Math.max(least, spells.usualSpell * STEP + MARGIN);
}

/** Notes a ratio that makes a spell, as its ln: one that is no news, or one that was told. */
export function noteSpell(spells: Spells, ln: number): void {
  const steps = Math.min(BYTE_MAX, Math.ceil(ln / STEP));
  if (steps > spells.todaySpell) spells.todaySpell = steps;
}

/** `hour` (absolute, UTC) has ended; with it perhaps the day. */
export function endSpellHour(spells: Spells, hour: number): void {
  if (hour % 24 !== 23) return;
  const { usualSpell, todaySpell } = spells;
  if (todaySpell === 0) spells.usualSpell = Math.max(0, usualSpell - 1);
  else if (usualSpell === 0 || todaySpell > usualSpell + MARGIN / STEP)
    spells.usualSpell = todaySpell;
  else if (todaySpell > usualSpell) spells.usualSpell = usualSpell + 1;
  spells.todaySpell = 0;
}
