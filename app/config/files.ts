/** Faults of the files that a configuration names, which its commands would find only when they start. */
import { basename, resolve } from 'node:path';
import type { Config } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { openGeography } from '../../enrich/geography.ts';
import { loadRegistry } from '../../enrich/registry.ts';
import { loadPolicy } from '../policy-file.ts';
import type { RuleFault } from './document.ts';

type Named = Pick<Config, 'keys' | 'consumers' | 'policy' | 'geography'>;

/** Registry, policy and geography. `folder`: where relative paths start. */
export function checkFiles(config: Named, folder: string): RuleFault[] {
  const { keys, consumers, policy, geography } = config;
  return [
    ...(typeof keys === 'string'
      ? faultsAt(['keys'], () => loadRegistry(keys, folder, consumers))
      : []),
    ...(policy === undefined
      ? []
      : faultsAt(['policy'], () => loadPolicy(resolve(folder, policy)))),
    ...(['city', 'asn'] as const).flatMap((name) => {
      const file = geography[name];
      if (file === undefined) return [];
      return faultsAt(['geography', name], () => openGeography({ [name]: resolve(folder, file) }));
    }),
  ];
}

/** One for each line under an error's first, which only counts them; else the first. */
function faultsAt(path: readonly string[], read: () => unknown): RuleFault[] {
  try {
    read();
    return [];
  } catch (error) {
    if (!(error instanceof KeyhoundError)) throw error;
    const [head = '', ...each] = error.message.split('\n');
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    // The line before it is the configuration's.
    const file = basename(head.replace(/: \d+ faults?$/, ''));
    if (each.length > 0) return each.map((line) => ({ path, message: `${file}, ${line.trim()}` }));
    return [{ path, message: head.replace(/^(keys|geography): /, ''), ...hint }];
  }
}
