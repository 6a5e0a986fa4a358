/** Settings of detectors, checked against what each declares. */
import type { z } from 'zod';
import type { Config } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { suggest } from '../../core/suggest.ts';
import type { DetectorSettings } from '../detector.ts';

/** Throws `usage` on settings of a detector that there is not. */
export function checkIds(ids: readonly string[], config: Config['detectors']): void {
  for (const id of Object.keys(config)) {
    if (ids.includes(id)) continue;
    const near = suggest(id, ids);
    throw new KeyhoundError('usage', `detectors: there is no detector "${id}"`, {
      hint: near === undefined ? `Detectors: ${ids.join(', ')}.` : `Did you mean ${near}?`,
    });
  }
}

/** Checked settings of a detector. Throws `usage` that names every fault. */
export function settingsOf<C extends DetectorSettings>(
  detector: { readonly id: string; readonly config: z.ZodType<C> },
  config: Config['detectors'],
): C {
  const parsed = detector.config.safeParse(config[detector.id] ?? {});
  if (parsed.success) return Object.freeze(parsed.data);
  const faults = parsed.error.issues.map(
    (issue) => `detectors.${[detector.id, ...issue.path].join('.')}: ${issue.message}`,
  );
  throw new KeyhoundError('usage', faults.join('; '), { hint: 'See `keyhound config docs`.' });
}
