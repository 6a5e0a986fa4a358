/** What the distributed form cannot do without. */
import { KeyhoundError } from '../../core/errors.ts';
import { type TopicNames, topicNames } from '../../store/kafka/topics.ts';
import type { Role } from '../contract.ts';

export function redisMissing(who: string): KeyhoundError {
  return new KeyhoundError('usage', `${who} needs Redis, and none is configured`, {
    code: 'redis-missing',
    hint: 'Set `redis.url`, or leave `kafka` out: then one process does it all.',
  });
}

const SAYS = ['events', 'control'] as const;
const TOPICS: Readonly<Record<Role, readonly (keyof TopicNames)[]>> = {
  ingest: ['events'],
  detect: ['events', 'exchange', 'incidents'],
  respond: ['incidents', 'actions', 'audit', ...SAYS],
  decide: [],
  console: ['incidents', 'actions', 'audit', 'deadLetters', ...SAYS],
};

/** The topics that these roles read or write. */
export function topicsOf(roles: readonly Role[], prefix: string): readonly string[] {
  const names = topicNames(prefix);
  return [...new Set(roles.flatMap((role) => TOPICS[role]))].map((name) => names[name]);
}
