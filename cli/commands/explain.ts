import { defineCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { explanationLines } from '../print/explanation.ts';
import { STATE_OPTION, withClient } from './client.ts';
import { unknownIncident } from './incidents-show.ts';

export const explain = defineCommand({
  name: 'explain',
  summary:
    'Explains an incident: expected, observed, the weight of each part, recomputed from its inputs.',
  detail: ['Exit status 3 when a finding did not come out the same.'],
  positionals: { usage: 'ID', min: 1, max: 1 },
  options: { ...STATE_OPTION },
  examples: [
    ['explain ID', 'ID of an incident or of a finding.'],
    ['explain ID --json', 'The incident, each finding with what was recomputed, the chart.'],
  ],
  run: async (context) => {
    const { print } = context;
    const explanation = await withClient(context, context.options.state, (client) =>
      client.explain(context.args[0]!),
    );
    if (explanation === undefined) throw unknownIncident();
    print.object(explanation.incident);
    for (const { finding, recomputed, facts } of explanation.findings) {
      print.object({ ...finding, recomputed: recomputed ?? null, ...(facts ? { facts } : {}) });
    }
    if (explanation.chart !== undefined) print.object(explanation.chart);
    print.object({
      type: 'check',
      name: 'recomputed',
      ok: explanation.identical,
      detail: explanation.identical ? 'identical' : 'not identical',
    });
    for (const line of explanationLines(explanation, print)) print.line(line);
    return explanation.identical ? EXIT.done : EXIT.verdict;
  },
});
