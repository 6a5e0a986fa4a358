/** What may not be written, and what is written in its place. */
import type { SourceFile } from './files.ts';
import { mask } from './mask.ts';

interface Ban {
  readonly name: string;
  readonly pattern: RegExp;
  readonly instead: string;
  /** Paths that may, as prefixes. */
  readonly except: readonly string[];
  /** Look at comments and strings too. */
  readonly everywhere?: boolean;
}

const WORKING = ['cli/', 'bench/', 'traffic/', 'deploy/', 'test/'];

export const BANS: readonly Ban[] = [
  {
    name: 'wall clock',
    pattern: /\bDate\.now\b|\bnew Date\(\s*\)/,
    instead: 'an injected Clock of core/clock.ts',
    except: ['core/clock.ts', ...WORKING],
  },
  {
    name: 'unseeded randomness',
    pattern: /\bMath\.random\b/,
    instead: 'a seeded generator, or node:crypto where a secret is made',
    except: [],
  },
  {
    name: 'console output',
    pattern: /\bconsole\.\w+/,
    instead: 'the Logger that was passed in, or a printer of cli/print/',
    except: WORKING,
  },
  {
    name: 'enum',
    pattern: /^\s*(?:export )?(?:declare )?(?:const )?enum \w/m,
    instead: 'a frozen object `as const` (types are stripped, nothing is compiled)',
    except: [],
  },
  {
    name: 'namespace',
    pattern: /^\s*(?:export )?(?:declare )?(?:namespace|module) [\w.]+ \{/m,
    instead: 'a module',
    except: [],
  },
  {
    name: 'default export',
    pattern: /\bexport default\b/,
    instead: 'a named export',
    // The test runner takes a reporter from its default export only.
    except: ['test/reporter.ts'],
  },
  {
    name: 'process.exit',
    pattern: /\bprocess\.exit\(/,
    instead: 'process.exitCode, or an error that cli/ turns into a status',
    except: ['cli/', 'traffic/main.ts', 'test/', 'bench/'],
  },
  {
    name: 'unfinished work',
    pattern: new RegExp(
      `\\b(?:${['TO', 'DO|FIX', 'ME|XX', 'X'].join('')})\\b|not impl${'emented'}`,
    ),
    instead: 'the work itself, or an entry in the tracker',
    except: [],
    everywhere: true,
  },
  {
    // Promise 8, observe first: only the response calls others, behind policy and brakes; all else calls nobody but
    // its own instance.
    name: 'outbound call',
    pattern:
      /\bfetch\(|\bimport \{[^}]*\b(?:request|createConnection|createSocket|Socket|spawn|execFile|exec)\b/,
    instead:
      'nothing: what acts at a gateway or alerts belongs to responders/, behind policy and brakes',
    // UDP has one call for both ends: syslog only listens.
    except: [
      'app/api-request.ts',
      'app/secrets/',
      'ingest/sources/syslog.ts',
      'responders/',
      'deploy/',
      'test/',
      'bench/',
    ],
  },
  {
    name: 'path of one machine',
    pattern: new RegExp(`/${'work'}/(?:main|shared)|/${'home'}/\\w+/`),
    instead: 'a path made from import.meta.url, os.tmpdir() or the configuration',
    except: [],
    everywhere: true,
  },
];

export function bannedFaults(file: SourceFile): string[] {
  const { bare } = mask(file.text);
  return BANS.flatMap((ban) => {
    if (ban.except.some((prefix) => file.path.startsWith(prefix))) return [];
    const text = ban.everywhere === true ? file.text : bare;
    const at = text.search(ban.pattern);
    if (at < 0) return [];
    const line = text.slice(0, at).split('\n').length;
    return [`${file.path}:${line}: ${ban.name}; write ${ban.instead}`];
  });
}
