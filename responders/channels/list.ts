/** Every kind of channel. A new one is one line here. */
import type { Channel, ChannelKind, ChannelTools } from '../../core/alert.ts';
import type { ChannelConfig } from '../../core/config-response.ts';
import { channelSchema } from '../../core/config-response.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { suggest } from '../../core/suggest.ts';
import { log } from './log.ts';
import { slack } from './slack.ts';
import { webhook } from './webhook.ts';

export const CHANNEL_KINDS = Object.freeze([log, webhook, slack]) as readonly ChannelKind[];

export interface ChannelFault {
  /** Inside of the channel's settings. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly hint?: string;
}

/** What is wrong with the settings of one channel; no value of them is repeated, as they hold secrets. */
export function channelFaults(config: ChannelConfig): ChannelFault[] {
  const kind = kindOf(config);
  if (kind === undefined) return [unknownKind(config)];
  const read = kind.config.safeParse(ownSettings(config));
  if (read.success) return [];
  return read.error.issues.flatMap((issue): ChannelFault[] => {
    const path = issue.path as (string | number)[];
    if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
    return issue.keys.map((key) => ({
      path: [...path, key],
      message: `unknown key for kind ${kind.kind}`,
    }));
  });
}

/** Throws `usage` with code `channel-invalid`. */
export function createChannel(config: ChannelConfig, tools: Omit<ChannelTools, 'name'>): Channel {
  const [fault] = channelFaults(config);
  if (fault !== undefined) {
    const where = fault.path.length === 0 ? '' : `${fault.path.join('.')}: `;
    throw new KeyhoundError('usage', `channel ${config.name}: ${where}${fault.message}`, {
      code: 'channel-invalid',
      ...(fault.hint === undefined ? {} : { hint: fault.hint }),
    });
  }
  const kind = kindOf(config)!;
  const named = { ...tools, name: config.name };
  return kind.create(kind.config.parse(ownSettings(config)), named);
}

function kindOf(config: ChannelConfig): ChannelKind | undefined {
  return CHANNEL_KINDS.find(({ kind }) => kind === config.kind);
}

const COMMON = new Set(Object.keys(channelSchema.shape));

function ownSettings(config: ChannelConfig): Record<string, unknown> {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !COMMON.has(key)));
}

function unknownKind({ kind }: ChannelConfig): ChannelFault {
  const known = CHANNEL_KINDS.map((channel) => channel.kind);
  const nearest = suggest(kind, known);
  return {
    path: ['kind'],
    message: 'no such kind of channel',
    hint: nearest === undefined ? `Known: ${known.join(', ')}.` : `Did you mean ${nearest}?`,
  };
}
