/** The model's keys as a key registry: what an operator would have told Keyhound about them. */
import type { KeyEntry } from '../core/config.ts';
import type { Traffic } from './contract.ts';
import { type FormatName, subjectIdOf } from './write.ts';

/** Entries under the ids of a format. Empty for formats with raw keys when there is no pepper. */
export function registryEntries(
  traffic: Traffic,
  format: FormatName,
  pepper: string | undefined,
): KeyEntry[] {
  return traffic.keys.flatMap((key) => {
    const id = subjectIdOf(key, format, pepper);
    if (id === undefined) return [];
    return {
      id,
      label: key.label,
      consumer: key.consumer.name,
      plan: key.consumer.plan,
      environment: 'production',
      timeZone: key.home.zone,
      risk: 'normal',
      exposure: 'secret',
      protected: false,
    };
  });
}
