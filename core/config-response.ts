/**
 * Settings of the response: gateways, policy, people, channels, the decision endpoint and the hooks. What belongs
 * to one kind of gateway or channel stands beside its code; app/config checks it there.
 */
import { z } from 'zod';

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'lower case letters, digits, . _ -')
  .describe('Unique name.');

export const gatewaySchema = z
  .looseObject({
    name,
    kind: z.string().describe('kong, apisix, tyk, decide, nginx, haproxy, caddy, …'),
    keys: z
      .array(z.string().min(1))
      .optional()
      .describe('Begins of the key ids that are its own, e.g. kong:. Default: those of its kind.'),
  })
  .describe('A gateway that is acted upon.');
export type GatewayConfig = z.infer<typeof gatewaySchema>;

export const channelSchema = z
  .looseObject({
    name,
    kind: z.string().describe('log, webhook, slack.'),
    severity: z
      .enum(['info', 'low', 'medium', 'high', 'critical'])
      .default('medium')
      .describe('Least severe incident that it is told.'),
    kinds: z
      .array(z.enum(['incident', 'action', 'approval', 'health', 'heartbeat']))
      .default(['incident', 'action', 'approval', 'health'])
      .describe('What it is told about.'),
    fallback: z.string().optional().describe('Channel that gets what this one could not deliver.'),
    heartbeatMinutes: z
      .number()
      .min(1)
      .max(1440)
      .default(5)
      .describe('Between two heartbeats, where `kinds` has heartbeat.'),
  })
  .describe('Where people are told.');
export type ChannelConfig = z.infer<typeof channelSchema>;

export const personSchema = z.strictObject({
  name: z.string().min(1).max(64).describe('As the audit names them.'),
  token: z.string().min(16).describe('Personal token, for approvals and commands.'),
  role: z.enum(['viewer', 'responder', 'admin']).default('responder').describe('What they may do.'),
});
export type PersonConfig = z.infer<typeof personSchema>;

export const senderSchema = z.strictObject({
  name,
  secret: z
    .union([z.string().min(16), z.array(z.string().min(16)).min(1).max(4)])
    .describe('Shared secret of the signature (Standard Webhooks); several while it changes.'),
  consumers: z
    .array(z.string())
    .optional()
    .describe('Consumers whose keys it may report. Default: all.'),
  rung: z
    .enum(['alert', 'throttle-hard', 'suspend', 'revoke'])
    .default('revoke')
    .describe('Highest rung that its reports lead to.'),
  perHourMax: z.int().min(1).default(10).describe('Keys an hour that its reports may act on.'),
});
export type SenderConfig = z.infer<typeof senderSchema>;

export const decideSchema = z
  .strictObject({
    token: z
      .string()
      .min(16)
      .optional()
      .describe('Bearer token or X-Keyhound-Token of the gateways. Needed beyond loopback.'),
    failMode: z
      .enum(['allow', 'deny'])
      .default('allow')
      .describe('Answer when the endpoint itself fails.'),
    key: z
      .array(z.string())
      .default(['header:X-Api-Key', 'bearer'])
      .describe('Where the key is, as --key; the first that is there.'),
    keyId: z
      .strictObject({
        header: z
          .string()
          .regex(/^[A-Za-z0-9-]{1,64}$/)
          .describe('Name of the header.'),
        gateway: z
          .string()
          .regex(/^[A-Za-z][A-Za-z0-9_.-]*$/)
          .describe('What stands before the id in key ids, e.g. kong.'),
      })
      .optional()
      .describe(
        'Header in which the gateway names the credential that it checked. It must replace what a client sends.',
      ),
    containRoutes: z
      .boolean()
      .default(true)
      .describe(
        'Whether contain compares routes. false where the log names them otherwise than by path, as Traefik does.',
      ),
    limits: z
      .array(
        z.strictObject({
          name: z
            .string()
            .regex(/^[a-z][a-z0-9-]{0,31}$/)
            .describe('Named in RateLimit.'),
          requests: z.int().min(1).describe('Requests in a window.'),
          window: z.string().describe('1s, 1m, 1h, 1d, 30d.'),
          plans: z.array(z.string()).optional().describe('Plans it holds for. Default: all.'),
          enforce: z.boolean().default(true).describe('false: headers only.'),
        }),
      )
      .default([])
      .describe('Limits of every key, in layers.'),
    learned: z
      .strictObject({
        factor: z.number().min(1).default(3).describe('Times the p99 of the key’s own hours.'),
        enforce: z.boolean().default(false).describe('false: shown, never enforced.'),
      })
      .prefault({})
      .describe('Limits learned from the history of the key.'),
    raise: z
      .strictObject({
        cleanDays: z
          .number()
          .min(1)
          .default(90)
          .describe('Days without an incident after which limits have risen in full.'),
        cleanFactor: z
          .number()
          .min(1)
          .max(10)
          .default(1)
          .describe('By how much then, for windows of up to an hour. 1: never.'),
      })
      .prefault({})
      .describe('Limits that rise with a long clean record.'),
    shed: z
      .strictObject({
        enabled: z.boolean().default(false).describe('Whether limits fall under load.'),
        highLoad: z.number().min(0.1).max(10).default(0.9).describe('Load from which they fall.'),
        lowLoad: z.number().min(0).max(10).default(0.7).describe('Load below which they rise.'),
        holdMs: z
          .int()
          .min(1000)
          .default(10_000)
          .describe('How long it has to stay so for a step of a fifth, ms.'),
        factorMin: z.number().min(0.05).max(1).default(0.3).describe('Least part of a limit.'),
      })
      .prefault({})
      .describe('Limits that fall under the load that POST /decide/load tells.'),
  })
  .prefault({})
  .describe('The decision endpoint.');
export type DecideConfig = z.infer<typeof decideSchema>;

export const responseSchemas = {
  policy: z
    .string()
    .optional()
    .describe('Path of the policy file. Left out: observe, nothing is acted upon.'),
  gateways: z.array(gatewaySchema).default([]).describe('Gateways that are acted upon.'),
  channels: z.array(channelSchema).default([]).describe('Where people are told.'),
  people: z.array(personSchema).default([]).describe('Who may approve, and command over HTTP.'),
  hooks: z
    .strictObject({ leak: z.array(senderSchema).default([]).describe('Senders of leak reports.') })
    .prefault({})
    .describe('Signed reports from outside.'),
  decide: decideSchema,
  audit: z
    .strictObject({
      headsPath: z
        .string()
        .optional()
        .describe(
          'File, outside of the store, that the heads of the audit chains are appended to hourly.',
        ),
    })
    .prefault({})
    .describe('The audit log.'),
};
