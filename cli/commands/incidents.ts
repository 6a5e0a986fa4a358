import type { Incident } from '../../app/contract.ts';
import { type AlertBudget, alertBudget } from '../../core/alert-budget.ts';
import { SEVERITIES } from '../../core/finding.ts';
import { defineCommand, NO_ARGS } from '../command.ts';
import { EXIT } from '../exit.ts';
import { incidentTable } from '../print/incident.ts';
import { budgetLine } from '../print/summary.ts';
import {
  LIMIT_DEFAULT,
  LIST_OPTIONS,
  LONG_LIST_OPTIONS,
  listedSubject,
  printList,
  STATE_OPTION,
  withClient,
} from './client.ts';

/** Incidents that a budget is worked out from. */
const BUDGET_LIMIT = 9999;

export const incidents = defineCommand({
  name: 'incidents',
  summary: 'Lists incidents, the newest first.',
  positionals: NO_ARGS,
  options: {
    ...LONG_LIST_OPTIONS,
    since: { type: 'instant', description: 'Only incidents updated since then.' },
    severity: { type: 'choice', choices: SEVERITIES, description: 'At least this severe.' },
    budget: {
      type: 'number',
      value: 'N',
      min: 1,
      max: 1_000_000,
      description: 'Instead of the list: from which risk on it would have been N alerts a day.',
    },
    open: { type: 'flag', description: 'Only open ones.' },
    subject: LIST_OPTIONS.subject,
    ...STATE_OPTION,
  },
  examples: [
    ['incidents --open', 'What goes on now.'],
    ['incidents --since 7d --severity medium', 'What was serious in the last week.'],
    ['incidents --json --limit 1000', 'For a script.'],
    ['incidents --since 30d --budget 5', 'From which risk on it would have been 5 alerts a day.'],
  ],
  run: async (context) => {
    const { options, print } = context;
    const limit = options.limit ?? (options.budget === undefined ? LIMIT_DEFAULT : BUDGET_LIMIT);
    const found = await withClient(context, options.state, async (client) =>
      client.incidents({
        limit: limit + 1,
        ...(options.since === undefined ? {} : { sinceAt: options.since }),
        ...(options.severity === undefined ? {} : { severity: options.severity }),
        ...(await listedSubject(options.subject, client, context)),
        ...(options.open ? { open: true } : {}),
      }),
    );
    if (options.budget !== undefined) {
      const budget = budgetOf(found, options.budget);
      print.object(budget);
      print.line(budgetLine(budget));
      return EXIT.done;
    }
    printList(print, found, limit, { none: 'No incidents.', table: incidentTable });
    return EXIT.done;
  },
});

function budgetOf(incidents: readonly Incident[], perDay: number): AlertBudget {
  const heard = incidents.filter(({ silencedBy, partOf }) => (silencedBy ?? partOf) === undefined);
  const times = incidents.flatMap(({ openedAt, updatedAt }) => [openedAt, updatedAt]).sort();
  const spanMs = Date.parse(times.at(-1) ?? '') - Date.parse(times[0] ?? '');
  const risks = heard.map(({ risk }) => [risk, 1] as const);
  return alertBudget(risks, spanMs || 0, perDay);
}
