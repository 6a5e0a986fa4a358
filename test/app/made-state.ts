/** A state made from a few days of the traffic model with one stolen key, for tests that look into it. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { LoadedConfig } from '../../app/contract.ts';
import { replay } from '../../app/replay.ts';
import { configSchema } from '../../core/config.ts';
import type { KeyProfile } from '../../traffic/contract.ts';
import { registryEntries } from '../../traffic/registry.ts';
import { createTraffic, DEFAULT_FROM_AT } from '../../traffic/traffic.ts';
import { subjectIdOf, WRITERS } from '../../traffic/write.ts';

const DAY_MS = 86_400_000;
const DAYS = 5;
export const PEPPER = 'a pepper of the tests, long enough';
/** Label that two keys have. */
export const SHARED_LABEL = 'shared';

export interface MadeState {
  readonly parent: string;
  readonly folder: string;
  readonly config: LoadedConfig;
  readonly stolen: KeyProfile;
  /** Id of the stolen key. */
  readonly stolenId: string;
}

/** Sets the pepper in the environment of this process. The caller removes `parent`. */
export async function makeState(): Promise<MadeState> {
  process.env['KEYHOUND_PEPPER'] = PEPPER;
  const parent = await mkdtemp(path.join(tmpdir(), 'keyhound-client-'));
  const traffic = createTraffic({
    seed: 11,
    keys: 5,
    days: DAYS,
    rates: { min: 0.001, max: 0.004 },
    overrides: { 0: { class: 'steady', rate: 0.01 } },
    attacks: [
      {
        kind: 'stolen-key',
        keyIndex: 0,
        fromAt: DEFAULT_FROM_AT + (DAYS - 0.5) * DAY_MS,
        rateMin: 1,
        durationMs: 120_000,
      },
    ],
  });
  const lines: string[] = [];
  for (const event of traffic.events()) lines.push(WRITERS.kong(event));
  const log = path.join(parent, 'kong.ndjson');
  await writeFile(log, `${lines.join('\n')}\n`);
  const entries = registryEntries(traffic, 'kong', undefined).map((entry, i) =>
    i >= 3 ? { ...entry, label: SHARED_LABEL } : entry,
  );
  const unused = { ...entries[0]!, id: 'kong:never-seen', label: 'never-seen' };
  const folder = path.join(parent, 'state');
  const config: LoadedConfig = {
    config: configSchema.parse({ state: { dir: folder }, keys: [...entries, unused] }),
    path: undefined,
    folder: parent,
  };
  await replay({
    paths: [log],
    stateDir: folder,
    config,
    signal: new AbortController().signal,
    onFinding: () => {},
    onIncident: () => {},
    onProgress: () => {},
    onNote: () => {},
  });
  const stolen = traffic.keys[0]!;
  return { parent, folder, config, stolen, stolenId: subjectIdOf(stolen, 'kong', undefined)! };
}
