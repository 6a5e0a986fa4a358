import type { BacktestDecision } from '../../app/contract.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { defineCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { backtestLines, backtestReport } from '../print/backtest.ts';
import { createProgress, sizeAmount } from '../print/progress.ts';
import { readInPart } from './replay.ts';

const LIMIT = 20;
function missingPolicy(): KeyhoundError {
  return new KeyhoundError('usage', 'say which policy to try: --policy FILE', {
    hint: 'It is the file of `policy:` in the configuration; docs/policy.md explains it.',
  });
}

/** Kept for the report; what comes after is counted. */
const KEPT_MAX = 10_000;

export const backtest = defineCommand({
  name: 'backtest',
  summary:
    'What a policy would have done on past logs: which keys, when, which rung, what it refuses.',
  detail: [
    'PATH: as of `replay`. The same detection, policy and brakes as live, in event time, behind a made gateway;',
    'what would have been refused is refused for what detection learns. Nothing is acted upon.',
    'Exits with 3 when labels are given and a key was acted upon that was not under attack.',
  ],
  positionals: { usage: '[PATH…|-]', min: 0, max: 1_000_000 },
  options: {
    policy: { type: 'text', value: 'FILE', description: 'The policy to try. Required.' },
    format: {
      type: 'text',
      value: 'NAME',
      description: 'Log format, e.g. kong, nginx, combined, cloudtrail, json, keyhound.',
      default: 'detected',
    },
    envelope: {
      type: 'text',
      value: 'NAME',
      description: 'What wraps each record, as of `replay`.',
      default: 'detected',
    },
    key: {
      type: 'text',
      value: 'SPEC',
      description: 'Where the key is, as of `replay`.',
      default: 'as the format says',
    },
    labels: {
      type: 'text',
      value: 'FILE',
      description: 'Who was attacked when, as `npm run traffic -- --labels FILE` writes it.',
    },
    limit: {
      type: 'number',
      value: 'N',
      min: 1,
      max: KEPT_MAX,
      description: 'Most decisions shown as text, those that refuse most first.',
      default: `${LIMIT}`,
    },
  },
  examples: [
    ['backtest access.log --policy policy.yaml', 'What would it have done?'],
    ['backtest /var/log/kong --policy try.yaml --json', 'Each decision with its evidence.'],
    [
      'backtest kong.ndjson --policy p.yaml --labels labels.ndjson',
      'And how much of it was wrong?',
    ],
  ],
  run: async (context) => {
    const { options, print, io } = context;
    const { policy } = options;
    if (policy === undefined) throw missingPolicy();
    const progress = createProgress(print, () => io.clock.now());
    const kept: BacktestDecision[] = [];
    const tested = context.assemblies.backtest({
      paths: context.args,
      format: options.format,
      envelope: options.envelope,
      key: options.key,
      policy,
      labels: options.labels,
      config: await context.config(),
      signal: io.signal,
      onDecision: (decision) => {
        print.object(decision);
        if (kept.length < KEPT_MAX) kept.push(decision);
      },
      onProgress: ({ bytesDone, bytesTotal, eventsPerSecond, atMs }) =>
        progress.show({
          share: bytesTotal === undefined || bytesTotal === 0 ? undefined : bytesDone / bytesTotal,
          amount: sizeAmount(bytesDone, bytesTotal),
          eventsPerSecond,
          atMs,
        }),
      onNote: (text) => print.note(text),
    });
    const { damaged, ...line } = await tested.finally(() => progress.end());
    print.object(line);
    for (const text of backtestReport(kept, options.limit ?? LIMIT, print)) print.line(text);
    for (const text of backtestLines(line, print.style)) print.line(text);
    if (damaged !== undefined) throw readInPart(damaged);
    return (line.wrongActions ?? 0) > 0 ? EXIT.verdict : EXIT.done;
  },
});
