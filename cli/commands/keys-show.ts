import { defineCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { keyLines } from '../print/key.ts';
import { readReference, STATE_OPTION, theKey, withClient } from './client.ts';

export const keysShow = defineCommand({
  name: 'keys show',
  summary: 'Shows one key: its use, and the readiness of each detector.',
  detail: ['KEY is an id, a label that only one key has, or - for a raw key on stdin.'],
  positionals: { usage: 'KEY', min: 1, max: 1 },
  options: { ...STATE_OPTION },
  examples: [
    ['keys show kong:3f9c', 'By id.'],
    ['keys show billing-export', 'By label.'],
    ['keys show - < key.txt', 'By the raw key, which is hashed at once and kept nowhere.'],
  ],
  run: async (context) => {
    const { print } = context;
    const reference = await readReference(context.args[0]!, context.io);
    const lookup = await withClient(context, context.options.state, (client) =>
      client.key(reference),
    );
    const { key, usage } = theKey(lookup, print);
    print.object(key);
    for (const line of keyLines(key, usage, print.columns, print.style)) print.line(line);
    return EXIT.done;
  },
});
