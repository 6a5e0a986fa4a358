import { resolve } from 'node:path';
import { defineCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { STATE_OPTION } from './client.ts';

export const stateRestore = defineCommand({
  name: 'state restore',
  summary: 'Brings back a state from a folder that `state backup` wrote.',
  detail: [
    'Refused while an instance uses the state, and when the state folder already holds one.',
  ],
  positionals: { usage: 'DIR', min: 1, max: 1 },
  options: { ...STATE_OPTION },
  examples: [['state restore backups/monday --state .keyhound-new', 'Into a new state folder.']],
  run: async (context) => {
    const from = resolve(context.io.cwd, context.args[0]!);
    await context.assemblies.restoreState({
      config: await context.config(),
      stateDir: context.options.state,
      from,
    });
    const done = {
      type: 'check',
      name: 'state restore',
      ok: true,
      detail: `restored from ${from}`,
    };
    context.print.object(done);
    context.print.note(`State ${done.detail}.`);
    return EXIT.done;
  },
});
