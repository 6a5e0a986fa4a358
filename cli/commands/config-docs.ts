import { defineCommand, NO_ARGS } from '../command.ts';
import { EXIT } from '../exit.ts';

export const configDocs = defineCommand({
  name: 'config docs',
  summary: 'Prints the reference page of the configuration, as Markdown.',
  positionals: NO_ARGS,
  options: {},
  examples: [['config docs > docs/configuration.md', 'Write the page anew.']],
  run: async ({ io, print }) => {
    const { configReference } = await import('../../app/config/reference.ts');
    const page = configReference();
    if (print.json) print.object({ type: 'page', markdown: page });
    else io.stdout.write(page);
    return EXIT.done;
  },
});
