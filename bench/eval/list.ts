/** Every part of `npm run eval`. A new one is a file or folder beside this and a line here. */
import { cloudtrailPart } from './cloudtrail.ts';
import { microsoftPart } from './microsoft/microsoft.ts';
import { nabPart } from './nab/nab.ts';
import type { Part } from './part.ts';
import { trafficPart } from './traffic/part.ts';

export const PARTS: readonly Part[] = Object.freeze([
  nabPart,
  microsoftPart,
  cloudtrailPart,
  trafficPart,
]);
