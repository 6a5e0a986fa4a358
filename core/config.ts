/**
 * The configuration: one schema with unit, default, bounds and description beside each value. `config docs`
 * and `config schema` are generated from it; an unknown key is an error; all faults are told at once.
 */
import { z } from 'zod';
import {
  address,
  elasticsearchSchema,
  kafkaSchema,
  listenerTlsSchema,
  redisSchema,
  saslSchema,
  tlsSchema,
} from './config-connections.ts';
import { responseSchemas } from './config-response.ts';

export {
  type ElasticsearchConfig,
  elasticsearchSchema,
  type KafkaConfig,
  kafkaSchema,
  type ListenerTls,
  type RedisConfig,
  redisSchema,
} from './config-connections.ts';

const MINUTE_MS = 60_000;

export const keyEntrySchema = z.strictObject({
  id: z.string().min(1).describe('Key id as findings show it: GATEWAY:credential-id or h:….'),
  label: z.string().max(128).optional().describe('Name people know the key by.'),
  consumer: z.string().max(256).optional().describe('Tenant or user that owns the key.'),
  plan: z.string().max(64).optional().describe('Plan or tier.'),
  owner: z.string().max(256).optional().describe('Who to ask, e.g. an e-mail address.'),
  risk: z.enum(['low', 'normal', 'high']).default('normal').describe('Risk class.'),
  environment: z.string().max(64).optional().describe('E.g. production, staging.'),
  exposure: z
    .enum(['secret', 'public'])
    .default('secret')
    .describe('A public key is meant to be seen.'),
  createdAt: z.iso.datetime({ offset: true }).optional().describe('When the key was made.'),
  rotatedAt: z.iso.datetime({ offset: true }).optional().describe('When it was last rotated.'),
  scope: z
    .strictObject({
      routes: z
        .array(z.string())
        .optional()
        .describe('Route templates, e.g. /v1/orders/{id}, or all below: /v1/orders/*.'),
      methods: z.array(z.string()).optional().describe('HTTP methods.'),
      networks: z.array(z.string()).optional().describe('Client addresses or networks (CIDR).'),
      environments: z.array(z.string()).optional().describe('Of the source, e.g. production.'),
      expiresAt: z.iso.datetime({ offset: true }).optional().describe('End of its life.'),
    })
    .optional()
    .describe('What the key is declared for.'),
  protected: z.boolean().default(false).describe('Two people are needed to act on it.'),
  predecessor: z.string().optional().describe('Id of the key that this one replaces.'),
  timeZone: z.string().optional().describe('IANA zone of its users, e.g. Europe/Berlin.'),
});
export type KeyEntry = z.infer<typeof keyEntrySchema>;

export const consumerSchema = z.strictObject({
  name: z.string().min(1).max(256).describe('As the log or the key registry names it.'),
  timeZone: z.string().describe('IANA zone of its users, for keys that have none of their own.'),
});
export type ConsumerConfig = z.infer<typeof consumerSchema>;

export const calendarSchema = z.strictObject({
  name: z.string().min(1).max(64).describe('Named with the findings that it widens.'),
  kind: z
    .enum(['planned', 'maintenance'])
    .describe('planned: more requests are expected. maintenance: fewer, failing and slow ones.'),
  path: z.string().optional().describe('iCalendar file (.ics), instead of events.'),
  events: z
    .array(
      z.strictObject({
        from: z.string().describe('Begin: 2026-03-31T22:00, with an offset or in timeZone.'),
        to: z.string().describe('End, the same way.'),
        why: z.string().max(200).optional().describe('What is planned.'),
        repeat: z
          .string()
          .optional()
          .describe(
            'daily, weekly, monthly, or a rule as in iCalendar: FREQ=MONTHLY;BYMONTHDAY=-1.',
          ),
      }),
    )
    .optional()
    .describe('Dates, instead of a file.'),
  timeZone: z.string().default('UTC').describe('IANA zone of times that name none.'),
  for: z
    .strictObject({
      consumers: z.array(z.string()).optional().describe('Consumers.'),
      labels: z.array(z.string()).optional().describe('Labels of keys.'),
      keys: z.array(z.string()).optional().describe('Ids of keys.'),
      detectors: z
        .array(z.string())
        .optional()
        .describe(
          'Detectors it concerns. Default: planned: volume-spike, off-hours, dormant; ' +
            'maintenance: volume-drop, error-rate, latency.',
        ),
    })
    .prefault({})
    .describe('Whom it concerns: any of those named, all keys where none is.'),
  factor: z
    .number()
    .min(1)
    .max(1000)
    .default(10)
    .describe(
      'volume-spike: request rate up to this many times the usual of the hour, or of the mean.',
    ),
});
export type CalendarConfig = z.infer<typeof calendarSchema>;

const topicName = z.string().regex(/^[a-zA-Z0-9._-]{1,249}$/, 'letters, digits, . _ -');

export const sourceSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'lower case letters, digits, . _ -')
    .describe('Unique name.'),
  kind: z.enum(['file', 'stdin', 'http', 'syslog', 'kafka']).describe('Where records come from.'),
  format: z.string().describe('Log format: see `keyhound replay --help`.'),
  envelope: z
    .string()
    .regex(
      /^(syslog|cri|docker|time|field:.*[^.].*)$/,
      'must be syslog, cri, docker, time or field:PATH',
    )
    .optional()
    .describe(
      'What wraps each record: syslog, cri or docker (logs of containers), time, or field:PATH, the ' +
        'member of a JSON object that holds it, e.g. field:message.',
    ),
  path: z
    .union([z.string(), z.array(z.string()).min(1)])
    .optional()
    .describe('file: path, folder or glob, or a list of them.'),
  listen: z
    .string()
    .regex(
      /^(udp|tcp):\/\/(\[[0-9a-fA-F:]+\]|[^:\s/]+):\d{1,5}$/,
      'must be udp://HOST:PORT or tcp://HOST:PORT',
    )
    .optional()
    .describe('syslog: where to listen, e.g. udp://127.0.0.1:5514.'),
  token: z.string().min(16).optional().describe('http: bearer token of this source.'),
  topic: z
    .union([topicName, z.array(topicName).min(1)])
    .optional()
    .describe('kafka: topic, or a list of them.'),
  group: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe(
      'kafka: consumer group. Default: keyhound-ingest. With several topics each has its own, GROUP.TOPIC.',
    ),
  brokers: z
    .array(address)
    .min(1)
    .optional()
    .describe('kafka: brokers of these topics. Default: those of `kafka`, with its TLS and login.'),
  tls: tlsSchema.describe('kafka: TLS to `brokers` of this source.'),
  sasl: saslSchema.describe('kafka: login at `brokers` of this source.'),
  trust: z
    .enum(['observe', 'act'])
    .optional()
    .describe(
      'Highest trust of its evidence. Default: act for files, for http with a token on loopback or ' +
        'with TLS, for syslog over tcp on loopback, and for kafka on loopback or with TLS and a login; else observe.',
    ),
  identity: z
    .enum(['attested', 'claimed'])
    .optional()
    .describe('Overrides what the format says about who checked the key.'),
  environment: z
    .string()
    .max(64)
    .optional()
    .describe('What its gateway serves, e.g. production: see `scope.environments` of keys.'),
  key: z
    .string()
    .optional()
    .describe('Where the key is (--key): header:X-Api-Key, query:api_key, …'),
  keyNames: z
    .array(z.string())
    .optional()
    .describe('Header and query names that may carry a raw key.'),
  logFormat: z.string().optional().describe('nginx: the log_format string from nginx.conf.'),
  timeZone: z
    .string()
    .optional()
    .describe('haproxy: IANA zone of the dates in httplog lines, which name none. Default UTC.'),
  fields: z
    .record(z.string(), z.string())
    .optional()
    .describe(
      'json: our field name → dotted path in the record. tyk: keyId, where api_key is a hash.',
    ),
});
export type SourceConfig = z.infer<typeof sourceSchema>;

export const configSchema = z.strictObject({
  state: z
    .strictObject({
      dir: z.string().default('.keyhound').describe('State folder.'),
      checkpointMs: z
        .int()
        .min(100)
        .max(60_000)
        .default(5000)
        .describe('Time between checkpoints, ms.'),
      checkpointDirty: z
        .int()
        .min(100)
        .max(1_000_000)
        .default(50_000)
        .describe('Changed keys that force one.'),
      deadLetterBytesMax: z
        .int()
        .min(1 << 20)
        .default(1 << 30)
        .describe('Dead letters kept, bytes.'),
      deadLetterDaysMax: z.number().min(1).default(7).describe('Dead letters kept, days.'),
      usageMonthsMax: z.number().min(1).default(13).describe('Usage and incidents kept, months.'),
    })
    .prefault({})
    .describe('Where state is kept, and how often it is saved.'),
  sources: z
    .array(sourceSchema)
    .default([])
    .describe('What to read. Default: HTTP intake on loopback.'),
  listen: z
    .strictObject({
      console: address.default('127.0.0.1:8420').describe('API, health, metrics.'),
      decide: address.default('127.0.0.1:8421').describe('Decision endpoint.'),
      intake: address.default('127.0.0.1:8422').describe('HTTP intake.'),
      hooks: address.default('127.0.0.1:8423').describe('Signed triggers.'),
    })
    .prefault({})
    .describe('Addresses, HOST:PORT. Port 0 takes a free one.'),
  tls: z
    .strictObject({
      console: listenerTlsSchema.optional().describe('Of listen.console.'),
      intake: listenerTlsSchema.optional().describe('Of listen.intake.'),
      decide: listenerTlsSchema.optional().describe('Of listen.decide.'),
      hooks: listenerTlsSchema.optional().describe('Of listen.hooks.'),
    })
    .prefault({})
    .describe('TLS 1.3 of our own listeners. Left out: plaintext.'),
  intake: z
    .strictObject({
      bodyBytesMax: z
        .int()
        .min(1024)
        .default(16 << 20)
        .describe('Largest body of one push, bytes, after decompression.'),
      recordBytesMax: z
        .int()
        .min(1024)
        .default(1 << 20)
        .describe('Largest single record, bytes.'),
      spoolBytesMax: z
        .int()
        .min(1 << 20)
        .default(1 << 30)
        .describe('Spool on disk; when full the intake says 429.'),
      commitMs: z.int().min(1).max(1000).default(10).describe('Group commit, ms.'),
      futureMs: z
        .int()
        .min(0)
        .default(5 * MINUTE_MS)
        .describe('Live events further ahead than this are dead letters, ms.'),
      silentMs: z
        .int()
        .min(1000)
        .default(MINUTE_MS)
        .describe('A source without records for this long counts as silent, ms.'),
    })
    .prefault({})
    .describe('Limits of the intake.'),
  trustedProxies: z
    .array(z.string())
    .default([])
    .describe('Our own proxies (addresses or CIDR): skipped from the right in X-Forwarded-For.'),
  keys: z
    .union([z.string(), z.array(keyEntrySchema)])
    .default([])
    .describe('The key registry: entries, or the path of a CSV or JSON file.'),
  consumers: z
    .array(consumerSchema)
    .default([])
    .describe('What all keys of a consumer have in common.'),
  calendars: z
    .array(calendarSchema)
    .default([])
    .describe('Planned events and maintenance windows.'),
  geography: z
    .strictObject({
      city: z.string().optional().describe('Path of your own city .mmdb file.'),
      asn: z.string().optional().describe('Path of your own ASN .mmdb file.'),
    })
    .prefault({})
    .describe('Geography data. Default: the bundled GeoLite data.'),
  engine: z
    .strictObject({
      subjectsMax: z
        .int()
        .min(256)
        .max(20_000_000)
        .default(400_000)
        .describe(
          'Most keys with a baseline. Beyond a quarter of it, unregistered keys must have earned one.',
        ),
    })
    .prefault({})
    .describe('Bounds of the detection engine.'),
  detectors: z
    .record(z.string(), z.record(z.string(), z.unknown()))
    .default({})
    .describe('Settings by detector id; `enabled: false` switches one off.'),
  alerts: z
    .strictObject({
      perDay: z
        .number()
        .positive()
        .max(1_000_000)
        .optional()
        .describe(
          'Alerts a day that you can bear: the summary says from which risk on there would have been no more.',
        ),
    })
    .prefault({})
    .describe('The alert budget. It is advice: it moves no threshold.'),
  kafka: kafkaSchema
    .optional()
    .describe('The link between roles in the distributed form. Left out: embedded.'),
  redis: redisSchema.optional().describe('State of the detectors in the distributed form.'),
  elasticsearch: elasticsearchSchema
    .optional()
    .describe('Incidents, findings, audit and usage in the distributed form.'),
  ...responseSchemas,
  log: z
    .strictObject({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
        .default('info')
        .describe('Least severe line written.'),
    })
    .prefault({})
    .describe('Logging, to stderr.'),
});
export type Config = z.infer<typeof configSchema>;
