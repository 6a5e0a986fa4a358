/**
 * Fields of the Elastic Common Schema that others' tools read. ECS has none for an API key: its id is `user.id`, as
 * the key is who acts.
 */
import type { Severity, SubjectName } from '../../core/finding.ts';
import type { ActionBody, ResultDocument } from './documents.ts';

export const ECS_VERSION = '8.11.0';

/** As Elastic's own rules count severities. */
const SEVERITY: Readonly<Record<Severity, number>> = {
  none: 0,
  info: 10,
  low: 21,
  medium: 47,
  high: 73,
  critical: 99,
};

const OUTCOME: Readonly<Record<ActionBody['state'], string>> = {
  planned: 'unknown',
  running: 'unknown',
  done: 'success',
  failed: 'failure',
  undone: 'success',
  conflict: 'failure',
};

/** MITRE ATT&CK: tactic and technique by detector. Those left out say nothing about an attack by themselves. */
const TECHNIQUES: Readonly<Record<string, readonly [tactic: string, technique: string]>> = {
  'new-place': ['TA0001', 'T1078'],
  'impossible-travel': ['TA0001', 'T1078'],
  spread: ['TA0001', 'T1078'],
  client: ['TA0001', 'T1078'],
  dormant: ['TA0001', 'T1078'],
  'off-hours': ['TA0001', 'T1078'],
  leak: ['TA0006', 'T1552'],
  stuffing: ['TA0006', 'T1110.004'],
  enumeration: ['TA0007', 'T1087'],
  endpoint: ['TA0043', 'T1595'],
  transfer: ['TA0010', 'T1567'],
  'volume-spike': ['TA0040', 'T1499.003'],
};

type Fields = Record<string, unknown>;

export function ecsOf(document: ResultDocument): Fields {
  const { kind, body } = document;
  const dataset = `keyhound.${kind}`;
  switch (kind) {
    case 'finding':
      return {
        ...base(dataset, 'alert', 'intrusion_detection', {
          action: body.detector,
          id: body.id,
          severity: SEVERITY[body.severity],
          risk_score: body.score,
          reason: body.why,
          start: body.fromAt,
          end: body.toAt,
        }),
        rule: ruleOf(body.detector, body.versions[body.detector]),
        ...threatOf(body.detector),
        ...whoOf(body.subject),
      };
    case 'incident':
      return {
        ...base(dataset, 'alert', 'intrusion_detection', {
          action: body.closedAt === null ? 'incident-open' : 'incident-closed',
          id: body.id,
          severity: SEVERITY[body.severity],
          risk_score: body.risk,
          reason: body.why,
          start: body.openedAt,
          ...(body.closedAt === null ? {} : { end: body.closedAt }),
        }),
        ...whoOf(body.subject),
      };
    case 'usage':
      return base(dataset, 'metric', 'api', {});
    case 'inputs':
      return base(dataset, 'state', 'api', { id: body.findingId });
    case 'action':
      return {
        ...base(dataset, 'event', 'api', {
          action: body.rung,
          id: body.id,
          outcome: OUTCOME[body.state],
        }),
        ...whoOf(body.subject),
      };
    case 'audit':
      return {
        ...base(dataset, 'event', 'configuration', {
          id: body.id,
          ...(body.action === undefined ? {} : { action: body.action }),
          ...(body.reason === undefined ? {} : { reason: body.reason }),
        }),
        ...(body.subject === undefined ? {} : whoOf(body.subject)),
      };
  }
}

function base(dataset: string, kind: string, category: string, event: Fields): Fields {
  const type = [category === 'configuration' ? 'change' : 'info'];
  const common = { kind, category: [category], type, module: 'keyhound', dataset };
  return {
    ecs: { version: ECS_VERSION },
    event: { ...common, provider: 'keyhound', ...event },
  };
}

function ruleOf(detector: string, version: string | number | undefined): Fields {
  return { id: detector, ...(version === undefined ? {} : { version: String(version) }) };
}

function threatOf(detector: string): Fields {
  const known = TECHNIQUES[detector];
  if (known === undefined) return {};
  const [tactic, technique] = known;
  return {
    threat: {
      framework: 'MITRE ATT&CK',
      tactic: { id: [tactic] },
      technique: { id: [technique] },
    },
  };
}

function whoOf({ kind, id, label }: SubjectName): Fields {
  const related = { related: { user: [id] } };
  switch (kind) {
    case 'key':
      return { user: { id, ...(label === undefined ? {} : { name: label }) }, ...related };
    case 'consumer':
      return { organization: { id } };
    case 'network':
      return { source: { address: id } };
    case 'fleet':
      return {};
  }
}
