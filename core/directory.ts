/** What the operator has told about a key: the registry, as stages see it. */
import type { KeyEntry } from './config.ts';

/** All that is declared about one key, as a judgement reads it: recorded with findings, so plain JSON. */
export interface Declared {
  /** What the registry says of the key itself. */
  readonly entry?: KeyEntry;
  /** The entry that names this key as its predecessor; of several the one made first. */
  readonly successor?: KeyEntry;
}

export interface KeyDirectory {
  /** Changes when the registry's content does; recorded as a control record. */
  readonly version: string;
  readonly size: number;
  entry(id: string): KeyEntry | undefined;
  /** Undefined when nothing is. The same object for as long as the directory lives. */
  declared(id: string): Declared | undefined;
  /** Entries by exact label; more than one when the label is not unique. */
  withLabel(label: string): readonly KeyEntry[];
  all(): Iterable<KeyEntry>;
}
