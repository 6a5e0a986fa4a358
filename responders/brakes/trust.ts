/**
 * Evidence that anybody could have made up: from a source that is only observed, with an identity that is only
 * claimed, or from an absence, which is no use of a key. A report of a leak has a way of its own, with its sender's
 * bounds; its finding would get around them.
 */
import type { Brake } from './brake.ts';

export const trust: Brake = Object.freeze<Brake>({
  id: 'trust',
  summary: 'evidence that cannot be trusted, or that is no misuse, is told and not acted upon',
  drops({ trust: weakest, detector }) {
    if (weakest === 'observe') return 'its source or its identity is not to be acted upon';
    if (detector === 'volume-drop') return 'a silent key harms nobody';
    if (detector === 'leak') return 'reports of leaks are acted upon as such';
    return undefined;
  },
});
