/** What people are told of incidents, actions, approvals and reports: every word that an on-call engineer needs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Action } from '../../core/action.ts';
import type { Alert } from '../../core/alert.ts';
import type { Finding, Incident } from '../../core/finding.ts';
import {
  actionAlarm,
  approvalAlert,
  decisionAlert,
  healthAlert,
  heldReportAlert,
  type IncidentStory,
  incidentAlert,
} from '../../responders/alert-texts.ts';
import { controlsOf, readOf, startSlack } from '../fakes/slack.ts';
import { sampleAction, sampleDecision, sampleReport } from '../support/response-samples.ts';
import { HOSTILE, makeChannel, NEVER, STEERING } from './channels/support.ts';

const NOW = Date.parse('2026-03-01T10:05:00.000Z');
const KEY = { kind: 'key', id: 'kong:7f2d', label: 'checkout' } as const;

function finding(change: Partial<Finding> = {}): Finding {
  return {
    type: 'finding',
    id: 'fnd_1',
    revision: 1,
    detector: 'new-place',
    family: 'place',
    subject: KEY,
    openedAt: '2026-03-01T10:00:00.000Z',
    fromAt: '2026-03-01T10:00:00.000Z',
    toAt: '2026-03-01T10:00:00.000Z',
    score: 6,
    severity: 'low',
    observed: {},
    expected: {},
    why: 'used from Brazil, which is new for it',
    closedAt: null,
    trust: 'act',
    parts: [],
    versions: {},
    ...change,
  };
}

function incident(change: Partial<Incident> = {}): Incident {
  return {
    type: 'incident',
    id: 'inc_1',
    revision: 3,
    subject: KEY,
    openedAt: '2026-03-01T10:00:00.000Z',
    updatedAt: '2026-03-01T10:01:00.000Z',
    closedAt: null,
    severity: 'high',
    risk: 8.2,
    families: ['volume', 'place'],
    findings: ['fnd_1', 'fnd_2'],
    uses: [{ route: 'GET /v1/orders/{id}', place: 'BR São Paulo', client: 'curl', events: 1200 }],
    why: 'All of it.',
    ...change,
  };
}

const VOLUME = finding({
  id: 'fnd_2',
  detector: 'volume-spike',
  family: 'volume',
  score: 8,
  why: '9.1 a second, 16 times its usual rate',
});

function story(change: Partial<IncidentStory> = {}): IncidentStory {
  return {
    incident: incident(),
    findings: [finding(), VOLUME, finding({ id: 'fnd_9', why: 'of another incident' })],
    decisions: [],
    actions: [],
    consumer: 'acme',
    nowMs: NOW,
    ...change,
  };
}

function done(change: Partial<Action> = {}): Action {
  return sampleAction({
    subject: KEY,
    revision: 4,
    rung: 'throttle-hard',
    limit: { requests: 5, windowMs: 60_000 },
    state: 'done',
    doneAt: '2026-03-01T10:00:00.250Z',
    undo: 'curl -X DELETE https://kong.example/…',
    ...change,
  });
}

function factsOf({ facts }: Alert): Record<string, string> {
  return Object.fromEntries(facts);
}

describe('an incident', () => {
  test('is told by its strongest sentence, all of them, and the numbers', () => {
    const key = { firstAt: '', events: 9, usualPerHour: 24.4, busyPerHour: 120, readiness: {} };
    const alert = incidentAlert(story({ incident: incident({ key }) }));
    assert.equal(alert.title, 'checkout: 9.1 a second, 16 times its usual rate.');
    assert.equal(
      alert.text,
      '9.1 a second, 16 times its usual rate.\nUsed from Brazil, which is new for it.',
    );
    assert.deepEqual(factsOf(alert), {
      key: 'kong:7f2d',
      consumer: 'acme',
      risk: '8.2 (high)',
      since: '2026-03-01 10:00 UTC',
      'found by': 'new-place, volume-spike',
      usual: '24 an hour now, 120 in a busy one',
      use: '1,200 × GET /v1/orders/{id} · BR São Paulo · curl',
      details: 'keyhound incidents show inc_1',
    });
    assert.deepEqual([alert.state, alert.severity, alert.kind], ['firing', 'high', 'incident']);
  });

  test('says what was done in its order, how to take it back, and what policy wanted', () => {
    const verified = done({
      verdict: 'contained',
      verifiedAt: '2026-03-01T10:00:09.000Z',
      lastAcceptedAt: '2026-03-01T10:00:00.200Z',
    });
    const failed = done({ gateway: 'tyk', state: 'failed', doneAt: null, error: '503' });
    const noted = sampleDecision({ mode: 'observe', state: 'noted', rung: 'revoke' });
    const alert = incidentAlert(story({ decisions: [noted], actions: [verified, failed] }));
    assert.deepEqual(alert.done, [
      'throttled hard to 5 a minute at kong in 0.3 s, until 2026-03-01 11:00 UTC',
      'contained at kong: last accepted request at 2026-03-01T10:00:00.200Z',
    ]);
    assert.equal(alert.undo, 'keyhound restore kong:7f2d --reason "…" --yes');
    const facts = factsOf(alert);
    assert.equal(facts['undo at kong'], verified.undo);
    assert.equal(facts['failed at tyk'], 'could not be throttled hard: 503');
    assert.equal(facts['policy'], 'would have had it revoked; it only observes');
  });

  test('grows in revision with everything that it is made of, and in lines with what is done', () => {
    const steps: Partial<IncidentStory>[] = [
      {},
      { decisions: [sampleDecision()] },
      { decisions: [sampleDecision()], actions: [sampleAction()] },
      { decisions: [sampleDecision()], actions: [done()] },
      {
        decisions: [sampleDecision({ revision: 2, state: 'ended' })],
        actions: [
          done({
            revision: 6,
            state: 'undone',
            wants: 'undone',
            undoneAt: '2026-03-01T10:04:00.000Z',
            endedBy: 'person:ann',
          }),
        ],
      },
    ];
    const alerts = steps.map((step) => incidentAlert(story(step)));
    const revisions = alerts.map(({ revision }) => revision);
    assert.deepEqual(
      [...new Set(revisions)].sort((a, b) => a - b),
      revisions,
    );
    assert.deepEqual(
      alerts.map(({ done }) => done.length),
      [0, 0, 0, 1, 2],
    );
    assert.match(alerts[4]!.done[1]!, /^taken back at kong by ann, at 2026-03-01 10:04 UTC$/);
    assert.equal(alerts[4]!.undo, undefined);
  });

  test('names the report that its key is public, also before the proof is found', () => {
    const report = sampleDecision({
      id: 'dec_9',
      incident: null,
      actor: 'report:scanner',
      why: 'scanner proves that the key leaked.',
    });
    const alert = incidentAlert(story({ decisions: [report] }));
    assert.equal(alert.title, 'checkout: its key is public');
    assert.match(alert.text, /^scanner proves that the key leaked\.\n9\.1 a second/);
    const { details, report: named } = factsOf(alert);
    assert.deepEqual([details, named], ['keyhound incidents show inc_1', 'scanner, dec_9']);
    assert.deepEqual([alert.severity, alert.follows], ['critical', ['dec_9']]);
    const leak = finding({ detector: 'leak', score: 10, why: 'the key is public' });
    const proven = incidentAlert(story({ decisions: [report], findings: [leak] }));
    assert.equal(proven.text, 'The key is public.');
  });

  test('is over when it closed, is explained by many keys, or somebody silenced it', () => {
    const closedAt = '2026-03-01T11:30:00.000Z';
    const cases: readonly (readonly [Partial<Incident>, RegExp])[] = [
      [{ closedAt }, /closed at 2026-03-01 11:30 UTC\.$/],
      [{ partOf: 'inc_9' }, /part of inc_9\.$/],
      [{ silencedBy: 'sil_1' }, /Silenced by sil_1\.$/],
      [
        { closedAt, closedAs: 'false-alarm', closedBy: 'ann', closedReason: 'our test' },
        /Closed as false-alarm by ann: our test$/,
      ],
    ];
    for (const [change, text] of cases) {
      const alert = incidentAlert(story({ incident: incident(change) }));
      assert.equal(alert.state, 'resolved');
      assert.match(alert.text, text);
    }
  });
});

describe('actions', () => {
  test('what does not contain is a critical alarm with what gets through, until it does', () => {
    const leaking = done({ verdict: 'not-contained', leak: '12 × GET /v1/users from BR' });
    const alarm = actionAlarm(leaking, 'acme', NOW);
    assert.deepEqual([alarm.state, alarm.severity], ['firing', 'critical']);
    assert.equal(alarm.title, 'NOT contained: checkout still gets through at kong');
    assert.match(alarm.text, /What still gets through: 12 × GET/);
    for (const change of [{ verdict: 'contained' }, { wants: 'undone' }] as const) {
      assert.equal(
        actionAlarm({ ...leaking, revision: 9, ...change }, 'acme', NOW).state,
        'resolved',
      );
    }
  });

  test('what does not contain is not over because it is carried out anew', () => {
    const leak = '12 × GET /v1/users from BR';
    for (const state of ['planned', 'running', 'done'] as const) {
      for (const verdict of [null, 'not-contained'] as const) {
        const alarm = actionAlarm(done({ state, verdict, leak }), '', NOW);
        assert.deepEqual([alarm.state, alarm.severity], ['firing', 'critical']);
        assert.match(alarm.text, /What still gets through: 12 × GET/);
      }
    }
    const failed = actionAlarm(done({ state: 'failed', verdict: null, leak }), '', NOW);
    assert.equal(failed.title, 'checkout could not be throttled hard at kong');
    const quiet = done({ verdict: 'no-traffic' });
    assert.equal(actionAlarm(quiet, '', NOW).state, 'resolved');
  });

  test('failures and changes by others are told, in both directions', () => {
    const title = (change: Partial<Action>): string => actionAlarm(done(change), '', NOW).title;
    assert.equal(title({ state: 'failed' }), 'checkout could not be throttled hard at kong');
    const back = { state: 'failed', wants: 'undone' } as const;
    assert.equal(title(back), 'checkout could not be taken back at kong');
    assert.equal(title({ state: 'conflict' }), 'checkout was changed at kong by somebody else');
    assert.equal(actionAlarm(done(), '', NOW).state, 'resolved');
  });

  test('what a person or a report had done is told until it is taken back', () => {
    const decision = sampleDecision({ incident: null, subject: KEY, actor: 'person:ann' });
    const told = (change: Partial<typeof decision>, actions: Action[]): Alert =>
      decisionAlert({ decision: { ...decision, ...change }, actions, consumer: '', nowMs: NOW });
    assert.equal(told({}, [done()]).title, 'checkout: suspended by ann');
    assert.equal(told({}, [done()]).severity, 'medium');
    assert.equal(told({}, [done()]).undo, 'keyhound restore kong:7f2d --reason "…" --yes');
    const report = told({ actor: 'report:scanner', rung: 'revoke' }, [done()]);
    assert.match(report.undo!, /^keyhound restore kong:7f2d --decision dec_\d+ --reason/);
    assert.deepEqual([report.title, report.severity], ['checkout: its key is public', 'critical']);
    const held = done({ original: { exists: true, fingerprint: '', facts: {} } });
    assert.equal(told({ state: 'ended' }, [held]).state, 'firing');
    assert.equal(told({ state: 'ended' }, [{ ...held, state: 'undone' }]).state, 'resolved');
  });

  test('an undo command is one that a shell takes as it is meant', () => {
    const undoOf = (id: string): string | undefined => {
      const subject = { kind: 'key', id } as const;
      return incidentAlert(story({ incident: incident({ subject }), actions: [done()] })).undo;
    };
    assert.equal(undoOf("a'; rm -rf /"), `keyhound restore 'a'\\''; rm -rf /' --reason "…" --yes`);
    assert.equal(
      undoOf('kong:a-b_c.d/e@f'),
      'keyhound restore kong:a-b_c.d/e@f --reason "…" --yes',
    );
  });
});

test('an approval says what, how many, until when and how; and what became of it', () => {
  const waiting = sampleDecision({
    mode: 'approval',
    state: 'waiting',
    subject: KEY,
    rung: 'revoke',
    approvalsNeeded: 2,
    approvals: [{ by: 'ann', at: '2026-03-01T10:01:00.000Z' }],
    untilAt: '2026-03-01T10:30:00.000Z',
  });
  const alert = approvalAlert(waiting, 'acme', NOW);
  assert.equal(alert.title, 'checkout is to be revoked: a person must agree');
  assert.equal(factsOf(alert)['agree'], `keyhound approve ${waiting.id}`);
  assert.equal(factsOf(alert)['agreed'], 'ann');
  const expired = approvalAlert(waiting, 'acme', Date.parse('2026-03-01T10:30:00.000Z'));
  assert.equal(expired.state, 'resolved');
  assert.ok(expired.revision > alert.revision);
  const denied = {
    ...waiting,
    revision: 2,
    state: 'ended',
    endedAs: 'denied',
    endedBy: 'bob',
  } as const;
  assert.equal(approvalAlert(denied, '', NOW).title, 'checkout: not revoked: bob refused');
  const agreed = { ...waiting, revision: 2, state: 'standing' } as const;
  assert.equal(approvalAlert(agreed, '', NOW).title, 'checkout: revoked, as ann agreed');
});

test('a report that is held says whose, why nothing was done, and where the key was found', () => {
  const alert = heldReportAlert(sampleReport({ heldBy: 'public' }), 'public', KEY, 'acme');
  assert.match(alert.text, /scanner sent the key itself .* it is registered as public/);
  assert.equal(factsOf(alert)['found at'], 'https://code.example/acme/app/blob/main/.env');
  const again = heldReportAlert(sampleReport({ deliveryId: 'msg_2' }), 'public', KEY, 'acme');
  assert.equal(again.id, alert.id);
});

test('attackers write into none of our lines, and what they write steers no sink', async () => {
  const slack = await startSlack();
  const channels = [
    makeChannel({ kind: 'slack', url: slack.webhook }),
    makeChannel({ kind: 'log' }),
  ];
  const subject = { ...KEY, label: HOSTILE };
  const alerts = [
    incidentAlert(
      story({
        incident: incident({
          subject,
          uses: [{ route: HOSTILE, place: HOSTILE, client: HOSTILE, events: 3 }],
        }),
        findings: [finding({ why: HOSTILE })],
        actions: [done()],
        consumer: HOSTILE,
      }),
    ),
    actionAlarm(done({ verdict: 'not-contained', leak: HOSTILE }), HOSTILE, NOW),
    actionAlarm(done({ state: 'failed', error: HOSTILE }), HOSTILE, NOW),
    heldReportAlert(sampleReport({ url: HOSTILE, source: HOSTILE }), 'public', subject, HOSTILE),
    healthAlert({
      id: 'lag',
      state: 'firing',
      severity: 'high',
      title: HOSTILE,
      text: HOSTILE,
      at: NOW,
    }),
  ];
  for (const alert of alerts) {
    for (const line of [...alert.done, alert.undo ?? '']) assert.ok(!line.includes('evil'), line);
    for (const channel of channels) {
      const message = channel.render([alert], 0);
      assert.doesNotMatch(message.body, STEERING);
      assert.deepEqual(await channel.send(message, NEVER), { sent: true });
    }
  }
  await slack.close();
  assert.equal(slack.messages.length, alerts.length);
  for (const message of slack.messages) assert.deepEqual(controlsOf(message), []);
  assert.ok(
    readOf(slack.messages[0]!).includes('Undo: `keyhound restore kong:7f2d --reason "…" --yes`'),
  );
});
