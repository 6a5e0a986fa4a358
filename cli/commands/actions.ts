/** `actions`, its `show`, `stop`, `resume` and `reconcile`. */

import type { StateClient } from '../../app/contract.ts';
import { ACTION_STATES } from '../../core/action.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { forTerminal } from '../../core/escape.ts';
import type { ResponseStatus } from '../../core/response.ts';
import { type Command, defineCommand, NO_ARGS } from '../command.ts';
import { EXIT } from '../exit.ts';
import { actionLines, actionTable, decisionLines, statusLines } from '../print/response.ts';
import {
  LIMIT_DEFAULT,
  LIST_OPTIONS,
  listedSubject,
  oneMore,
  printList,
  STATE_OPTION,
  withClient,
} from './client.ts';
import { refuseRawKeys } from './kept-text.ts';
import { personOf } from './rules.ts';

const actions = defineCommand({
  name: 'actions',
  summary: 'Lists what was done at gateways, the newest first, and what stands.',
  positionals: NO_ARGS,
  options: {
    ...LIST_OPTIONS,
    since: { type: 'instant', description: 'Only actions changed since then.' },
    status: { type: 'choice', choices: ACTION_STATES, description: 'Only in this state.' },
    gateway: { type: 'text', value: 'NAME', description: 'Only at this gateway.' },
    ...STATE_OPTION,
  },
  examples: [
    ['actions', 'What was done last.'],
    ['actions --status conflict', 'Where a person has changed what we wrote.'],
  ],
  run: async (context) => {
    const { options, print } = context;
    const limit = options.limit ?? LIMIT_DEFAULT;
    const { found, status } = await withClient(context, options.state, async (client) => ({
      found: await client.response.actions({
        limit: oneMore(limit),
        ...(options.since === undefined ? {} : { sinceAt: options.since }),
        ...(options.status === undefined ? {} : { state: options.status }),
        ...(options.gateway === undefined ? {} : { gateway: options.gateway }),
        ...(await listedSubject(options.subject, client, context)),
      }),
      status: await statusHere(client),
    }));
    printList(print, found, limit, { none: 'No actions.', table: actionTable });
    if (status === undefined) print.note('Another process responds: ask it what is switched on.');
    else for (const line of statusLines(status, print.style, print.tableColumns)) print.line(line);
    return EXIT.done;
  },
});

/** Undefined where another process responds, and this one tells what is kept. */
async function statusHere({ response }: StateClient): Promise<ResponseStatus | undefined> {
  try {
    return await response.responseStatus();
  } catch (error) {
    if (error instanceof KeyhoundError && error.code === 'not-here') return undefined;
    throw error;
  }
}

const show = defineCommand({
  name: 'actions show',
  summary: 'Shows one action: what it did, what was seen of it, and how to undo it by hand.',
  positionals: { usage: 'ID', min: 1, max: 1 },
  options: STATE_OPTION,
  examples: [['actions show act_…', 'ID as `keyhound actions` shows it.']],
  run: async (context) => {
    const { print } = context;
    const { action, decision } = await withClient(
      context,
      context.options.state,
      async (client) => {
        const one = await client.response.action(context.args[0]!);
        if (one === undefined) return { action: undefined, decision: undefined };
        return { action: one, decision: await client.response.decision(one.decision) };
      },
    );
    if (action === undefined) throw unknown('action', 'actions');
    print.object(action);
    for (const line of actionLines(action, print.style)) print.line(line);
    if (decision !== undefined) {
      for (const line of decisionLines(decision.decision, print.style)) print.line(line);
    }
    return EXIT.done;
  },
});

const stop = defineCommand({
  name: 'actions stop',
  summary: 'The kill switch: no new action, until `actions resume`.',
  detail: ['What stands goes on until it expires, unless --lift is given. It needs no server.'],
  positionals: NO_ARGS,
  options: {
    lift: { type: 'flag', description: 'Take back what stands as well.' },
    reason: { type: 'text', value: 'TEXT', description: 'Why. Required; it is recorded.' },
    ...STATE_OPTION,
  },
  examples: [['actions stop --reason "it throttles the wrong keys"', 'Now.']],
  run: async (context) => {
    const { options, print, io } = context;
    const { lift } = options;
    const reason = required(options.reason);
    // Not looked through for raw keys: nothing may come between a person and the kill switch.
    const status = await withClient(context, options.state, (client) =>
      client.response.stop({ stopped: true, lift, by: personOf(io), reason }),
    );
    print.object(status);
    for (const line of statusLines(status, print.style, print.tableColumns)) print.line(line);
    return EXIT.done;
  },
});

const resume = defineCommand({
  name: 'actions resume',
  summary: 'Ends what `actions stop` began. Only evidence newer than this is acted upon.',
  positionals: NO_ARGS,
  options: {
    reason: { type: 'text', value: 'TEXT', description: 'Why. Required; it is recorded.' },
    ...STATE_OPTION,
  },
  examples: [['actions resume --reason "policy mended"', 'As the policy says again.']],
  run: async (context) => {
    const { options, print, io } = context;
    const reason = required(options.reason);
    const status = await withClient(context, options.state, async (client) => {
      await refuseRawKeys(client, { reason });
      return client.response.stop({ stopped: false, lift: false, by: personOf(io), reason });
    });
    print.object(status);
    for (const line of statusLines(status, print.style, print.tableColumns)) print.line(line);
    return EXIT.done;
  },
});

const reconcile = defineCommand({
  name: 'actions reconcile',
  summary: 'Compares every gateway with what is to hold: orphans, drift, what is missing.',
  detail: ['Exit status 3 when something differs that was not mended.'],
  positionals: NO_ARGS,
  options: {
    fix: { type: 'flag', description: 'Remove orphans and write what is missing.' },
    ...STATE_OPTION,
  },
  examples: [
    ['actions reconcile', 'Look only.'],
    ['actions reconcile --fix', 'And mend it; what a person changed stays.'],
  ],
  run: async (context) => {
    const { options, print, io } = context;
    const found = await withClient(context, options.state, (client) =>
      client.response.reconcile({ fix: options.fix, by: personOf(io) }),
    );
    for (const one of found) {
      print.object(one);
      const mended = one.fixed ? 'mended' : 'left';
      print.line(
        `${one.kind} at ${forTerminal(one.gateway)}, ${mended}: ${forTerminal(one.detail)}`,
      );
    }
    if (found.length === 0) print.note('Every gateway is as it is to be.');
    return found.every(({ fixed }) => fixed) ? EXIT.done : EXIT.verdict;
  },
});

export function required(reason: string | undefined): string {
  if (reason !== undefined && reason.trim() !== '') return reason;
  throw new KeyhoundError('usage', 'say why: --reason TEXT', {
    hint: 'It is recorded with who and when, for whoever looks next.',
  });
}

export function unknown(what: string, list: string): KeyhoundError {
  return new KeyhoundError('usage', `no ${what} has this id`, {
    code: 'id-unknown',
    hint: `List them with \`keyhound ${list}\`.`,
  });
}

export const actionCommands: readonly Command[] = Object.freeze([
  actions,
  show,
  stop,
  resume,
  reconcile,
]);
