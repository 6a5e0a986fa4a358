/** Who somebody is, by their personal token. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { PersonConfig } from '../../core/config-response.ts';
import { KeyhoundError } from '../../core/errors.ts';

/** Takes as long for a stranger as for the first person of the list. */
export function personByToken(
  people: readonly PersonConfig[],
  token: string,
): PersonConfig | undefined {
  const given = digest(token);
  let found: PersonConfig | undefined;
  for (const person of people) {
    if (timingSafeEqual(digest(person.token), given)) found = person;
  }
  return found;
}

/** Throws `person-unknown`, and `person-role` where a viewer asks. */
export function approverByToken(people: readonly PersonConfig[], token: string): PersonConfig {
  const person = personByToken(people, token);
  if (person === undefined) {
    throw new KeyhoundError('usage', 'nobody has this personal token', {
      code: 'person-unknown',
      hint: 'List the people who may approve under `people` in the configuration.',
    });
  }
  if (person.role === 'viewer') {
    throw new KeyhoundError('usage', 'a viewer may not approve', {
      code: 'person-role',
      hint: 'Ask somebody with the role responder or admin.',
    });
  }
  return person;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
