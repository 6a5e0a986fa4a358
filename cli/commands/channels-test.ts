import { defineCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { checkLines } from '../print/check.ts';
import { STATE_OPTION, withClient } from './client.ts';

export const channelsTest = defineCommand({
  name: 'channels test',
  summary: 'Sends a test message to one channel, or to all.',
  detail: ['Exit status 3 when one was not taken.'],
  positionals: { usage: '[NAME]', min: 0, max: 1 },
  options: STATE_OPTION,
  examples: [['channels test on-call', 'Before it matters.']],
  run: async (context) => {
    const { print } = context;
    const results = await withClient(context, context.options.state, (client) =>
      client.response.testChannels(context.args[0]),
    );
    for (const { name, ok, detail } of results) {
      const check = { type: 'check', name, ok, detail } as const;
      print.object(check);
      for (const line of checkLines(check, print.style, print.tableColumns)) print.line(line);
    }
    if (results.length === 0) print.note('No channel is configured.');
    return results.every(({ ok }) => ok) ? EXIT.done : EXIT.verdict;
  },
});
