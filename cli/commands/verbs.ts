/** By hand: throttle, contain, suspend, revoke, restore, through the same path, audit and brakes as automatic ones. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandAnswer, StateClient } from '../../app/contract.ts';
import type { Action } from '../../core/action.ts';
import { KeyhoundError } from '../../core/errors.ts';
import type { RateLimit } from '../../core/ladder.ts';
import type { Verb } from '../../core/response.ts';
import { type Command, type CommandContext, defineCommand, type OptionTable } from '../command.ts';
import { EXIT, type ExitStatus } from '../exit.ts';
import type { Printer } from '../print/printer.ts';
import { actionLines, decisionLines, plannedLines } from '../print/response.ts';
import { required } from './actions.ts';
import { readReference, STATE_OPTION, subjectOf, withClient } from './client.ts';
import { refuseRawKeys } from './kept-text.ts';
import { personOf } from './rules.ts';

const WORDS: Readonly<Record<Verb, { readonly summary: string; readonly example: string }>> = {
  throttle: {
    summary: 'Limits a key at its gateways.',
    example: 'While you look into it.',
  },
  contain: {
    summary: 'Refuses what departs from the profile of a key; known-good use goes on.',
    example: 'New places and routes only.',
  },
  suspend: { summary: 'Stops a key, reversibly.', example: 'Until it is restored, or expires.' },
  revoke: { summary: 'Revokes a key at its gateways.', example: 'It is public.' },
  restore: {
    summary: 'Takes back what was done to a key; what others still want stays.',
    example: 'It was a false alarm.',
  },
};

const POLL_MS = 250;
/** A key that nobody uses shows nothing: `--wait` gives up then. */
const WAIT_MS_MAX = 180_000;
/** Actions of a key at a gateway that are looked at for one that still holds. */
const HOLDING_MAX = 100;

function verb(name: Verb): Command {
  return defineCommand({
    name,
    summary: WORDS[name].summary,
    detail: [
      'Exit status 4: it waits for approval (`keyhound approve`); 5: a brake holds it; 3 with --wait: not contained.',
    ],
    positionals: { usage: 'KEY|-', min: 1, max: 1 },
    options: {
      reason: { type: 'text', value: 'TEXT', description: 'Why. Required; it is recorded.' },
      for: { type: 'duration', description: 'How long.', default: 'as the policy says' },
      rate: { type: 'text', value: 'N/s', description: 'throttle: e.g. 5/s, 100/m, 1000/h.' },
      'false-alarm': {
        type: 'flag',
        description: 'restore: what led to it was a false alarm; the same is not raised again.',
      },
      decision: {
        type: 'text',
        value: 'ID',
        description:
          'restore: this decision alone. What a person revoked, or a report of a leak, needs its name.',
      },
      'dry-run': { type: 'flag', description: 'Shows what it would hit, and changes nothing.' },
      yes: { type: 'flag', description: 'Do not ask.' },
      wait: { type: 'flag', description: 'Return when it was verified in the log.' },
      ...STATE_OPTION,
    },
    examples: [
      [`${name} billing-export --reason "ticket 17" --dry-run`, 'What would be hit.'],
      [`${name} billing-export --reason "ticket 17" --yes`, WORDS[name].example],
    ],
    run: (context) => runVerb(name, context as unknown as VerbContext),
  });
}

type VerbContext = CommandContext<OptionTable> & {
  readonly options: {
    readonly reason: string | undefined;
    readonly for: number | undefined;
    readonly rate: string | undefined;
    readonly 'false-alarm': boolean;
    readonly decision: string | undefined;
    readonly 'dry-run': boolean;
    readonly yes: boolean;
    readonly wait: boolean;
    readonly state: string | undefined;
  };
};

async function runVerb(name: Verb, context: VerbContext): Promise<ExitStatus> {
  const { options, print, io, args } = context;
  const dryRun = options['dry-run'];
  const reason = required(options.reason);
  const limit = options.rate === undefined ? undefined : readRate(options.rate, name);
  if (options['false-alarm'] && name !== 'restore') throw onlyRestore();
  if (options.decision !== undefined && name !== 'restore') throw namesOne();
  if (!dryRun && !options.yes) throw unconfirmed(name);
  const reference = await readReference(args[0]!, io);
  return withClient(context, options.state, async (client) => {
    const key = await subjectOf(reference, client, print);
    await refuseRawKeys(client, { reason });
    const answer = await client.response.command({
      verb: name,
      key,
      by: personOf(io),
      reason,
      dryRun,
      falseAlarm: options['false-alarm'],
      ...(options.decision === undefined ? {} : { decision: options.decision }),
      ...(options.for === undefined ? {} : { forMs: options.for }),
      ...(limit === undefined ? {} : { limit }),
    });
    if (dryRun) return showPlan(answer, print);
    for (const decision of answer.decisions) {
      print.object(decision);
      for (const line of decisionLines(decision, print.style)) print.line(line);
    }
    if (answer.decisions.some(({ state }) => state === 'held')) return EXIT.held;
    if (answer.decisions.some(({ state }) => state === 'waiting')) return EXIT.waiting;
    const actions = options.wait
      ? await verified(answer.actions, client, name, io.signal)
      : answer.actions;
    for (const action of actions) {
      print.object(action);
      for (const line of actionLines(action, print.style)) print.line(line);
    }
    if (actions.length === 0) print.note('No gateway of the configuration has this key.');
    if (name === 'restore' && options.wait && (await allCovered(actions, client))) {
      print.note('Something else still holds it there, so the log shows nothing of the undo.');
      return EXIT.done;
    }
    if (options.wait && actions.some((action) => isUnseen(action, name))) {
      print.note('Not seen in the log yet: is the key in use, and do the records come?');
      return EXIT.verdict;
    }
    return statusOf(actions, name);
  });
}

function isUnseen({ state, verdict, undoVerdict }: Action, name: Verb): boolean {
  if (name === 'restore') return state === 'undone' && undoVerdict === undefined;
  return state === 'done' && verdict === null;
}

function showPlan({ decisions, planned }: CommandAnswer, print: Printer): ExitStatus {
  for (const decision of decisions) {
    print.object(decision);
    for (const line of decisionLines(decision, print.style)) print.line(line);
  }
  for (const plan of planned) {
    print.object({ type: 'plan', ...plan });
    for (const line of plannedLines(plan, print.style)) print.line(line);
  }
  if (planned.length === 0) print.note('No gateway of the configuration has this key.');
  print.note('A dry run: nothing was changed.');
  return EXIT.done;
}

/** As they are once each has failed, or was seen in the log. */
async function verified(
  actions: readonly Action[],
  client: StateClient,
  name: Verb,
  signal: AbortSignal,
): Promise<readonly Action[]> {
  const settled = (action: Action): boolean =>
    action.state === 'failed' ||
    action.state === 'conflict' ||
    (name === 'restore' ? action.undoVerdict !== undefined : action.verdict !== null);
  let latest = actions;
  const untilAt = performance.now() + WAIT_MS_MAX;
  while (!latest.every(settled) && !signal.aborted && performance.now() < untilAt) {
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
    const read = await Promise.all(actions.map(({ id }) => client.response.action(id)));
    latest = read.map((action, i) => action ?? actions[i]!);
    if (name === 'restore' && (await allCovered(latest, client))) break;
  }
  return latest;
}

/** Undone, all of them, and each is followed by another one that holds: what is refused says nothing of these. */
async function allCovered(actions: readonly Action[], client: StateClient): Promise<boolean> {
  if (actions.length === 0) return false;
  for (const { gateway, state, subject, undoVerdict } of actions) {
    if (state !== 'undone' || undoVerdict !== undefined) return false;
    const filter = { subjectId: subject.id, gateway, state: 'done', limit: HOLDING_MAX } as const;
    const done = await client.response.actions(filter);
    if (!done.some(({ wants }) => wants === 'applied')) return false;
  }
  return true;
}

function statusOf(actions: readonly Action[], name: Verb): ExitStatus {
  const isBad = ({ verdict, undoVerdict }: Action): boolean =>
    name === 'restore' ? undoVerdict === 'not-restored' : verdict === 'not-contained';
  if (actions.some(isBad)) return EXIT.verdict;
  const failed = actions.some(({ state }) => state === 'failed' || state === 'conflict');
  return failed ? EXIT.failed : EXIT.done;
}

const WINDOWS_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

function readRate(text: string, name: Verb): RateLimit {
  const match = /^([1-9]\d{0,8})\/([smhd])$/.exec(text);
  if (match !== null && name === 'throttle') {
    return { requests: Number(match[1]), windowMs: WINDOWS_MS[match[2]!]! };
  }
  throw new KeyhoundError(
    'usage',
    name === 'throttle' ? '--rate is no rate' : '--rate is for throttle',
    { hint: 'A number and a window: 5/s, 100/m, 1000/h, 10000/d.' },
  );
}

function onlyRestore(): KeyhoundError {
  return new KeyhoundError('usage', '--false-alarm is for restore', {
    hint: 'An incident is closed as one with `keyhound incidents close ID --as false-alarm`.',
  });
}

function namesOne(): KeyhoundError {
  return new KeyhoundError('usage', '--decision is for restore', {
    hint: 'What takes the place of a decision is said by the verb alone.',
  });
}

function unconfirmed(name: Verb): KeyhoundError {
  return new KeyhoundError('usage', `${name} changes what the gateway does: confirm with --yes`, {
    code: 'unconfirmed',
    hint: '--dry-run shows what it would hit, and changes nothing.',
  });
}

export const verbCommands: readonly Command[] = Object.freeze(
  (['throttle', 'contain', 'suspend', 'revoke', 'restore'] as const).map(verb),
);
