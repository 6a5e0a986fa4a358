import { KeyhoundError } from '../core/errors.ts';
import type { Demo } from './contract.ts';

export const demo: Demo = () => {
  throw new KeyhoundError('operating', 'demo is not part of this build');
};
