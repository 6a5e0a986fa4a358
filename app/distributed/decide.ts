/**
 * The decide role: the decision endpoint over verdicts and limits out of Redis. It starts, and goes on, without
 * Redis: from what it has in memory and in its state folder. It holds no credential of a gateway.
 */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type Clock, toIsoOrNull } from '../../core/clock.ts';
import type { RedisConfig } from '../../core/config.ts';
import type { LimitStore } from '../../core/limits.ts';
import { type DecideEndpoint, startDecide } from '../../decide/endpoint.ts';
import { createKeyNames } from '../../decide/key-names.ts';
import { readSaved, replaceSaved } from '../../decide/saved-file.ts';
import { loadCalendars } from '../../enrich/calendars.ts';
import { openGeography } from '../../enrich/geography.ts';
import { loadPepper, type Pepper } from '../../enrich/pepper.ts';
import { loadRegistry } from '../../enrich/registry.ts';
import { openLimitStore } from '../../store/redis/limits.ts';
import { openStateReader, type StateReader } from '../../store/redis/reader.ts';
import { openVerdictFeed } from '../../store/redis/response/verdict-feed.ts';
import type { LoadedConfig, Logger } from '../contract.ts';
import { listenerTls } from '../listener-tls.ts';
import { createLimitFacts } from '../response/limit-facts.ts';
import { geographyPaths } from '../session.ts';
import { openAliasCopy } from './aliases.ts';
import { DecideFacts } from './decide-facts.ts';
import { Late } from './late.ts';
import { StateMatch } from './state-match.ts';

/** In a folder of its own within the state folder. */
const FOLDER = 'decide';
const NODE_FILE = 'node';

export interface DecideRoleOptions {
  readonly config: LoadedConfig;
  readonly redis: RedisConfig;
  /** Of the topics of detection: where a key's state lies. */
  readonly partitions: number;
  /** The state folder, which is there. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface DecideRole {
  readonly endpoint: DecideEndpoint;
  trouble(): readonly { readonly name: string; readonly detail: string }[];
  close(): Promise<void>;
}

export async function openDecide(options: DecideRoleOptions): Promise<DecideRole> {
  const { config: loaded, redis, clock, logger } = options;
  const { config } = loaded;
  const folder = path.join(options.folder, FOLDER);
  const pepper = loadPepper({ env: options.env, stateDir: undefined, mayCreate: false });
  const directory = loadRegistry(config.keys, loaded.folder, config.consumers);
  const node = await nodeName(folder);
  const aliases = openAliasCopy(redis, folder, logger);
  const feed = openVerdictFeed(redis);
  const limits = lateLimits(redis);
  const { partitions } = options;
  const { detectors } = config;
  const detection = new Late(() => openStateReader(redis));
  const state = () => detection.get();
  const facts = new DecideFacts({ detectors, directory, partitions, state }, clock);
  const match = matchOf(options, pepper, state);
  const reading = new AbortController();
  void facts.run(reading.signal);
  void match.run(reading.signal);
  const close = async () => {
    reading.abort();
    detection.value?.close();
    await limits.close();
    await feed.close();
    await aliases.close();
  };
  try {
    const [host, port] = splitAddress(config.listen.decide);
    const endpoint = await startDecide({
      ...{ host, port, folder, clock, tls: listenerTls(config.tls.decide) },
      settings: config.decide,
      trustedProxies: config.trustedProxies,
      geography: openGeography(geographyPaths(loaded)),
      store: feed,
      shared: { store: limits, node },
      names: createKeyNames({
        pepper: pepper.key,
        previous: pepper.previous?.key,
        aliases: aliases.table,
      }),
      facts: createLimitFacts({
        ...{ directory, clock, detectors, known: facts.known },
        calendar: loadCalendars(config.calendars, path.resolve(loaded.folder)),
      }),
      onError: sayOnce(logger),
    });
    return {
      endpoint,
      trouble() {
        const away = feed.trouble() ?? aliases.trouble();
        const asOf = toIsoOrNull(endpoint.status().verdictsReadAt) ?? 'the last run';
        const redisSays = away && `${away}; requests are answered as of ${asOf}`;
        const found = [
          { name: 'state', detail: match.trouble },
          { name: 'redis', detail: redisSays },
        ];
        return found.flatMap(({ name, detail }) =>
          detail === undefined ? [] : [{ name, detail }],
        );
      },
      async close() {
        await endpoint.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function matchOf(
  { partitions, logger }: DecideRoleOptions,
  { fingerprint, previous }: Pepper,
  state: () => Promise<StateReader>,
): StateMatch {
  const ours = {
    ...{ partitions, pepperFingerprint: fingerprint },
    previousFingerprint: previous?.fingerprint,
  };
  return new StateMatch({
    check: async () => (await state()).refuse(ours),
    logger,
    follows: 'what is decided about raw keys is not found here, so they are let through',
  });
}

/** Tells nodes apart that share limits; the same after a restart. */
async function nodeName(folder: string): Promise<string> {
  const file = path.join(folder, NODE_FILE);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const kept = readSaved(file)?.trim();
  if (kept !== undefined && /^[0-9a-f]{8}$/.test(kept)) return kept;
  const made = randomBytes(4).toString('hex');
  await replaceSaved(file, [made]);
  return made;
}

/** Connects with the first report, and again with a later one when that failed. */
function lateLimits(redis: RedisConfig): LimitStore {
  const store = new Late(() => openLimitStore(redis));
  return {
    take: async (node, reports) => (await store.get()).take(node, reports),
    close: async () => store.value?.close(),
  };
}

/** The same trouble comes with every reading, some times a second. */
function sayOnce(logger: Logger): (error: unknown) => void {
  let told = '';
  return (error) => {
    const text = error instanceof Error ? error.message : String(error);
    if (text === told) return;
    told = text;
    logger.warn({ err: error }, 'the decision endpoint has trouble');
  };
}

function splitAddress(address: string): [host: string, port: number] {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  return [host, Number(address.slice(colon + 1))];
}
