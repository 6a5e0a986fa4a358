/** Settings of what Keyhound connects to: brokers and stores, with their TLS and login. */
import { z } from 'zod';

/** HOST:PORT. */
export const address = z
  .string()
  .regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, 'must be HOST:PORT, e.g. 127.0.0.1:8420');

export const tlsSchema = z
  .strictObject({
    ca: z.string().optional().describe('PEM file of the certificate authority.'),
    cert: z.string().optional().describe('PEM file of our own certificate, for mutual TLS.'),
    key: z.string().optional().describe('PEM file of its private key.'),
    serverName: z.string().optional().describe('Name that the certificate must have.'),
  })
  .optional()
  .describe('TLS; an empty mapping trusts the authorities of the system. Left out: plaintext.');

export const listenerTlsSchema = z.strictObject({
  cert: z
    .string()
    .describe('PEM file of its certificate, and of those between it and the authority.'),
  key: z.string().describe('PEM file of its private key.'),
  clientCa: z
    .string()
    .optional()
    .describe(
      'PEM file of the authority of its clients: without a certificate of it nobody is heard.',
    ),
});
export type ListenerTls = z.infer<typeof listenerTlsSchema>;

export const saslSchema = z
  .strictObject({
    mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).describe('How to log in.'),
    username: z.string().min(1).describe('User.'),
    password: z.string().min(1).describe('Password.'),
  })
  .optional()
  .describe('Login, if the brokers ask for one.');

export const kafkaSchema = z.strictObject({
  brokers: z.array(address).min(1).describe('Some of the brokers, HOST:PORT.'),
  clientId: z.string().min(1).max(128).default('keyhound').describe('Name told to the brokers.'),
  prefix: z
    .string()
    .regex(/^[a-zA-Z0-9._-]{1,64}$/, 'letters, digits, . _ -')
    .default('keyhound')
    .describe('Topics are named PREFIX.events, PREFIX.incidents, …; consumer groups too.'),
  partitions: z
    .int()
    .min(1)
    .max(256)
    .default(16)
    .describe('Partitions of PREFIX.events: most detect processes that can share the work.'),
  replication: z.int().min(1).max(9).default(3).describe('Copies of each partition.'),
  retentionMs: z
    .int()
    .min(3_600_000)
    .default(7 * 86_400_000)
    .describe('How long events are kept in their topic, ms.'),
  sessionMs: z
    .int()
    .min(1000)
    .max(300_000)
    .default(6000)
    .describe('A process unheard of for so long loses its partitions, ms.'),
  tls: tlsSchema,
  sasl: saslSchema,
});
export type KafkaConfig = z.infer<typeof kafkaSchema>;

export const redisSchema = z
  .strictObject({
    url: z
      .string()
      .regex(/^rediss?:\/\//, 'must begin with redis:// or rediss://')
      .describe('redis://HOST:PORT/DB, or rediss:// for TLS.'),
    username: z.string().min(1).optional().describe('ACL user.'),
    password: z.string().min(1).optional().describe('Its password.'),
    prefix: z
      .string()
      .regex(/^[a-zA-Z0-9._-]{1,64}$/, 'letters, digits, . _ -')
      .default('keyhound')
      .describe('Our keys begin with PREFIX:.'),
    tls: tlsSchema,
  })
  .refine(({ url, tls }) => tls === undefined || url.startsWith('rediss://'), {
    path: ['url'],
    error: 'must begin with rediss:// where `tls` is set',
  });
export type RedisConfig = z.infer<typeof redisSchema>;

export const elasticsearchSchema = z.strictObject({
  nodes: z.array(z.url()).min(1).describe('Addresses, e.g. https://es1:9200.'),
  username: z.string().min(1).optional().describe('User.'),
  password: z.string().min(1).optional().describe('Its password.'),
  apiKey: z.string().min(1).optional().describe('API key, instead of user and password.'),
  prefix: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'lower case letters, digits, . _ -')
    .default('keyhound')
    .describe('Aliases are named PREFIX-incidents, PREFIX-findings, …; indices get a day.'),
  replicas: z.int().min(0).max(5).default(1).describe('Copies of each shard.'),
  tls: tlsSchema,
});
export type ElasticsearchConfig = z.infer<typeof elasticsearchSchema>;
