import { forTerminal } from '../../core/escape.ts';
import { defineCommand, NO_ARGS } from '../command.ts';
import { EXIT } from '../exit.ts';
import { checkLines } from '../print/check.ts';
import { STATE_OPTION, withClient } from './client.ts';

export const auditVerify = defineCommand({
  name: 'audit verify',
  summary: 'Checks the hash chains of the audit log, and names the first broken link.',
  detail: ['Exit status 3 when a chain is broken.'],
  positionals: NO_ARGS,
  options: STATE_OPTION,
  examples: [['audit verify', 'Whether an entry was changed, removed, moved or cut off.']],
  run: async (context) => {
    const { print } = context;
    const chains = await withClient(context, context.options.state, (client) =>
      client.response.verifyAudit(),
    );
    for (const { writer, ok, detail } of chains) {
      const check = { type: 'check', name: forTerminal(writer), ok, detail } as const;
      print.object(check);
      for (const line of checkLines(check, print.style, print.tableColumns)) print.line(line);
    }
    if (chains.length === 0) print.note('Nothing was recorded yet.');
    return chains.every(({ ok }) => ok) ? EXIT.done : EXIT.verdict;
  },
});
