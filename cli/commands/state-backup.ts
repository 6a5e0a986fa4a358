import { resolve } from 'node:path';
import { defineCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { STATE_OPTION, withClient } from './client.ts';

export const stateBackup = defineCommand({
  name: 'state backup',
  summary: 'Copies the state into a folder, also while `run` uses it.',
  positionals: { usage: 'DIR', min: 1, max: 1 },
  options: { ...STATE_OPTION },
  examples: [['state backup backups/monday', 'The folder is made; it must be empty.']],
  run: async (context) => {
    const folder = resolve(context.io.cwd, context.args[0]!);
    await withClient(context, context.options.state, (client) => client.backup(folder));
    const done = { type: 'check', name: 'state backup', ok: true, detail: `copied to ${folder}` };
    context.print.object(done);
    context.print.note(`State ${done.detail}.`);
    return EXIT.done;
  },
});
