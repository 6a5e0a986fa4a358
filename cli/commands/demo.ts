import { defineCommand, NO_ARGS } from '../command.ts';
import { EXIT } from '../exit.ts';
import { createDemoScreen } from '../print/demo-screen.ts';
import { demoSummaryLines } from '../print/summary.ts';

/** Long enough to read what it would have done. */
const AUTOMATIC_AFTER_MS = 25_000;

export const demo = defineCommand({
  name: 'demo',
  summary:
    'The whole product on a made gateway: four weeks of history, then live traffic and attacks.',
  detail: ['Needs nothing, changes nothing. Ctrl-C ends it.'],
  positionals: NO_ARGS,
  options: {
    for: { type: 'duration', description: 'End by itself after this long.' },
    automatic: {
      type: 'flag',
      description: `Act at the made gateway, after ${AUTOMATIC_AFTER_MS / 1000} s of only observing.`,
    },
    seed: {
      type: 'number',
      value: 'N',
      min: 0,
      max: 4_294_967_295,
      description: 'Another seed, other keys and attacks; the same seed, the same.',
    },
    keys: { type: 'number', value: 'N', min: 10, max: 10_000, description: 'Keys of the gateway.' },
    days: { type: 'number', value: 'N', min: 7, max: 90, description: 'Days of history.' },
    state: {
      type: 'text',
      value: 'DIR',
      description: 'Keep the state there.',
      default: 'a temporary folder, removed at the end',
    },
  },
  examples: [
    ['demo', 'Watch until Ctrl-C.'],
    ['demo --automatic', 'Watch it contain what it finds.'],
    ['demo --for 90s --json', 'Incidents of one and a half minutes as JSON lines.'],
  ],
  run: async ({ options, print, io, assemblies }) => {
    const ending = options.for === undefined ? undefined : AbortSignal.timeout(options.for);
    const screen = createDemoScreen(print, () => io.clock.now(), options.automatic);
    const summary = await assemblies.demo({
      signal: ending === undefined ? io.signal : AbortSignal.any([io.signal, ending]),
      seed: options.seed,
      keys: options.keys,
      days: options.days,
      stateDir: options.state,
      onPhase: (phase) => screen.phase(phase),
      onFinding: (finding) => {
        print.object(finding);
        screen.finding(finding);
      },
      onIncident: (incident) => {
        print.object(incident);
        screen.incident(incident);
      },
      ...(options.automatic ? { automaticAfterMs: AUTOMATIC_AFTER_MS } : {}),
      onDecision: (decision) => {
        print.object(decision);
        screen.decision(decision);
      },
      onAction: (action) => {
        print.object(action);
        screen.action(action);
      },
      onAutomatic: () => screen.automatic(),
      onTick: (tick) => screen.tick(tick),
      onNote: (text) => print.note(text),
    });
    screen.end();
    print.object(summary);
    for (const line of demoSummaryLines(summary, print.style, print.columns)) print.line(line);
    return EXIT.done;
  },
});
