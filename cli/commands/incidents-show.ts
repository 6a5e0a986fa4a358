import { KeyhoundError } from '../../core/errors.ts';
import { defineCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { findingLines, incidentLines } from '../print/incident.ts';
import { STATE_OPTION, withClient } from './client.ts';

export const incidentsShow = defineCommand({
  name: 'incidents show',
  summary: 'Shows one incident with its findings: what was expected, and what came.',
  positionals: { usage: 'ID', min: 1, max: 1 },
  options: { ...STATE_OPTION },
  examples: [['incidents show ID', 'ID as `keyhound incidents` lists it.']],
  run: async (context) => {
    const { print } = context;
    const detail = await withClient(context, context.options.state, (client) =>
      client.incident(context.args[0]!),
    );
    if (detail === undefined) throw unknownIncident();
    print.object(detail.incident);
    for (const finding of detail.findings) print.object(finding);
    const detectors = [...new Set(detail.findings.map((finding) => finding.detector))];
    for (const line of incidentLines(detail.incident, detectors, print.columns, print.style)) {
      print.line(line);
    }
    for (const finding of detail.findings) {
      print.line('');
      for (const line of findingLines(finding, print.columns, print.style)) print.line(line);
    }
    return EXIT.done;
  },
});

export function unknownIncident(): KeyhoundError {
  return new KeyhoundError('usage', 'no incident has this id', {
    code: 'incident-unknown',
    hint: 'List them with `keyhound incidents`.',
  });
}
