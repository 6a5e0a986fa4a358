/** An empty key registry. */
import type { KeyDirectory } from '../../core/directory.ts';

export const NO_DIRECTORY: KeyDirectory = Object.freeze({
  version: 'none',
  size: 0,
  entry: () => undefined,
  declared: () => undefined,
  withLabel: () => [],
  all: () => [],
});
