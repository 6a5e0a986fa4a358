/** The allowlist: what it covers is not found any more, and what stands on nothing else ends at once. */
import type { Finding } from '../../core/finding.ts';
import type { Brake } from './brake.ts';

export const allow: Brake = Object.freeze<Brake>({
  id: 'allow',
  summary: 'what is on the allowlist is not acted upon',
  explains: true,
  drops(finding, told, { env, nowMs }) {
    const { silencedBy } = finding;
    if (silencedBy !== undefined && env.isAllowance?.(silencedBy) === true)
      return `on the allowlist by ${silencedBy}`;
    const subject = {
      subjectId: told.incident.subject.id,
      label: told.entry?.label ?? told.incident.subject.label,
      consumer: told.consumer === '' ? undefined : told.consumer,
      detector: finding.detector,
      place: countryOf(finding),
    };
    return env.isAllowed(subject, nowMs) ? 'on the allowlist' : undefined;
  },
});

function countryOf({ observed }: Finding): string | undefined {
  const { country } = observed as { country?: unknown };
  return typeof country === 'string' && country !== '' ? country : undefined;
}
