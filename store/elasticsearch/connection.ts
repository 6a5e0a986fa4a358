/**
 * The client, one for Elasticsearch 8 and 9 and for OpenSearch; and its errors as an operator may read them: with
 * the address, without credentials, which hide in the library's errors and in addresses.
 */
import { readFileSync } from 'node:fs';
import { Client, type ClientOptions, errors, Transport } from '@elastic/elasticsearch';
import type { ElasticsearchConfig } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';

export interface Connection {
  readonly client: Client;
  readonly prefix: string;
  readonly replicas: number;
  /** Hosts and ports, for messages. */
  readonly hosts: string;
  close(): Promise<void>;
}

export interface ConnectionOptions {
  /**
   * Of every request. Never given by request: the library then ends the time with an event that is dispatched on the
   * caller's own signal.
   */
  readonly requestTimeoutMs?: number;
}

const REQUEST_TIMEOUT_MS = 10_000;

/**
 * Version 8 refuses the `compatible-with=9` that the client of version 9 sends, and OpenSearch every `compatible-with`;
 * all of them take the plain types. No `productCheck`: a proxy or OpenSearch would not pass it.
 */
class PlainTransport extends Transport {
  constructor(options: ConstructorParameters<typeof Transport>[0]) {
    const { productCheck: _, ...rest } = options;
    super({
      ...rest,
      vendoredHeaders: {
        jsonContentType: 'application/json',
        ndjsonContentType: 'application/x-ndjson',
        accept: 'application/json',
      },
    });
  }
}

/** Throws `usage` where a file of `tls` cannot be read. Connects to nothing yet. */
export function connect(config: ElasticsearchConfig, options: ConnectionOptions = {}): Connection {
  const auth = authOf(config);
  const client = new Client({
    nodes: [...config.nodes],
    Transport: PlainTransport,
    // Retries are ours: the library's would repeat a write behind the back of who counts it.
    maxRetries: 0,
    requestTimeout: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
    resurrectStrategy: 'none',
    redaction: { type: 'remove' },
    ...(auth === undefined ? {} : { auth }),
    ...(config.tls === undefined ? {} : { tls: tlsOf(config.tls) }),
  });
  return {
    client,
    prefix: config.prefix,
    replicas: config.replicas,
    hosts: config.nodes.map((node) => new URL(node).host).join(', '),
    close: () => client.close(),
  };
}

function authOf({ apiKey, username, password }: ElasticsearchConfig): ClientOptions['auth'] {
  if (apiKey !== undefined) return { apiKey };
  if (username === undefined) return undefined;
  return { username, password: password ?? '' };
}

function tlsOf(tls: NonNullable<ElasticsearchConfig['tls']>): NonNullable<ClientOptions['tls']> {
  return {
    ...(tls.ca === undefined ? {} : { ca: pem('ca', tls.ca) }),
    ...(tls.cert === undefined ? {} : { cert: pem('cert', tls.cert) }),
    ...(tls.key === undefined ? {} : { key: pem('key', tls.key) }),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
  };
}

function pem(name: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    throw new KeyhoundError('usage', `elasticsearch.tls.${name}: cannot read ${file}`, {
      hint: 'Name a PEM file that this user may read.',
    });
  }
}

/** Status of an answer that says no; undefined where there was no answer. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof errors.ResponseError ? error.statusCode : undefined;
}

/** What went wrong, in words that hold no secret: name, status and type, never headers or bodies. */
export function reasonOf(error: unknown): string {
  if (error instanceof errors.ResponseError) {
    const type = typeOf(error.body);
    return `status ${error.statusCode}${type === undefined ? '' : `, ${type}`}`;
  }
  if (error instanceof errors.TimeoutError) return 'no answer in time';
  if (error instanceof errors.ConnectionError) return error.message.replace(/ - Local:.*/s, '');
  return error instanceof Error ? error.name : 'unknown error';
}

/** `error.type` of an answer's body, a fixed word of the server's. */
function typeOf(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('error' in body)) return undefined;
  const { error } = body;
  if (typeof error !== 'object' || error === null || !('type' in error)) return undefined;
  return String(error.type);
}

/** The library's error as one of kind `operating`. The cause is left out: it carries headers. */
export function asOperating(error: unknown, { hosts }: Connection): KeyhoundError {
  if (error instanceof KeyhoundError) return error;
  const status = statusOf(error);
  const message = `Elasticsearch at ${hosts}: ${reasonOf(error)}`;
  if (status === 401 || status === 403) {
    return new KeyhoundError('operating', message, {
      code: 'elasticsearch-refused',
      hint: 'Check user and password, or the API key, and its role: docs/elasticsearch.md.',
    });
  }
  const isLasting = status !== undefined && status < 500 && status !== 429 && status !== 408;
  return new KeyhoundError('operating', message, {
    code: isLasting ? 'elasticsearch-failed' : 'elasticsearch-away',
    hint: 'Check that it runs and can be reached: `keyhound doctor`.',
    retryable: !isLasting,
  });
}
