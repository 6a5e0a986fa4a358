import { defineCommand, NO_ARGS } from '../command.ts';
import { EXIT } from '../exit.ts';
import { checkLines } from '../print/check.ts';

export const doctorCommand = defineCommand({
  name: 'doctor',
  summary: 'Checks whether each configured thing can be used, and says what follows if not.',
  detail: ['Exit status 3 when a check fails.'],
  positionals: NO_ARGS,
  options: {},
  examples: [['doctor', 'Before the first `run`, and when something is odd.']],
  run: async (context) => {
    const { doctor } = await import('../../app/doctor.ts');
    const { print, io } = context;
    let failed = 0;
    for await (const check of doctor({
      config: await context.config(),
      env: io.env,
      clock: io.clock,
    })) {
      print.object(check);
      for (const line of checkLines(check, print.style, print.tableColumns)) print.line(line);
      if (!check.ok) failed += 1;
    }
    return failed === 0 ? EXIT.done : EXIT.verdict;
  },
});
