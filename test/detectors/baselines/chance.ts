/** Seeded chance, and states outside an engine, for the tests of statistics. */
import { finish, mix32 } from '../../../core/hash.ts';
import {
  Binding,
  type Layout,
  placeParts,
  type StateOf,
} from '../../../detectors/engine/layout.ts';

/** Uniform in (0, 1), the same for the same seed. */
export function uniform(seed: number): () => number {
  let n = 0;
  return () => (finish(mix32(mix32(seed, n++), 0x9e3779b9)) + 0.5) / 2 ** 32;
}

/** A zeroed state of a layout, on memory of its own. */
export function stateOf<L extends Layout>(layout: L): StateOf<L> {
  return new Binding(placeParts([{ id: 'test', version: 1, layout }])).part(0, layout);
}
