/** Metrics of the response: what stands, what is held and by which brake, what gateways and channels do. */
import { Counter, Gauge, type Registry } from 'prom-client';

export interface ResponseMetrics {
  /** Open decisions by state: held, waiting, standing. */
  readonly decisions: Readonly<Record<string, number>>;
  /** Held decisions by brake. */
  readonly held: Readonly<Record<string, number>>;
  readonly stopped: boolean;
  /** Decisions that are not kept yet. */
  readonly unkept: number;
  /** Revisions of actions since the start, by the state that they told. */
  readonly actions: Readonly<Record<string, number>>;
  /** Actions by what the log has shown of them, since the start. */
  readonly verdicts: Readonly<Record<string, number>>;
  readonly channels: readonly {
    readonly channel: string;
    readonly waiting: number;
    readonly sent: number;
    readonly failures: number;
    readonly deadLetters: number;
    readonly folded: number;
  }[];
  /** Reports of leaks by what became of them; undefined without a sender. */
  readonly reports?: Readonly<Record<string, number>> | undefined;
  /** Of the decision endpoint; undefined where it does not run. */
  readonly decide?:
    | {
        readonly verdicts: number;
        readonly answers: readonly (readonly [dialect: string, word: string, count: number])[];
        readonly failures: number;
        readonly refusedCallers: number;
      }
    | undefined;
}

export function responseMetrics(registry: Registry): (now: ResponseMetrics | undefined) => void {
  const registers = [registry];
  const gauge = <T extends string>(name: string, help: string, labelNames: readonly T[] = []) =>
    new Gauge({ name, help, registers, labelNames });
  const counter = <T extends string>(name: string, help: string, labelNames: readonly T[] = []) =>
    new Counter({ name, help, registers, labelNames });
  const decisions = gauge('keyhound_decisions_count', 'Open decisions.', ['state']);
  const held = gauge('keyhound_held_decisions_count', 'Decisions that a brake holds.', ['brake']);
  const stopped = gauge('keyhound_kill_switch_info', '1 while the kill switch is on.');
  const unkept = gauge('keyhound_unkept_decisions_count', 'Decisions that are not kept yet.');
  const actions = counter('keyhound_settled_actions_total', 'Actions, by the state they came to.', [
    'state',
  ]);
  const verdicts = counter('keyhound_verified_actions_total', 'Actions seen in the log.', [
    'verdict',
  ]);
  const waiting = gauge('keyhound_waiting_messages_count', 'Messages to people.', ['channel']);
  const messages = counter('keyhound_alert_messages_total', 'Messages to people.', [
    'channel',
    'result',
  ]);
  const reports = counter('keyhound_leak_reports_total', 'Reports of leaks.', ['result']);
  const known = gauge('keyhound_decide_verdicts_count', 'Verdicts at hand.');
  const answers = counter('keyhound_decide_answers_total', 'Answers.', ['dialect', 'decision']);
  const failures = counter('keyhound_decide_failures_total', 'Answered by failMode.');
  const refused = counter('keyhound_decide_refused_callers_total', 'Callers without the token.');
  const all = [decisions, held, stopped, unkept, actions, verdicts, waiting, messages, reports];
  return (now) => {
    for (const metric of [...all, known, answers, failures, refused]) metric.reset();
    if (now === undefined) return;
    for (const [state, count] of Object.entries(now.decisions)) decisions.set({ state }, count);
    for (const [brake, count] of Object.entries(now.held)) held.set({ brake }, count);
    stopped.set(now.stopped ? 1 : 0);
    unkept.set(now.unkept);
    for (const [state, count] of Object.entries(now.actions)) actions.inc({ state }, count);
    for (const [verdict, count] of Object.entries(now.verdicts)) verdicts.inc({ verdict }, count);
    for (const { channel, ...of } of now.channels) {
      waiting.set({ channel }, of.waiting);
      messages.inc({ channel, result: 'sent' }, of.sent);
      messages.inc({ channel, result: 'failed' }, of.failures);
      messages.inc({ channel, result: 'dead-letter' }, of.deadLetters);
      messages.inc({ channel, result: 'folded' }, of.folded);
    }
    for (const [result, count] of Object.entries(now.reports ?? {})) reports.inc({ result }, count);
    if (now.decide === undefined) return;
    known.set(now.decide.verdicts);
    for (const [dialect, decision, count] of now.decide.answers) {
      answers.inc({ dialect, decision }, count);
    }
    failures.inc(now.decide.failures);
    refused.inc(now.decide.refusedCallers);
  };
}
