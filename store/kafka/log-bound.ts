/**
 * kafkajs says the same up to twenty times a second while a topic is missing or a broker is away, and each of a
 * process' clients says it by itself. Here a cause is one line at once, and then one in ten seconds with how often it
 * came.
 */
import type { KafkaLogger } from './connection.ts';

const EVERY_MS = 10_000;
/** Told apart at once; what else there is shares one. */
const CAUSES_MAX = 100;
const OTHERS = 'kafka: other trouble';

interface Cause {
  readonly facts: object;
  readonly text: string;
  /** Since its last line. */
  times: number;
}

/** By logger: the clients of a process share it. */
const known = new WeakMap<KafkaLogger, Map<string, Cause>>();

export function warnNowAndThen(logger: KafkaLogger, facts: object, text: string): void {
  let causes = known.get(logger);
  if (causes === undefined) {
    causes = new Map();
    known.set(logger, causes);
  }
  const name = causes.has(text) || causes.size < CAUSES_MAX ? text : OTHERS;
  const cause = causes.get(name);
  if (cause !== undefined) {
    cause.times++;
    return;
  }
  logger.warn(facts, text);
  const begun: Cause = { facts, text: name, times: 0 };
  causes.set(name, begun);
  lookAgain(logger, causes, begun);
}

/** Until it did not come for a while. */
function lookAgain(logger: KafkaLogger, causes: Map<string, Cause>, cause: Cause): void {
  setTimeout(() => {
    const { facts, text, times } = cause;
    if (times === 0) {
      causes.delete(text);
      return;
    }
    cause.times = 0;
    logger.warn({ ...facts, times }, `${text} (${times} more in ${EVERY_MS / 1000} s)`);
    lookAgain(logger, causes, cause);
  }, EVERY_MS).unref();
}
