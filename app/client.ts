import { KeyhoundError } from '../core/errors.ts';
import type { OpenClient, RestoreState } from './contract.ts';

export const openClient: OpenClient = () => {
  throw new KeyhoundError('operating', 'reading the state is not part of this build');
};

export const restoreState: RestoreState = () => {
  throw new KeyhoundError('operating', 'restoring is not part of this build');
};
