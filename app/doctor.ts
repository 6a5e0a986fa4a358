/** Can each configured thing be used, and what follows if not. Changes nothing. */
import type { Clock } from '../core/clock.ts';
import { openGeography } from '../enrich/geography.ts';
import type { Check, LoadedConfig } from './contract.ts';
import { checkCalendars } from './doctor/calendars.ts';
import { checkCertificates } from './doctor/certificates.ts';
import { check, failed } from './doctor/check.ts';
import { checkCluster } from './doctor/elasticsearch.ts';
import { checkBrokers } from './doctor/kafka.ts';
import { checkListeners } from './doctor/listeners.ts';
import { checkState } from './doctor/redis.ts';
import { checkResponse } from './doctor/response.ts';
import { checkSources } from './doctor/sources.ts';
import {
  checkFacts,
  checkFolder,
  checkPepper,
  checkRegistry,
  type Env,
  readFacts,
} from './doctor/state.ts';

export interface DoctorOptions {
  readonly config: LoadedConfig;
  readonly env: Env;
  readonly clock: Clock;
}

/** Checks one after the other; a check that fails does not keep the next from running. */
export async function* doctor(options: DoctorOptions): AsyncGenerator<Check> {
  const { config: loaded, env, clock } = options;
  const stateDir = loaded.config.state.dir;
  yield checkNode(process.versions.node);
  yield checkConfig(loaded);
  yield* checkFolder(stateDir);
  const { check: pepperCheck, pepper } = checkPepper(env, stateDir, loaded.config);
  yield pepperCheck;
  const facts = await readFacts(stateDir);
  if ('type' in facts) yield facts;
  else yield* checkFacts(facts, pepper);
  yield checkRegistry(loaded);
  yield* checkCalendars(loaded, clock);
  yield checkGeography(loaded, clock.now());
  yield* checkSources(loaded, 'holder' in facts && facts.holder !== undefined);
  yield* checkResponse(loaded, () => clock.now());
  yield* checkBrokers(loaded.config);
  yield* checkState(loaded.config, clock, pepper);
  yield* checkCluster(loaded.config, clock);
  yield* checkCertificates(loaded.config, clock);
  yield* checkListeners(loaded, 'type' in facts ? undefined : facts.holder);
}

const NODE_MAJOR_MIN = 24;

function checkNode(version: string): Check {
  const ok = Number(version.split('.')[0]) >= NODE_MAJOR_MIN;
  return check('node', ok, version, `Keyhound needs Node ${NODE_MAJOR_MIN} or newer.`);
}

function checkConfig({ config, path }: LoadedConfig): Check {
  const count = config.sources.length;
  const from = path ?? 'no configuration file: defaults';
  return check('config', true, `${from}; ${count === 1 ? '1 source' : `${count} sources`}`);
}

/** From these ages on, days, places and travel are taken for less than certain. */
const TRAVEL_DAYS_MAX = 180;
const PLACES_DAYS_MAX = 365;

function checkGeography({ config }: LoadedConfig, now: number): Check {
  try {
    const { version, ageDays } = openGeography(config.geography).info(now);
    if (ageDays === undefined) return check('geography', true, `${version}, age unknown`);
    const aged = ageDays > TRAVEL_DAYS_MAX ? '; too old for impossible-travel' : '';
    return check(
      'geography',
      ageDays <= PLACES_DAYS_MAX,
      `${version}, ${ageDays} days old${aged}`,
      'Update the package geoip-lite, or set geography.city to a newer .mmdb file.',
    );
  } catch (error) {
    return failed('geography', error);
  }
}
