/** Channels as their kinds want them, and senders of reports who can be told apart. */
import type { Config } from '../../core/config.ts';
import { suggest } from '../../core/suggest.ts';
import { channelFaults } from '../../responders/channels/list.ts';
import { decodeSecret, SECRET_HINT } from '../../responders/standard-webhooks.ts';
import type { PathPart, RuleFault } from './document.ts';

export function checkAlerts({ channels, hooks }: Pick<Config, 'channels' | 'hooks'>): RuleFault[] {
  const names = channels.map(({ name }) => name);
  return [
    ...channels.flatMap((channel, i): RuleFault[] => {
      const at = (...rest: PathPart[]): PathPart[] => ['channels', i, ...rest];
      return [
        ...twin('channels', names, i),
        ...fallbackFaults(channel, names, at('fallback')),
        ...channelFaults(channel).map(({ path, ...fault }) => ({ path: at(...path), ...fault })),
      ];
    }),
    ...checkSenders(hooks.leak),
  ];
}

function twin(list: string, names: readonly string[], i: number): RuleFault[] {
  const first = names.indexOf(names[i]!);
  if (first === i) return [];
  return [{ path: [list, i, 'name'], message: `${list}[${first}] has this name too` }];
}

function fallbackFaults(
  { fallback, name }: Config['channels'][number],
  names: readonly string[],
  path: readonly PathPart[],
): RuleFault[] {
  if (fallback === undefined) return [];
  if (fallback === name) return [{ path, message: 'a channel cannot be its own fallback' }];
  if (names.includes(fallback)) return [];
  const near = suggest(fallback, names);
  const hint = near === undefined ? `Channels: ${names.join(', ')}.` : `Did you mean ${near}?`;
  return [{ path, message: 'there is no channel of that name', hint }];
}

/** A report says who sent it by its signature alone: no two senders may share a secret. */
function checkSenders(senders: Config['hooks']['leak']): RuleFault[] {
  const names = senders.map(({ name }) => name);
  const owners = new Map<string, number>();
  return senders.flatMap(({ secret }, i): RuleFault[] => {
    const path = ['hooks', 'leak', i, 'secret'];
    const faults = twin('hooks.leak', names, i).map((fault) => {
      return { ...fault, path: ['hooks', 'leak', i, 'name'] };
    });
    for (const one of [secret].flat()) {
      const bytes = decodeSecret(one)?.toString('hex');
      if (bytes === undefined) faults.push({ path, message: `must be ${SECRET_HINT}` });
      else if ((owners.get(bytes) ?? i) !== i) {
        faults.push({ path, message: `hooks.leak[${owners.get(bytes)}] has this secret too` });
      } else owners.set(bytes, i);
    }
    return faults;
  });
}
