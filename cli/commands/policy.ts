/** `policy check` and `policy diff`. */
import type { Check, ConfigFault } from '../../app/contract.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { forTerminal } from '../../core/escape.ts';
import { type Command, defineCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { checkLines } from '../print/check.ts';

const check = defineCommand({
  name: 'policy check',
  summary: 'Checks a policy file and tells all its faults at once.',
  positionals: { usage: '[FILE]', min: 0, max: 1 },
  options: {},
  examples: [
    ['policy check policy.yaml', 'Before it is put in place.'],
    ['policy check', 'The one that the configuration names.'],
  ],
  run: async (context) => {
    const { print } = context;
    const { readPolicyText, textOf } = await import('../../app/response/policy-file.ts');
    const file = await fileOf(context);
    const { policy, faults } = readPolicyText(textOf(file));
    const checks: Check[] =
      policy === undefined
        ? faults.map(checkOf)
        : [{ type: 'check', name: 'policy', ok: true, detail: `${file}: ${policy.version}` }];
    for (const one of checks) {
      print.object(one);
      for (const line of checkLines(one, print.style, print.tableColumns)) print.line(line);
    }
    return policy === undefined ? EXIT.usage : EXIT.done;
  },
});

const diff = defineCommand({
  name: 'policy diff',
  summary: 'Says what a policy file would change of the policy that is configured.',
  positionals: { usage: 'FILE', min: 1, max: 1 },
  options: {},
  examples: [['policy diff new-policy.yaml', 'In sentences.']],
  run: async (context) => {
    const { print } = context;
    const { diffPolicies, policySource, readPolicyFile } = await import(
      '../../app/response/policy-file.ts'
    );
    const { config, folder } = await context.config();
    const before = policySource(config.policy, folder).read();
    const after = readPolicyFile(context.args[0]!);
    const lines = diffPolicies(before, after);
    for (const text of lines) {
      print.object({ type: 'change', text });
      print.line(forTerminal(text));
    }
    if (lines.length === 0) print.note('It would change nothing.');
    return EXIT.done;
  },
});

async function fileOf(context: {
  readonly args: readonly string[];
  config(): Promise<{ readonly config: { readonly policy?: string | undefined }; folder: string }>;
}): Promise<string> {
  const [given] = context.args;
  if (given !== undefined) return given;
  const { policySource } = await import('../../app/response/policy-file.ts');
  const { config, folder } = await context.config();
  const { file } = policySource(config.policy, folder);
  if (file !== undefined) return file;
  throw new KeyhoundError('usage', 'the configuration names no policy', {
    code: 'policy-missing',
    hint: 'Name a file: keyhound policy check policy.yaml. Without one nothing is acted upon.',
  });
}

function checkOf({ path, line, message, hint }: ConfigFault): Check {
  return {
    type: 'check',
    name: path === '' ? 'policy' : path,
    ok: false,
    detail: line === undefined ? message : `line ${line}: ${message}`,
    ...(hint === undefined ? {} : { hint }),
  };
}

export const policyCommands: readonly Command[] = Object.freeze([check, diff]);
