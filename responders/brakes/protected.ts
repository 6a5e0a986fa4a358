/** Keys that are registered as protected: two people have to agree. */
import type { Brake } from './brake.ts';

export const protectedKeys: Brake = Object.freeze<Brake>({
  id: 'protected',
  summary: 'two people have to agree before a protected key is acted upon',
  people: ({ entry }) => (entry?.protected === true ? 2 : undefined),
});
