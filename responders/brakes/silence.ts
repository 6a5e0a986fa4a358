/** What people have silenced is found and kept, and nothing is done about it. */
import type { Brake } from './brake.ts';

export const silence: Brake = Object.freeze<Brake>({
  id: 'silence',
  summary: 'what is silenced is not acted upon',
  drops: ({ silencedBy }, { incident }) =>
    silencedBy !== undefined || incident.silencedBy !== undefined
      ? `silenced by ${silencedBy ?? incident.silencedBy}`
      : undefined,
});
