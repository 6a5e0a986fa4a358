/** Planned events and maintenance windows: what they concern is expected then. */
import { openedAt } from '../desk/case.ts';
import type { Brake } from './brake.ts';

export const planned: Brake = Object.freeze<Brake>({
  id: 'planned',
  summary: 'what a planned event or a maintenance window concerns is not acted upon',
  explains: true,
  drops(finding, { incident, entry, consumer }, { calendar }) {
    const { id, label } = incident.subject;
    const key = { id, label: entry?.label ?? label ?? '', consumer };
    const open = calendar
      .at(openedAt(finding))
      .windows.find((one) => one.detectors.includes(finding.detector) && one.concerns(key));
    return open === undefined ? undefined : `expected: ${open.why === '' ? open.name : open.why}`;
  },
});
