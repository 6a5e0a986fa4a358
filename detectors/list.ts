/** Every detector, in the order in which they judge an event. A new one is one line here. */
import type { Detector } from './detector.ts';
import { dormant } from './dormant.ts';
import { errorRate } from './error-rate.ts';
import { impossibleTravel } from './impossible-travel.ts';
import { newPlace } from './new-place.ts';
import { offHours } from './off-hours.ts';
import { volumeDrop } from './volume-drop.ts';
import { volumeSpike } from './volume-spike.ts';

export const DETECTORS: readonly Detector[] = Object.freeze([
  volumeSpike,
  volumeDrop,
  errorRate,
  newPlace,
  impossibleTravel,
  offHours,
  dormant,
]);
