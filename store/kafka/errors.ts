/** What goes wrong with Kafka, in our words. Retries happen below: what arrives here has been tried. */
import { setTimeout as delay } from 'node:timers/promises';
import { KeyhoundError } from '../../core/errors.ts';
import { RETRY } from './connection.ts';

interface Known {
  readonly code: string;
  readonly hint: string;
  readonly retryable: boolean;
}

const UNREACHABLE: Known = {
  code: 'kafka-unreachable',
  hint: 'Check kafka.brokers, the network, and that the brokers are up.',
  retryable: true,
};
const REFUSED: Known = {
  code: 'kafka-refused',
  hint: 'Check kafka.sasl, kafka.tls and the ACLs of this user.',
  retryable: false,
};
const TOPIC_MISSING: Known = {
  code: 'kafka-topic-missing',
  hint: 'Create the topics: keyhound kafka init --yes',
  retryable: true,
};
const OTHER: Known = {
  code: 'kafka-failed',
  hint: 'See the log of the brokers.',
  retryable: false,
};

/** Fields of kafkajs's errors that it types loosely. */
interface KafkaFault {
  readonly name: string;
  readonly message: string;
  readonly type?: string;
  readonly retriable?: boolean;
  readonly cause?: unknown;
}

/** The innermost cause that kafkajs gives: it wraps what it retried. */
export function rootOf(error: unknown): KafkaFault {
  let fault = error as KafkaFault;
  for (let depth = 0; depth < 5; depth++) {
    const { cause } = fault;
    if (!(cause instanceof Error)) break;
    fault = cause as KafkaFault;
  }
  return fault;
}

export function asOperating(error: unknown, doing: string): KeyhoundError {
  if (error instanceof KeyhoundError) return error;
  const fault = rootOf(error);
  const { code, hint, retryable } = knownOf(fault);
  return new KeyhoundError('operating', `Kafka: ${doing}: ${fault.message}`, {
    code,
    hint,
    retryable,
    cause: error,
  });
}

/** kafkajs' word, in an error of no kind, for a broker that froze while it was being connected to. */
export function isNotConnected({ message }: Pick<KafkaFault, 'message'>): boolean {
  return message === 'Broker not connected';
}

function knownOf(fault: KafkaFault): Known {
  const type = fault.type ?? '';
  if (fault.name === 'KafkaJSSASLAuthenticationError' || /AUTHORIZATION|SASL/.test(type)) {
    return REFUSED;
  }
  if (/certificate|self.signed|altname|SSL routines/i.test(fault.message)) return REFUSED;
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION') return TOPIC_MISSING;
  if (isNotConnected(fault)) return UNREACHABLE;
  if (/Connection|NoBroker|BrokerNotFound|Timeout|GroupCoordinator/.test(fault.name))
    return UNREACHABLE;
  return fault.retriable === true ? { ...OTHER, retryable: true } : OTHER;
}

/** Errors that a program makes, not a network: repeating the call is no cure. */
export function isProgrammers(error: unknown): boolean {
  return ['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError', 'AssertionError'].includes(
    rootOf(error).name,
  );
}

/**
 * For calls of the admin client, which gives up at once on errors that a broker answers in its first second
 * (UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_FOR_PARTITION).
 */
export async function retried<T>(
  doing: string,
  call: () => Promise<T>,
  attempts: number = RETRY.retries,
): Promise<T> {
  let waitMs: number = RETRY.initialRetryTime;
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      const fault = asOperating(error, doing);
      if (!fault.retryable || attempt >= attempts) throw fault;
    }
    await delay(waitMs);
    waitMs = Math.min(waitMs * 2, RETRY.maxRetryTime);
  }
}
