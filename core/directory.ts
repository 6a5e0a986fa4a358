/** What the operator has told about a key: the registry, as stages see it. */
import type { KeyEntry } from './config.ts';

/** All that is declared about one key, as a judgement reads it: recorded with findings, so plain JSON. */
export interface Declared {
  /** What the registry says of the key itself. */
  readonly entry?: KeyEntry;
  /** The entry that names this key as its predecessor; of several the one made first. */
  readonly successor?: KeyEntry;
  /** IANA zone of its users: the entry's, else its consumer's. */
  readonly timeZone?: string;
}

/** Whether the registry names the key, and not only its consumer. */
export function isRegistered(declared: Declared | undefined): boolean {
  return declared?.entry !== undefined || declared?.successor !== undefined;
}

export interface KeyDirectory {
  /** Changes when the registry's content does; recorded as a control record. */
  readonly version: string;
  readonly size: number;
  entry(id: string): KeyEntry | undefined;
  /**
   * Undefined when nothing is. `consumer`: as the log names it, '' when it does not. The same object for as long
   * as the directory lives.
   */
  declared(id: string, consumer: string): Declared | undefined;
  /** Entries by exact label; more than one when the label is not unique. */
  withLabel(label: string): readonly KeyEntry[];
  all(): Iterable<KeyEntry>;
}
