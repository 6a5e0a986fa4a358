import type { DamagedFile, Incident } from '../../app/contract.ts';
import { KeyhoundError } from '../../core/errors.ts';
import { atLeast, SEVERITIES } from '../../core/finding.ts';
import { defineCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { size } from '../print/numbers.ts';
import { createProgress, sizeAmount } from '../print/progress.ts';
import { createWorst } from '../print/report.ts';
import { replayAdvice, replaySummaryLines } from '../print/summary.ts';

const LIMIT = 20;
/** Files named in an error. */
const NAMED_MAX = 20;

export function readInPart(damaged: readonly DamagedFile[]): KeyhoundError {
  const named = damaged
    .slice(0, NAMED_MAX)
    .map(
      ({ message, textBytes }) => `${message}; the first ${size(textBytes)} of its text were read`,
    );
  const more = damaged.length - named.length;
  if (more > 0) named.push(`and ${more} more`);
  return new KeyhoundError('operating', named.join('\n'), {
    code: damaged[0]?.code ?? 'source-damaged',
    hint: 'Everything else was read to its end. Replay the repaired file again; with --state only its rest is read.',
  });
}

/** Who asks for a verdict must not take it for a good one. */
function nothingJudged(records: number): KeyhoundError {
  return new KeyhoundError('operating', `none of ${records} records could be judged`, {
    code: 'nothing-judged',
    hint: 'The line `not read` above says why: check --format and --key.',
  });
}

/** The sums alone would pass for those of the whole log. */
function stoppedWords(state: string | undefined): string {
  const next =
    state === undefined
      ? 'With --state it could go on later.'
      : 'The same command goes on from here.';
  return `Stopped before the end: the above is what was read until then. ${next}`;
}

export const replay = defineCommand({
  name: 'replay',
  summary:
    'Reads past logs through the same path as live ones, and tells which keys behaved unlike themselves.',
  detail: [
    'PATH: files, folders or globs, also .gz and .zst; - is stdin; none: the configured file sources.',
    'Several files are merged by time. Nothing is acted upon.',
  ],
  positionals: { usage: '[PATH…|-]', min: 0, max: 1_000_000 },
  options: {
    format: {
      type: 'text',
      value: 'NAME',
      description: 'Log format, e.g. kong, nginx, combined, cloudtrail, json, keyhound.',
      default: 'detected',
    },
    envelope: {
      type: 'text',
      value: 'NAME',
      description: 'What wraps each record: syslog, cri, docker, time, or field:PATH of JSON.',
      default: 'detected',
    },
    key: {
      type: 'text',
      value: 'SPEC',
      description:
        'Where the key is: header:, query:, field: or cookie:NAME, jwt:CLAIM, path:REGEX, bearer, basic, client_ip.',
      default: 'as the format says',
    },
    state: {
      type: 'text',
      value: 'DIR',
      description: 'Go on from the state there, and save it; `run` can start from it.',
    },
    'fail-on': {
      type: 'choice',
      choices: SEVERITIES.slice(1),
      description: 'Exit with 3 when an incident is at least this severe.',
    },
    limit: {
      type: 'number',
      value: 'N',
      min: 1,
      max: 10_000,
      description: 'Most incidents shown as text, the worst first.',
      default: `${LIMIT}`,
    },
  },
  examples: [
    ['replay access.log', 'Which keys stand out in this log?'],
    ['replay access.log --key client_ip', 'The same by client address, for a log without keys.'],
    ['replay /var/log/kong --format kong --state .keyhound', 'Learn from history, then `run`.'],
    ['replay - --json < access.log', 'Findings, incidents and a summary as JSON lines.'],
  ],
  run: async (context) => {
    const { options, print, io } = context;
    const failOn = options['fail-on'] as Incident['severity'] | undefined;
    const progress = createProgress(print, () => io.clock.now());
    const worst = createWorst();
    let failed = false;
    const replayed = context.assemblies.replay({
      paths: context.args,
      format: options.format,
      envelope: options.envelope,
      key: options.key,
      stateDir: options.state,
      config: await context.config(),
      signal: io.signal,
      onFinding: (finding) => {
        print.object(finding);
        worst.finding(finding);
      },
      onIncident: (incident) => {
        print.object(incident);
        worst.incident(incident);
        const isHeard = incident.silencedBy === undefined;
        if (failOn !== undefined && isHeard && atLeast(incident.severity, failOn)) failed = true;
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
    // Also when it failed half-way: what was found until then is worth no less.
    const summary = await replayed.finally(() => {
      progress.end();
      worst.print(print, options.limit ?? LIMIT);
    });
    print.object(summary);
    for (const line of replaySummaryLines(summary, print.style, print.tableColumns))
      print.line(line);
    const advice = io.signal.aborted
      ? stoppedWords(options.state)
      : replayAdvice(summary, options.key);
    // Who went away (`| head`) has what was wanted.
    if (advice !== undefined && io.signal.reason !== 'EPIPE') print.note(advice);
    // Last, so that what was found in the rest stands there too.
    if (summary.damaged !== undefined) throw readInPart(summary.damaged);
    if (failOn !== undefined && summary.records > 0 && summary.events === 0) {
      throw nothingJudged(summary.records);
    }
    return failed ? EXIT.verdict : EXIT.done;
  },
});
