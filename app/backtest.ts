/**
 * What a policy would have done on past logs: the path of a replay, with the desk and a gateway that only counts
 * behind it, in event time. Nothing is acted upon, and nothing is kept.
 */
import path from 'node:path';
import { systemClock } from '../core/clock.ts';
import type { WatchVerdict } from '../core/control.ts';
import { copyEvent, createEvent } from '../core/event.ts';
import type { Finding, Incident } from '../core/finding.ts';
import { parseKeySpec } from '../core/key-spec.ts';
import { ACTING_RUNGS } from '../core/ladder.ts';
import { createMerge } from '../ingest/merge.ts';
import type { Policy } from '../responders/policy.ts';
import { readFalseAlarms } from './backtest/false-alarms.ts';
import { type Labels, readLabels } from './backtest/labels.ts';
import { Lane } from './backtest/lane.ts';
import { reachOf } from './backtest/reach.ts';
import { Tally } from './backtest/tally.ts';
import type { Backtest, BacktestLine, BacktestOptions, DamagedFile } from './contract.ts';
import { loadPolicy } from './policy-file.ts';
import { checkSaid } from './recognise.ts';
import { openInputs, progressTeller } from './replay.ts';
import { openSession, type Session } from './session.ts';

/** Events between two looks at the clock. */
const LOOK_EVERY = 4096;

export const backtest: Backtest = async (options) => {
  // Before anything is read: a mistyped name costs nothing.
  checkSaid(options);
  if (options.key !== undefined) parseKeySpec(options.key);
  const { config, folder } = options.config;
  const wanted = loadPolicy(path.resolve(options.policy));
  const inForce = loadPolicy(
    config.policy === undefined ? undefined : path.resolve(folder, config.policy),
  );
  const labels = options.labels === undefined ? undefined : readLabels(options.labels);
  const damaged: DamagedFile[] = [];
  const known = { labels, falseAlarms: await readFalseAlarms(options) };
  const own = await live(wanted, known, options, damaged);
  for (const decision of own.tally.decisions(own.lane)) options.onDecision(decision);
  const line = own.tally.line(own.lane);
  const today = await todayOf(inForce, line, known, options);
  return {
    ...line,
    ...(today === undefined ? {} : { today }),
    ...(damaged.length > 0 && { damaged }),
  };
};

/** The same of the policy in force. One that acts on nothing needs no second run, and stdin allows none. */
async function todayOf(
  policy: Policy,
  line: Omit<BacktestLine, 'today'>,
  known: Known,
  options: BacktestOptions,
): Promise<BacktestLine['today']> {
  const { version: policyVersion } = policy;
  if (policyVersion === line.policyVersion) return partOf(line);
  if (!ACTING_RUNGS.some((rung) => policy.ladder[rung].mode === 'automatic')) {
    return { policyVersion, keysActedOn: 0, requestsRefused: 0, byRung: {} };
  }
  if (options.paths.includes('-')) {
    options.onNote('stdin can be read once: it is not compared with the policy in force');
    return undefined;
  }
  const { lane, tally } = await live(policy, known, options, []);
  return partOf(tally.line(lane));
}

function partOf(line: Omit<BacktestLine, 'today'>): NonNullable<BacktestLine['today']> {
  const { policyVersion, keysActedOn, requestsRefused, byRung } = line;
  const { requestsRefusedOfUnattacked, wrongActions } = line;
  return {
    policyVersion,
    keysActedOn,
    requestsRefused,
    byRung,
    ...(requestsRefusedOfUnattacked === undefined ? {} : { requestsRefusedOfUnattacked }),
    ...(wrongActions === undefined ? {} : { wrongActions }),
  };
}

/** What of the history people know. */
interface Known {
  readonly labels: Labels | undefined;
  readonly falseAlarms: Labels | undefined;
}

interface Lived {
  readonly lane: Lane;
  readonly tally: Tally;
}

/** One run over the whole history. */
async function live(
  policy: Policy,
  { labels, falseAlarms }: Known,
  options: BacktestOptions,
  damaged: DamagedFile[],
): Promise<Lived> {
  // Detection tells nothing before the first event, and by then the lane is there.
  let lane: Lane | undefined;
  const session = await openSession({
    config: options.config,
    stateDir: undefined,
    env: process.env,
    clock: systemClock,
    command: 'backtest',
    onFinding: (finding: Finding) => lane!.onFinding(finding),
    onIncident: (incident: Incident) => lane!.onIncident(incident),
    onVerdict: (verdict: WatchVerdict) => lane!.onVerdict(verdict),
    onNote: options.onNote,
  });
  try {
    const tally = new Tally(labels, (id) => session.directory.entry(id)?.label, falseAlarms);
    lane = new Lane({
      policy,
      directory: session.directory,
      calendar: session.calendar,
      reach: reachOf(options.config, () => systemClock.now()),
      geographyBuiltAt: session.geographyBuiltAt,
      isCold: true,
      onDecision: (decision, nowMs) => tally.decided(decision, nowMs),
    });
    lane.attach({
      observe: (event) => session.engine.observe(event),
      control: (kind, body) => session.control(kind, { ...body }),
    });
    await pump(lane, tally, session, options, damaged);
    return { lane, tally };
  } finally {
    await session.close();
  }
}

async function pump(
  lane: Lane,
  tally: Tally,
  session: Session,
  options: BacktestOptions,
  damaged: DamagedFile[],
): Promise<void> {
  const { signal } = options;
  const found = await openInputs(options, session, damaged);
  const tell = progressTeller(options, session, found, systemClock.now());
  const stream = createMerge(found.inputs);
  const event = createEvent();
  let sinceLook = 0;
  try {
    while (await stream.fill(signal)) {
      while (stream.next()) {
        copyEvent(stream.event, event);
        tally.count(event, lane.apply(event));
        if (++sinceLook < LOOK_EVERY) continue;
        sinceLook = 0;
        tell();
      }
      tell();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await stream.close();
  }
  lane.settle();
}
