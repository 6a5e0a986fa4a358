/** What the distributed form cannot do without. */
import { KeyhoundError } from '../../core/errors.ts';

export function redisMissing(who: string): KeyhoundError {
  return new KeyhoundError('usage', `${who} needs Redis, and none is configured`, {
    code: 'redis-missing',
    hint: 'Set `redis.url`, or leave `kafka` out: then one process does it all.',
  });
}
