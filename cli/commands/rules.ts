/** `silence` and `allow`, each with `add`, `list` and `remove`. */
import { userInfo } from 'node:os';
import type { RuleKind } from '../../app/contract.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { type Command, defineCommand, NO_ARGS } from '../command.ts';
import { EXIT } from '../exit.ts';
import type { Io } from '../io.ts';
import { ruleLines, ruleTable } from '../print/rule.ts';
import { readReference, STATE_OPTION, subjectOf, withClient } from './client.ts';
import { refuseRawKeys } from './kept-text.ts';

const DAY_MS = 86_400_000;

/** What differs between the two, in words. */
const WORDS = {
  silence: {
    add: 'Silences a key, consumer, detector or place: found and kept, but no alert.',
    list: 'Lists the silences that hold now.',
    remove: 'Ends a silence; what still goes on is an alert then.',
    added: 'Silenced',
    removed: 'No longer silenced',
    none: 'Nothing is silenced.',
    defaultFor: '1d',
  },
  allow: {
    add: 'Allows a key, consumer, detector or place: what it covers is never found.',
    list: 'Lists the allowlist.',
    remove: 'Takes an entry off the allowlist.',
    added: 'Allowed',
    removed: 'No longer allowed',
    none: 'The allowlist is empty.',
    defaultFor: 'until it is removed',
  },
} as const;

/** Who says so: recorded, not checked. */
export function personOf({ env }: Io): string {
  return env['SUDO_USER'] || env['USER'] || env['LOGNAME'] || loginName();
}

function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    // The system has no name for this user, as in many containers.
    return 'unknown';
  }
}

const ID = { usage: 'ID', min: 1, max: 1 } as const;
const REASON = {
  type: 'text',
  value: 'TEXT',
  description: 'Why. Required; it is recorded.',
} as const;

function addCommand(kind: RuleKind): Command {
  return defineCommand({
    name: `${kind} add`,
    summary: WORDS[kind].add,
    detail: ['It covers what meets all that is given. The baselines learn as ever.'],
    positionals: NO_ARGS,
    options: {
      subject: {
        type: 'text',
        value: 'KEY',
        description:
          'A key, by id or label (- reads a raw key from stdin), or another subject by id.',
      },
      label: { type: 'text', value: 'LABEL', description: 'All keys with this label.' },
      consumer: { type: 'text', value: 'NAME', description: 'All keys of a consumer.' },
      detector: { type: 'text', value: 'NAME', description: 'Findings of one detector.' },
      place: {
        type: 'text',
        value: 'PLACE',
        description: 'Requests from a country (DE) or a network (198.51.100.0/24).',
      },
      for: { type: 'duration', description: 'How long.', default: WORDS[kind].defaultFor },
      reason: REASON,
      ...STATE_OPTION,
    },
    examples: [
      [`${kind} add --subject billing-export --reason "load test" --for 2h`, 'One key.'],
      [`${kind} add --detector new-place --place DE --reason "new office"`, 'One detector there.'],
    ],
    run: async (context) => {
      const { options, print, io } = context;
      const { subject, label, consumer, detector, place, for: forMs } = options;
      const reason = required(options.reason);
      const named = subject === undefined ? undefined : await readReference(subject, io);
      const duration = forMs ?? (kind === 'silence' ? DAY_MS : undefined);
      const rule = await withClient(context, options.state, async (client) => {
        await refuseRawKeys(client, { label, consumer, reason });
        return client.addRule({
          kind,
          ...(named === undefined ? {} : { subject: await subjectOf(named, client, print) }),
          ...(label === undefined ? {} : { label }),
          ...(consumer === undefined ? {} : { consumer }),
          ...(detector === undefined ? {} : { detector }),
          ...(place === undefined ? {} : { place }),
          ...(duration === undefined ? {} : { forMs: duration }),
          by: personOf(io),
          reason,
        });
      });
      print.object(rule);
      for (const line of ruleLines(WORDS[kind].added, rule, print.style)) print.line(line);
      return EXIT.done;
    },
  });
}

function listCommand(kind: RuleKind): Command {
  return defineCommand({
    name: `${kind} list`,
    summary: WORDS[kind].list,
    positionals: NO_ARGS,
    options: { ...STATE_OPTION },
    examples: [[`${kind} list`, 'What, until when, by whom and why.']],
    run: async (context) => {
      const { print } = context;
      const rules = await withClient(context, context.options.state, (client) =>
        client.rules(kind),
      );
      for (const rule of rules) print.object(rule);
      if (rules.length === 0) print.note(WORDS[kind].none);
      else for (const line of ruleTable(rules, print.tableColumns, print.style)) print.line(line);
      return EXIT.done;
    },
  });
}

function removeCommand(kind: RuleKind): Command {
  return defineCommand({
    name: `${kind} remove`,
    summary: WORDS[kind].remove,
    positionals: ID,
    options: { reason: REASON, ...STATE_OPTION },
    examples: [
      [`${kind} remove ID --reason "the test is over"`, `ID as \`${kind} list\` shows it.`],
    ],
    run: async (context) => {
      const { print, io, options, args } = context;
      const reason = required(options.reason);
      const rule = await withClient(context, options.state, async (client) => {
        await refuseRawKeys(client, { reason });
        return client.removeRule({ kind, id: args[0]!, by: personOf(io), reason });
      });
      if (rule === undefined) throw unknownRule(kind);
      print.object(rule);
      for (const line of ruleLines(WORDS[kind].removed, rule, print.style)) print.line(line);
      return EXIT.done;
    },
  });
}

function required(reason: string | undefined): string {
  if (reason !== undefined) return reason;
  throw new KeyhoundError('usage', 'say why: --reason TEXT', {
    hint: 'It is recorded with who and when, for whoever looks next.',
  });
}

function unknownRule(kind: RuleKind): KeyhoundError {
  return new KeyhoundError('usage', `no ${kind === 'silence' ? 'silence' : 'entry'} has this id`, {
    code: 'rule-unknown',
    hint: `List them with \`keyhound ${kind} list\`.`,
  });
}

export const ruleCommands: readonly Command[] = Object.freeze(
  (['silence', 'allow'] as const).flatMap((kind) => [
    addCommand(kind),
    listCommand(kind),
    removeCommand(kind),
  ]),
);
