/** Rules of a configuration that concern more than one value. Each answers all faults it sees. */
import { resolve } from 'node:path';
import ipaddr from 'ipaddr.js';
import type { Config, SourceConfig } from '../../core/config.ts';
import { KeyhoundError } from '../../core/errors.ts';
import type { FormatOptions } from '../../core/format.ts';
import { parseKeySpec } from '../../core/key-spec.ts';
import { suggest } from '../../core/suggest.ts';
import { scopeFaults } from '../../enrich/scopes.ts';
import { isTimeZone } from '../../enrich/zones.ts';
import { isLoopback } from './addresses.ts';
import { checkAlerts } from './alert-rules.ts';
import type { PathPart, RuleFault } from './document.ts';
import { checkGateways } from './gateway-rules.ts';
import { checkKafkaSources } from './kafka-rules.ts';
import { checkSyslog, checkSyslogAddresses } from './syslog-rules.ts';

export interface FormatTraits {
  readonly id: string;
  /** Source setting without which the format cannot read. */
  readonly needs?: 'logFormat' | 'fields';
  /** Throws a KeyhoundError when the options make no sense. */
  createDecoder?(options: FormatOptions): unknown;
}

/** A source that has faults of its own is undefined, so that the others keep their index. */
type Sources = readonly (SourceConfig | undefined)[];
export type RuledConfig = Omit<Config, 'sources'> & { readonly sources: Sources };

export function checkRules(config: RuledConfig, formats: readonly FormatTraits[]): RuleFault[] {
  return [
    ...config.sources.flatMap((source, i) =>
      source === undefined ? [] : checkSource(source, i, formats),
    ),
    ...checkDistinct(config.sources),
    ...checkKafkaSources(config),
    ...checkListeners(config),
    ...checkOpenIntake(config),
    ...checkSyslogAddresses(config.sources, config.listen),
    ...checkProxies(config.trustedProxies),
    ...checkKeys(config.keys),
    ...checkConsumers(config.consumers),
    ...checkAlerts(config),
    ...checkGateways(config.gateways),
  ];
}

function checkSource(
  source: SourceConfig,
  index: number,
  formats: readonly FormatTraits[],
): RuleFault[] {
  const at = (name: string): PathPart[] => ['sources', index, name];
  const faults: RuleFault[] = [];
  const format = formats.find((known) => known.id === source.format);
  if (format === undefined) faults.push({ path: at('format'), ...unknownFormat(source, formats) });
  else if (format.needs !== undefined && source[format.needs] === undefined) {
    faults.push({
      path: at('format'),
      message: `format ${format.id} needs ${format.needs}`,
      hint: `Add ${format.needs}: to this source.`,
    });
  }
  if (source.kind === 'file' && source.path === undefined) {
    faults.push({ path: at('kind'), message: 'a file source needs path', hint: 'Add path: FILE.' });
  }
  faults.push(...checkForeign(source, at), ...checkSyslog(source, at));
  if (source.kind === 'http' && source.trust === 'act' && source.token === undefined) {
    faults.push({
      path: at('trust'),
      message: 'trust act needs a token: anybody could write evidence',
      hint: 'Add token:, or set trust: observe.',
    });
  }
  const spec = keySpecFault(source.key);
  if (spec !== undefined) faults.push({ path: at('key'), ...spec });
  if (format !== undefined && faults.length === 0) faults.push(...checkOptions(source, format, at));
  return faults;
}

/** What only the format can judge: a log_format that it cannot read, a field or a place of the key that it lacks. */
function checkOptions(
  { logFormat, fields, keyNames, timeZone, key }: SourceConfig,
  format: FormatTraits,
  at: (name: string) => PathPart[],
): RuleFault[] {
  try {
    const spec = key === undefined ? undefined : parseKeySpec(key);
    format.createDecoder?.({ logFormat, fields, keyNames, timeZone, key: spec });
    return [];
  } catch (error) {
    if (!(error instanceof KeyhoundError)) throw error;
    const { message, hint } = error;
    const [, name = 'key', said = message] =
      /^(logFormat|fields|--key)[^:]*: (.*)$/.exec(message) ?? [];
    const path = at(name === '--key' ? 'key' : name);
    return [{ path, message: said, ...(hint === undefined ? {} : { hint }) }];
  }
}

/** Formats that a mapping of fields means something to. */
const WITH_FIELDS: readonly string[] = ['json', 'tyk'];

/** Settings of another kind of source: silently ignored they would mislead. */
function checkForeign(source: SourceConfig, at: (name: string) => PathPart[]): RuleFault[] {
  const faults: RuleFault[] = [];
  if (source.kind !== 'file' && source.path !== undefined) {
    faults.push({ path: at('path'), message: `path is for kind file, not ${source.kind}` });
  }
  if (source.kind !== 'http' && source.token !== undefined) {
    faults.push({ path: at('token'), message: `token is for kind http, not ${source.kind}` });
  }
  if (source.logFormat !== undefined && source.format !== 'nginx') {
    faults.push({ path: at('logFormat'), message: 'logFormat is for format nginx' });
  }
  if (source.timeZone !== undefined && source.format !== 'haproxy') {
    faults.push({ path: at('timeZone'), message: 'timeZone is for format haproxy' });
  } else if (source.timeZone !== undefined && !isTimeZone(source.timeZone)) {
    const message = 'must be an IANA zone, e.g. Europe/Berlin';
    faults.push({ path: at('timeZone'), message });
  }
  if (source.fields !== undefined && !WITH_FIELDS.includes(source.format)) {
    faults.push({ path: at('fields'), message: `fields is for format ${WITH_FIELDS.join(', ')}` });
  }
  return faults;
}

function unknownFormat(
  source: SourceConfig,
  formats: readonly FormatTraits[],
): { message: string; hint: string } {
  const ids = formats.map((format) => format.id);
  const nearest = suggest(source.format, ids);
  return {
    message: 'unknown format',
    hint: nearest === undefined ? `One of ${ids.join(', ')}.` : `Did you mean ${nearest}?`,
  };
}

function keySpecFault(key: string | undefined): { message: string; hint: string } | undefined {
  if (key === undefined) return undefined;
  try {
    parseKeySpec(key);
    return undefined;
  } catch (error) {
    const hint = error instanceof KeyhoundError ? error.hint : undefined;
    return { message: 'says no place of a key', hint: hint ?? 'See `keyhound replay --help`.' };
  }
}

/** A file is one stream: read by two sources, the one that comes second would take its records for repeats. */
function checkPaths(source: SourceConfig, i: number, paths: Map<string, number>): RuleFault[] {
  if (source.kind !== 'file' || source.path === undefined) return [];
  const own = typeof source.path === 'string' ? [source.path] : source.path;
  return [...new Set(own.map((path) => resolve(path)))].flatMap((path): RuleFault[] => {
    const other = paths.get(path);
    if (other === undefined) paths.set(path, i);
    if (other === undefined) return [];
    return [
      {
        path: ['sources', i, 'path'],
        message: `sources[${other}] reads the same path`,
        hint: 'A file belongs to one source.',
      },
    ];
  });
}

function checkDistinct(sources: Sources): RuleFault[] {
  const faults: RuleFault[] = [];
  const names = new Map<string, number>();
  const tokens = new Map<string, number>();
  const paths = new Map<string, number>();
  let stdin: number | undefined;
  sources.forEach((source, i) => {
    if (source === undefined) return;
    const twin = names.get(source.name);
    if (twin === undefined) names.set(source.name, i);
    else
      faults.push({ path: ['sources', i, 'name'], message: `sources[${twin}] has this name too` });
    if (source.kind === 'stdin') {
      if (stdin === undefined) stdin = i;
      else faults.push({ path: ['sources', i, 'kind'], message: 'there is only one stdin' });
    }
    faults.push(...checkPaths(source, i, paths));
    if (source.kind !== 'http') return;
    // The token says which source a push belongs to; within a format it must be unique.
    const sender = `${source.format} ${source.token ?? ''}`;
    const other = tokens.get(sender);
    if (other === undefined) tokens.set(sender, i);
    else {
      faults.push({
        path: ['sources', i, source.token === undefined ? 'kind' : 'token'],
        message: `cannot be told from sources[${other}]: same format and token`,
        hint: 'Give each http source a token of its own.',
      });
    }
  });
  return faults;
}

const PORT_MAX = 65_535;

function checkListeners(config: RuledConfig): RuleFault[] {
  const faults: RuleFault[] = [];
  const taken = new Map<string, string>();
  for (const [name, address] of Object.entries(config.listen)) {
    const port = Number(address.slice(address.lastIndexOf(':') + 1));
    const path = ['listen', name];
    if (port > PORT_MAX) faults.push({ path, message: 'port must be at most 65,535' });
    const other = taken.get(address);
    if (port !== 0 && other !== undefined) {
      faults.push({ path, message: `same address as listen.${other}` });
    }
    taken.set(address, name);
  }
  return faults;
}

/** An intake that others can reach must know who writes: forged records are evidence too. */
function checkOpenIntake(config: RuledConfig): RuleFault[] {
  if (isLoopback(config.listen.intake)) return [];
  return config.sources.flatMap((source, i) =>
    source?.kind === 'http' && source.token === undefined
      ? [
          {
            path: ['sources', i, 'kind'],
            message: 'an http source needs a token when listen.intake is not loopback',
            hint: 'Add token: ${env:NAME}, or listen on 127.0.0.1.',
          },
        ]
      : [],
  );
}

function checkProxies(proxies: readonly string[]): RuleFault[] {
  return proxies.flatMap((proxy, i) =>
    ipaddr.isValid(proxy) || ipaddr.isValidCIDR(proxy)
      ? []
      : [
          {
            path: ['trustedProxies', i],
            message: 'must be an address or a network, e.g. 10.0.0.0/8',
          },
        ],
  );
}

function checkKeys(keys: Config['keys']): RuleFault[] {
  if (typeof keys === 'string') return [];
  const faults: RuleFault[] = [];
  const ids = new Map<string, number>();
  keys.forEach((key, i) => {
    const twin = ids.get(key.id);
    if (twin === undefined) ids.set(key.id, i);
    else faults.push({ path: ['keys', i, 'id'], message: `keys[${twin}] has this id too` });
    if (key.predecessor === key.id) {
      faults.push({ path: ['keys', i, 'predecessor'], message: 'a key cannot replace itself' });
    }
    for (const { field, index, message } of scopeFaults(key.scope)) {
      faults.push({ path: ['keys', i, 'scope', field, index], message });
    }
    if (key.timeZone !== undefined && !isTimeZone(key.timeZone)) {
      faults.push({
        path: ['keys', i, 'timeZone'],
        message: 'must be an IANA zone, e.g. Europe/Berlin',
      });
    }
  });
  return faults;
}

function checkConsumers(consumers: Config['consumers']): RuleFault[] {
  return consumers.flatMap(({ name, timeZone }, i) => {
    const faults: RuleFault[] = [];
    const twin = consumers.findIndex((other) => other.name === name);
    if (twin !== i) {
      const message = `consumers[${twin}] has this name too`;
      faults.push({ path: ['consumers', i, 'name'], message });
    }
    if (!isTimeZone(timeZone)) {
      const message = 'must be an IANA zone, e.g. Europe/Berlin';
      faults.push({ path: ['consumers', i, 'timeZone'], message });
    }
    return faults;
  });
}
