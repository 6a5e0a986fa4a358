/**
 * From settings to a kafkajs client: brokers, TLS, login, the log, and what kafkajs needs to behave under Node 24.
 * Nothing is sent here.
 */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import kafkajs, { type Kafka, type LogEntry, type SASLOptions } from 'kafkajs';
import type { KafkaConfig } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { registerCodecs } from './codecs.ts';
import { warnNowAndThen } from './log-bound.ts';
import { calmRequestQueues } from './request-queue.ts';

/** Part of the program's logger (pino's) that is used here. */
export interface KafkaLogger {
  debug(facts: object, text: string): void;
  info(facts: object, text: string): void;
  warn(facts: object, text: string): void;
}

export interface ClientOptions {
  /** Appended to the client id, so that the broker's figures tell roles apart. */
  readonly role: string;
  readonly logger?: KafkaLogger | undefined;
  /** Hears every line that kafkajs logs: it is at work, whether it succeeds or not. */
  readonly onLog?: (text: string) => void;
}

/** Waits 0.2 s, 0.4 s … 2 s between attempts. */
export const RETRY = Object.freeze({ initialRetryTime: 200, maxRetryTime: 2000, retries: 8 });
/** A request unanswered for so long has failed: a frozen broker must not hold its callers for kafkajs's 30 s. */
export const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTION_TIMEOUT_MS = 3000;

export function createClient(config: KafkaConfig, options: ClientOptions): Kafka {
  registerCodecs();
  calmRequestQueues();
  silenceNegativeTimeouts();
  const tls = tlsOptions(config);
  return new kafkajs.Kafka({
    clientId: `${config.clientId}-${options.role}`,
    brokers: config.brokers.map(checkedAddress),
    ...(tls && { ssl: tls }),
    ...(config.sasl && { sasl: { ...config.sasl } as SASLOptions }),
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    authenticationTimeout: REQUEST_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    retry: { ...RETRY, restartOnFailure: async () => true },
    logLevel: kafkajs.logLevel.INFO,
    logCreator: () => logLine(options, config.sasl?.password),
  });
}

function checkedAddress(address: string): string {
  if (!address.startsWith('[')) return address;
  throw new KeyhoundError('usage', `kafka.brokers: ${address} cannot be used`, {
    code: 'kafka-address',
    hint: 'kafkajs takes no IPv6 literals: give the broker a name.',
  });
}

/** Undefined: plaintext. TLS 1.2 at least: brokers of Java 8 have no 1.3. */
export function tlsOptions(config: KafkaConfig): ConnectionOptions | undefined {
  const { tls } = config;
  if (tls === undefined) return undefined;
  return {
    minVersion: 'TLSv1.2',
    ...(tls.ca !== undefined && { ca: readPem('ca', tls.ca) }),
    ...(tls.cert !== undefined && { cert: readPem('cert', tls.cert) }),
    ...(tls.key !== undefined && { key: readPem('key', tls.key) }),
    ...(tls.serverName !== undefined && { servername: tls.serverName }),
  };
}

function readPem(name: string, file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new KeyhoundError('usage', `kafka.tls.${name}: ${file} cannot be read`, {
      code: 'tls-file',
      cause,
    });
  }
  if (text.includes('-----BEGIN ')) return text;
  throw new KeyhoundError('usage', `kafka.tls.${name}: ${file} is no PEM file`, {
    code: 'tls-file',
  });
}

/** Of the facts that kafkajs adds, these are safe and of use; the rest (configurations, stacks, buffers) is not. */
const FACTS = ['broker', 'groupId', 'memberId', 'topic', 'partition', 'retryCount'] as const;

/**
 * kafkajs calls each failed attempt an error, although it tries again: what counts as an error is for the caller
 * to say, so its lines are a warning at most.
 */
function logLine(options: ClientOptions, password: string | undefined) {
  return ({ level, namespace, log }: LogEntry): void => {
    const reason = typeof log['error'] === 'string' ? `: ${log['error']}` : '';
    let text = `kafka ${namespace}: ${log.message}${reason}`;
    if (password !== undefined) text = text.replaceAll(password, '***');
    options.onLog?.(text);
    const facts: Record<string, unknown> = { client: options.role };
    for (const name of FACTS) if (log[name] !== undefined) facts[name] = log[name];
    const { logger } = options;
    if (logger === undefined) return;
    if (level <= kafkajs.logLevel.WARN) warnNowAndThen(logger, facts, text);
    else logger.debug(facts, text);
  };
}

let silenced = false;

/** kafkajs sets timers of a negative time, which is harmless; Node 24 prints a warning at the first. */
export function silenceNegativeTimeouts(): void {
  if (silenced) return;
  silenced = true;
  const emitWarning = process.emitWarning.bind(process) as (...given: unknown[]) => void;
  process.emitWarning = (...given: unknown[]) => {
    const isNegativeTimeout = given[1] === 'TimeoutNegativeWarning';
    if (isNegativeTimeout && new Error().stack?.includes('kafkajs')) return;
    emitWarning(...given);
  };
}
