import { defineCommand, NO_ARGS } from '../command.ts';
import { EXIT } from '../exit.ts';
import { keyTable } from '../print/key.ts';
import { LIMIT_DEFAULT, LONG_LIST_OPTIONS, printList, STATE_OPTION, withClient } from './client.ts';

export const keys = defineCommand({
  name: 'keys',
  summary: 'Lists the keys that have a baseline, and how far it may be trusted.',
  positionals: NO_ARGS,
  options: {
    ...LONG_LIST_OPTIONS,
    since: { type: 'instant', description: 'Only keys used since then.' },
    prefix: { type: 'text', value: 'TEXT', description: 'Only keys whose id begins so.' },
    consumer: { type: 'text', value: 'NAME', description: 'Only keys of this consumer.' },
    ...STATE_OPTION,
  },
  examples: [
    ['keys --since 24h', 'Keys used in the last day.'],
    ['keys --consumer acme --json', 'All of one consumer, a JSON line each.'],
  ],
  run: async (context) => {
    const { options, print } = context;
    const limit = options.limit ?? LIMIT_DEFAULT;
    const found = await withClient(context, options.state, (client) =>
      client.keys({
        limit: limit + 1,
        ...(options.since === undefined ? {} : { sinceAt: options.since }),
        ...(options.prefix === undefined ? {} : { prefix: options.prefix }),
        ...(options.consumer === undefined ? {} : { consumer: options.consumer }),
      }),
    );
    const filtered = [options.since, options.prefix, options.consumer].some((f) => f !== undefined);
    const none = filtered
      ? 'No key is like that. Without --since, --prefix and --consumer all are listed.'
      : 'No keys. `keyhound replay PATH --state DIR` or `run` learns some.';
    printList(print, found, limit, { none, table: keyTable });
    return EXIT.done;
  },
});
