/** The kill switch: nothing new is done while it is on. What stands goes on unless it was told to lift it. */
import type { Brake } from './brake.ts';

export const kill: Brake = Object.freeze<Brake>({
  id: 'kill',
  summary: 'nothing new is done while the kill switch is on',
  holds: (_proposal, _scene, { killed }) => (killed ? 'the kill switch is on' : undefined),
});
