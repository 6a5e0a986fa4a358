/**
 * Catches nothing by itself: it tells what somebody else has proven, that a key is public.
 *
 * Idea: a signed report that named the raw key, which was matched by its hash (responders/triggers/leak.ts). That is
 * proof, no likelihood: its score is fixed (algorithms.md §9), and alone enough for `critical`. It is about the very
 * key that was named, never about its predecessor or successor. Told at the place of the sequence at which the report
 * came, not at the key's next use: what leaked is dangerous before it is used.
 * Fails: leaks that nobody reports; senders that say nothing of where; a key that has no record yet, which the
 * response acts upon all the same. What the response does rests on the report itself, with its sender's bounds, and
 * never on this finding (responders/brakes/trust.ts).
 * Cost: nothing an event, no bytes a key; 1,000 ids of reports are remembered.
 */
import { z } from 'zod';
import type { LeakNotice } from '../core/control.ts';
import type { Evidence } from './detector.ts';

const SCORE = 10;
/** Of what a sender writes; all of it is another's text. */
const TEXT_MAX = 300;

const config = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether the detector runs.'),
});

export const leak = Object.freeze({
  id: 'leak',
  version: 1,
  family: 'credential',
  summary: 'a signed report that the key is public',
  aloneMax: Number.POSITIVE_INFINITY,
  usesPlaces: false,
  config,

  /** The same for every report: proof is proof. */
  score(_notice: LeakNotice): number {
    return SCORE;
  },

  describe({ sender, url, source, foundAt }: LeakNotice, at: number): Evidence {
    const where = shortened(url ?? source);
    const place = where === undefined ? '' : `, found at ${where}`;
    const when = foundAt === undefined ? '' : ` on ${foundAt.slice(0, 10)}`;
    return {
      fromAt: at,
      observed: {
        sender,
        ...(url === undefined ? {} : { url: shortened(url)! }),
        ...(source === undefined ? {} : { source: shortened(source)! }),
        ...(foundAt === undefined ? {} : { foundAt }),
      },
      expected: { reports: 0 },
      why: `the key is public: ${sender} sent the key itself in a signed report${place}${when}`,
      about: where ?? sender,
      parts: [{ name: 'signed report', score: 1 }],
    };
  },
});

function shortened(text: string | undefined): string | undefined {
  if (text === undefined || text.length <= TEXT_MAX) return text;
  return `${text.slice(0, TEXT_MAX - 1).toWellFormed()}…`;
}
