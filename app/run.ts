import { KeyhoundError } from '../core/errors.ts';
import type { Run } from './contract.ts';

export const run: Run = () => {
  throw new KeyhoundError('operating', 'run is not part of this build');
};
