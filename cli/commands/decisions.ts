/** `decisions`, its `show`, and `approve` and `deny` of one that waits for a person. */
import { DECISION_STATES } from '../../core/decision.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { type Command, defineCommand, NO_ARGS } from '../command.ts';
import { EXIT } from '../exit.ts';
import { actionLines, decisionLines, decisionTable } from '../print/response.ts';
import { unknown } from './actions.ts';
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

const ID = { usage: 'ID', min: 1, max: 1 } as const;

const decisions = defineCommand({
  name: 'decisions',
  summary: 'Lists what the policy or people decided, also what a brake holds, the newest first.',
  positionals: NO_ARGS,
  options: {
    ...LIST_OPTIONS,
    since: { type: 'instant', description: 'Only decisions changed since then.' },
    status: { type: 'choice', choices: DECISION_STATES, description: 'Only in this state.' },
    ...STATE_OPTION,
  },
  examples: [
    ['decisions --status waiting', 'What waits for a person.'],
    ['decisions --status held', 'What a brake holds, and which.'],
  ],
  run: async (context) => {
    const { options, print } = context;
    const limit = options.limit ?? LIMIT_DEFAULT;
    const found = await withClient(context, options.state, async (client) =>
      client.response.decisions({
        limit: oneMore(limit),
        ...(options.since === undefined ? {} : { sinceAt: options.since }),
        ...(options.status === undefined ? {} : { state: options.status }),
        ...(await listedSubject(options.subject, client, context)),
      }),
    );
    printList(print, found, limit, { none: 'No decisions.', table: decisionTable });
    return EXIT.done;
  },
});

const show = defineCommand({
  name: 'decisions show',
  summary: 'Shows one decision with what it rests on, what holds it, and its actions.',
  positionals: ID,
  options: STATE_OPTION,
  examples: [['decisions show dec_…', 'ID as `keyhound decisions` shows it.']],
  run: async (context) => {
    const { print } = context;
    const detail = await withClient(context, context.options.state, (client) =>
      client.response.decision(context.args[0]!),
    );
    if (detail === undefined) throw unknown('decision', 'decisions');
    print.object(detail.decision);
    for (const action of detail.actions) print.object(action);
    for (const line of decisionLines(detail.decision, print.style)) print.line(line);
    for (const action of detail.actions) {
      for (const line of actionLines(action, print.style)) print.line(line);
    }
    return EXIT.done;
  },
});

function approval(verdict: 'approve' | 'deny'): Command {
  return defineCommand({
    name: verdict,
    summary:
      verdict === 'approve'
        ? 'Lets a decision that waits for a person go ahead.'
        : 'Refuses a decision that waits for a person.',
    detail: [
      'Who you are is told by your personal token in $KEYHOUND_TOKEN (`people` of the configuration). Who asked',
      'for it cannot approve it; a protected key needs two people.',
    ],
    positionals: ID,
    options: {
      reason: { type: 'text', value: 'TEXT', description: 'Why; it is recorded.' },
      ...STATE_OPTION,
    },
    examples: [[`${verdict} dec_…`, 'ID as `keyhound decisions --status waiting` shows it.']],
    run: async (context) => {
      const { options, print, io } = context;
      const token = io.env['KEYHOUND_TOKEN'] ?? '';
      if (token === '') throw noToken();
      const { reason = '' } = options;
      const detail = await withClient(context, options.state, async (client) => {
        await refuseRawKeys(client, { reason });
        return client.response.approve(context.args[0]!, { verdict, token, reason });
      });
      if (detail === undefined) throw unknown('decision', 'decisions');
      print.object(detail.decision);
      for (const line of decisionLines(detail.decision, print.style)) print.line(line);
      return detail.decision.state === 'waiting' ? EXIT.waiting : EXIT.done;
    },
  });
}

function noToken(): KeyhoundError {
  return new KeyhoundError('usage', 'say who you are: set KEYHOUND_TOKEN to your personal token', {
    code: 'person-unknown',
    hint: 'It is the token beside your name under `people` in the configuration.',
  });
}

export const decisionCommands: readonly Command[] = Object.freeze([
  decisions,
  show,
  approval('approve'),
  approval('deny'),
]);
