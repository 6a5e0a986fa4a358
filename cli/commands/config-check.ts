import type { Check, ConfigFault } from '../../app/contract.ts';
import { defineCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { checkLines } from '../print/check.ts';

export const configCheck = defineCommand({
  name: 'config check',
  summary: 'Checks a configuration and tells all its faults at once.',
  positionals: { usage: '[FILE]', min: 0, max: 1 },
  options: {},
  examples: [
    ['config check', 'Check the configuration that would be used.'],
    ['config check staging.yaml --json', 'Check a file; one line of JSON for each fault.'],
  ],
  run: async ({ args, io, print, configFile }) => {
    const { readConfig, secretsOf } = await import('../../app/config.ts');
    const { checkFiles } = await import('../../app/config/files.ts');
    const request = { file: args[0] ?? configFile, env: io.env, cwd: io.cwd };
    const secrets = await secretsOf(request, io.signal);
    const reading = readConfig({ ...request, secrets, checkMore: checkFiles });
    const checks: Check[] =
      reading.loaded === undefined
        ? reading.faults.map((fault) => checkOf(fault))
        : [{ type: 'check', name: 'config', ok: true, detail: describe(reading.path) }];
    for (const check of checks) {
      print.object(check);
      for (const line of checkLines(check, print.style, print.tableColumns)) print.line(line);
    }
    return reading.loaded === undefined ? EXIT.usage : EXIT.done;
  },
});

function checkOf(fault: ConfigFault): Check {
  const { hint } = fault;
  return {
    type: 'check',
    name: fault.path === '' ? 'config' : fault.path,
    ok: false,
    detail: fault.line === undefined ? fault.message : `line ${fault.line}: ${fault.message}`,
    ...(hint === undefined ? {} : { hint }),
  };
}

function describe(path: string | undefined): string {
  return path === undefined ? 'no configuration file: defaults' : `${path} has no faults`;
}
