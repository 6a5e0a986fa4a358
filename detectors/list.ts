/** Every detector, in the order in which they judge an event. A new one is one line here. */

import { client } from './client.ts';
import type { Detector } from './detector.ts';
import { dormant } from './dormant.ts';
import { endpoint } from './endpoint.ts';
import { enumeration } from './enumeration.ts';
import { errorRate } from './error-rate.ts';
import { fleet } from './fleet.ts';
import { impossibleTravel } from './impossible-travel.ts';
import { latency } from './latency.ts';
import { leak } from './leak.ts';
import { newPlace } from './new-place.ts';
import { offHours } from './off-hours.ts';
import { rotation } from './rotation.ts';
import { scope } from './scope.ts';
import { spread } from './spread.ts';
import { stuffing } from './stuffing.ts';
import { transfer } from './transfer.ts';
import { volumeDrop } from './volume-drop.ts';
import { volumeSpike } from './volume-spike.ts';

export const DETECTORS: readonly Detector[] = Object.freeze([
  volumeSpike,
  volumeDrop,
  errorRate,
  newPlace,
  impossibleTravel,
  spread,
  offHours,
  dormant,
  latency,
  transfer,
  endpoint,
  enumeration,
  client,
  scope,
  rotation,
]);

/** Those whose subject is no key: they judge networks and consumers, and many keys together. */
export const CROWD_DETECTORS = Object.freeze([stuffing, fleet]);

/** Those that judge no traffic: they tell what others have proven. */
export const REPORT_DETECTORS = Object.freeze([leak]);

/** All of them, for what is told about detectors: settings, docs. */
export const ALL_DETECTORS: readonly Pick<Detector, 'id' | 'summary' | 'config'>[] = Object.freeze([
  ...DETECTORS,
  ...CROWD_DETECTORS,
  ...REPORT_DETECTORS,
]);
