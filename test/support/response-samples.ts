/** Decisions, actions, verdicts, alerts and audit notes with made-up values, to be changed where a test cares. */
import type { Action } from '../../core/action.ts';
import type { Alert } from '../../core/alert.ts';
import type { AuditNote } from '../../core/audit.ts';
import type { Decision } from '../../core/decision.ts';
import type { GatewayState } from '../../core/gateway.ts';
import type { KeyProfile } from '../../core/key-profile.ts';
import type { LeakReport } from '../../core/report.ts';
import type { Verdict } from '../../core/verdict.ts';

const AT = '2026-03-01T10:00:00.000Z';

export function sampleDecision(change: Partial<Decision> = {}): Decision {
  return {
    type: 'decision',
    id: 'dec_00000000000000000001',
    revision: 1,
    incident: 'inc_1',
    subject: { kind: 'key', id: 'kong:7f2d' },
    rung: 'suspend',
    mode: 'automatic',
    state: 'standing',
    decidedAt: AT,
    untilAt: '2026-03-01T11:00:00.000Z',
    actor: 'policy',
    policyVersion: '1',
    why: 'used from two places at once',
    ...change,
  };
}

export function sampleAction(change: Partial<Action> = {}): Action {
  return {
    type: 'action',
    id: 'act_00000000000000000001',
    revision: 1,
    decision: 'dec_00000000000000000001',
    subject: { kind: 'key', id: 'kong:7f2d' },
    gateway: 'kong',
    rung: 'suspend',
    state: 'planned',
    requestedAt: AT,
    doneAt: null,
    verifiedAt: null,
    verdict: null,
    undoneAt: null,
    undo: '',
    wants: 'applied',
    version: 1,
    untilAt: '2026-03-01T11:00:00.000Z',
    attempts: 0,
    ...change,
  };
}

export function sampleState(change: Partial<GatewayState> = {}): GatewayState {
  return { exists: true, fingerprint: 'enabled', facts: { enabled: true }, ...change };
}

export function sampleProfile(change: Partial<KeyProfile> = {}): KeyProfile {
  return {
    countries: ['DE'],
    networkCodes: [7],
    systemCodes: [],
    routeFilter: [3],
    asOfAt: '2026-03-01T09:00:00.000Z',
    ...change,
  };
}

export function sampleVerdict(change: Partial<Verdict> = {}): Verdict {
  return {
    key: 'kong:7f2d',
    rung: 'suspend',
    untilAt: Date.parse('2026-03-01T11:00:00.000Z'),
    tag: 'act_00000000000000000001',
    ...change,
  };
}

export function sampleNote(change: Partial<AuditNote> = {}): AuditNote {
  return {
    who: 'policy',
    what: 'decided',
    subject: 'kong:7f2d',
    why: 'used from two places at once',
    at: Date.parse(AT),
    evidence: { incident: 'inc_1' },
    ...change,
  };
}

export function sampleAlert(change: Partial<Alert> = {}): Alert {
  return {
    id: 'inc_1',
    revision: 1,
    kind: 'incident',
    state: 'firing',
    severity: 'high',
    subject: { kind: 'key', id: 'kong:7f2d', label: 'checkout' },
    title: 'checkout: used from two places at once',
    text: 'Used 1,767 km apart within 84 minutes.',
    facts: [['score', '12.5']],
    done: [],
    at: Date.parse(AT),
    ...change,
  };
}

export function sampleReport(change: Partial<LeakReport> = {}): LeakReport {
  return {
    sender: 'scanner',
    subjectId: 'kong:7f2d',
    url: 'https://code.example/acme/app/blob/main/.env',
    rungMax: 'revoke',
    at: Date.parse(AT),
    deliveryId: 'msg_1',
    ...change,
  };
}
