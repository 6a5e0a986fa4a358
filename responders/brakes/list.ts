/** Every brake, most important first. A new one is one line here. */
import { allow } from './allow.ts';
import type { Brake } from './brake.ts';
import { budget } from './budget.ts';
import { fleet } from './fleet.ts';
import { kill } from './kill.ts';
import { network } from './network.ts';
import { planned } from './planned.ts';
import { protectedKeys } from './protected.ts';
import { silence } from './silence.ts';
import { stale } from './stale.ts';
import { trust } from './trust.ts';

export const BRAKES: readonly Brake[] = Object.freeze([
  kill,
  protectedKeys,
  allow,
  trust,
  silence,
  planned,
  fleet,
  network,
  stale,
  budget,
]);
