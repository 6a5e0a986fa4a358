import { CLOSED_AS } from '../../core/control.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { defineCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { incidentLines } from '../print/incident.ts';
import { STATE_OPTION, withClient } from './client.ts';
import { unknownIncident } from './incidents-show.ts';
import { refuseRawKeys } from './kept-text.ts';
import { personOf } from './rules.ts';

export const incidentsClose = defineCommand({
  name: 'incidents close',
  summary: 'Closes an incident as resolved, or as a false alarm that is not to be raised again.',
  detail: [
    'Resolved: it was real, and what it taught the baseline is taken back.',
    'A false alarm is remembered: the same detector, about the same thing, up to a quarter more, raises nothing',
    'for that key again; anything above it does. What was learned may go on. One that has closed by itself can be',
    'called a false alarm too.',
  ],
  positionals: { usage: 'ID', min: 1, max: 1 },
  options: {
    as: { type: 'choice', choices: CLOSED_AS, description: 'What it was. Required.' },
    reason: { type: 'text', value: 'TEXT', description: 'Why; it is recorded.' },
    for: {
      type: 'duration',
      description: 'How long a false alarm is remembered.',
      default: '30d',
    },
    ...STATE_OPTION,
  },
  examples: [
    ['incidents close ID --as resolved', 'It was real, and it is over.'],
    ['incidents close ID --as false-alarm --reason "the new office"', 'Not this again.'],
  ],
  run: async (context) => {
    const { options, print, io } = context;
    const { as, reason = '', for: forMs } = options;
    if (as === undefined) throw unsaid();
    const detail = await withClient(context, options.state, async (client) => {
      await refuseRawKeys(client, { reason });
      return client.closeIncident(context.args[0]!, {
        as,
        by: personOf(io),
        reason,
        ...(forMs === undefined ? {} : { forMs }),
      });
    });
    if (detail === undefined) throw unknownIncident();
    const { incident, findings } = detail;
    print.object(incident);
    const detectors = [...new Set(findings.map((finding) => finding.detector))];
    for (const line of incidentLines(incident, detectors, print.columns, print.style)) {
      print.line(line);
    }
    return EXIT.done;
  },
});

function unsaid(): KeyhoundError {
  return new KeyhoundError('usage', `say what it was: --as ${CLOSED_AS.join('|')}`, {
    hint: 'A false alarm is remembered; what is resolved was real and is over.',
  });
}
