import { ROLES } from '../../app/contract.ts';
import { defineCommand, NO_ARGS } from '../command.ts';
import { EXIT } from '../exit.ts';
import { createLive } from '../print/live.ts';

export const run = defineCommand({
  name: 'run',
  summary:
    'Runs the service: reads the sources, learns, and tells incidents as they open and close.',
  detail: [
    'Without a configuration: HTTP intake and console on loopback, nothing acted upon.',
    'SIGTERM or Ctrl-C end it with the state saved.',
  ],
  positionals: NO_ARGS,
  options: {
    role: { type: 'choices', choices: ROLES, description: 'Only these roles.', default: 'all' },
  },
  examples: [
    ['run', 'With ./keyhound.yaml, or defaults.'],
    ['run --config /etc/keyhound/keyhound.yaml --json', 'Incidents as JSON lines on stdout.'],
  ],
  run: async (context) => {
    const { createLogger } = await import('../../app/log.ts');
    const { print, io } = context;
    const config = await context.config();
    const live = createLive(print);
    const logger = await createLogger({ level: config.config.log.level, pretty: io.stderr.isTTY });
    await context.assemblies.run({
      config,
      signal: io.signal,
      roles: context.options.role,
      logger,
      onReady: ({ acts = 'Nothing is acted upon.', ...info }) => {
        // What is not read by a person is JSON to the last line, for journald and log shippers.
        if (!io.stderr.isTTY) {
          const { notes, ...facts } = info;
          for (const note of notes) logger.warn({}, note);
          logger.info(facts, `Ready. ${acts}`);
          return;
        }
        for (const [name, url] of Object.entries(info.listeners)) print.note(`${name}: ${url}`);
        for (const note of info.notes) print.note(note);
        const sources = info.sources.join(', ');
        print.note(`Ready. Sources: ${sources}. State: ${info.stateDir}. ${acts}`);
      },
      onIncident: (incident) => {
        print.object(incident);
        live.incident(incident);
      },
    });
    return EXIT.done;
  },
});
