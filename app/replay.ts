import { KeyhoundError } from '../core/errors.ts';
import type { Replay } from './contract.ts';

export const replay: Replay = () => {
  throw new KeyhoundError('operating', 'replay is not part of this build');
};
