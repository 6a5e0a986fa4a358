import type { Incident } from '../../app/contract.ts';
import { type AlertBudget, alertBudget } from '../../core/alert-budget.ts';
import { SEVERITIES } from '../../core/finding.ts';
import { defineCommand, NO_ARGS } from '../command.ts';
import { EXIT } from '../exit.ts';
import { incidentTable } from '../print/incident.ts';
import { budgetLine } from '../print/summary.ts';
import { readReference, STATE_OPTION, subjectOf, withClient } from './client.ts';

const LIMIT = 50;
/** Incidents that a budget is worked out from. */
const BUDGET_LIMIT = 9999;

export const incidents = defineCommand({
  name: 'incidents',
  summary: 'Lists incidents, the newest first.',
  positionals: NO_ARGS,
  options: {
    limit: {
      type: 'number',
      value: 'N',
      min: 1,
      max: 10_000_000,
      description: 'Most lines.',
      default: `${LIMIT}`,
    },
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
    subject: {
      type: 'text',
      value: 'KEY',
      description: 'Only of this key, by its id or its label; - reads a raw key from stdin.',
    },
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
    const limit = options.limit ?? (options.budget === undefined ? LIMIT : BUDGET_LIMIT);
    const named =
      options.subject === undefined ? undefined : await readReference(options.subject, context.io);
    const found = await withClient(context, options.state, async (client) => {
      const subjectId = named === undefined ? undefined : await subjectOf(named, client, print);
      return client.incidents({
        limit: limit + 1,
        ...(options.since === undefined ? {} : { sinceAt: options.since }),
        ...(options.severity === undefined ? {} : { severity: options.severity }),
        ...(subjectId === undefined ? {} : { subjectId }),
        ...(options.open ? { open: true } : {}),
      });
    });
    if (options.budget !== undefined) {
      const budget = budgetOf(found, options.budget);
      print.object(budget);
      print.line(budgetLine(budget));
      return EXIT.done;
    }
    const shown = found.slice(0, limit);
    for (const incident of shown) print.object(incident);
    if (shown.length === 0) print.note('No incidents.');
    else for (const line of incidentTable(shown, print.columns, print.style)) print.line(line);
    if (found.length > limit) print.note(`There are more: --limit ${limit} was reached.`);
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
