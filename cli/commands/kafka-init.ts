import { defineCommand, NO_ARGS } from '../command.ts';
import { EXIT } from '../exit.ts';
import { checkLines } from '../print/check.ts';

export const kafkaInit = defineCommand({
  name: 'kafka init',
  summary: 'Shows which topics there are and which are missing; makes those with --yes.',
  detail: [
    'A topic that exists is never altered: what should be otherwise is said, with the command for it.',
    'Exit status 3 when something is missing or otherwise than it should be.',
  ],
  positionals: NO_ARGS,
  options: { yes: { type: 'flag', description: 'Make the topics that are missing.' } },
  examples: [
    ['kafka init', 'What would be made.'],
    ['kafka init --yes', 'Once, before the first process of the distributed form.'],
  ],
  run: async ({ config, options, print }) => {
    const { initTopics } = await import('../../app/kafka-topics.ts');
    const checks = await initTopics(await config(), { create: options.yes });
    for (const check of checks) {
      print.object(check);
      for (const line of checkLines(check, print.style, print.tableColumns)) print.line(line);
    }
    return checks.every(({ ok }) => ok) ? EXIT.done : EXIT.verdict;
  },
});
