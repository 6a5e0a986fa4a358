/**
 * Names of the keys of the response. All share one hash tag, as scripts touch several of them.
 *
 *   PREFIX:{response}:decisions:…  see ledger.ts; likewise actions
 *   PREFIX:{response}:actions:versions   hash  GATEWAY NUL SUBJECT → version given last
 *   PREFIX:{response}:verdicts:…   see register.ts; likewise deliveries
 *   PREFIX:{response}:verdicts:changes   stream of verdicts that were put and removed, see verdicts.ts
 *   PREFIX:{response}:audit:…      see audit.ts
 *   PREFIX:{response}:queue:…      see queue-entries.ts
 *   PREFIX:queue:GATEWAY:…         BullMQ's own
 */

export function responseKey(prefix: string, name: string): string {
  return `${prefix}:{response}:${name}`;
}

/** What comes after it begins with a hash tag of its own nowhere: BullMQ runs on one primary, as we do. */
export function bullPrefix(prefix: string): string {
  return `${prefix}:queue`;
}

/** Stands between the parts of a field; no name has it. */
export const NUL = '\u0000';
