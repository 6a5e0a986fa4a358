/** What the operator has told about a key: the registry, as stages see it. */
import type { KeyEntry } from './config.ts';

export interface KeyDirectory {
  /** Changes when the registry's content does; recorded as a control record. */
  readonly version: string;
  readonly size: number;
  entry(id: string): KeyEntry | undefined;
  /** Entries by exact label; more than one when the label is not unique. */
  withLabel(label: string): readonly KeyEntry[];
  all(): Iterable<KeyEntry>;
}
