/** Where syslog is listened for, and how far what comes there may be believed (design: trust of a source). */
import type { SourceConfig } from '../../core/config.ts';
import { mayAct, syslogAddress } from './addresses.ts';
import type { PathPart, RuleFault } from './document.ts';

const PORT_MAX = 65_535;

export function checkSyslog(
  source: SourceConfig,
  at: (name: string) => readonly PathPart[],
): RuleFault[] {
  const { kind, listen, trust } = source;
  if (kind !== 'syslog') {
    if (listen === undefined) return [];
    return [{ path: at('listen'), message: `listen is for kind syslog, not ${kind}` }];
  }
  if (listen === undefined) {
    const hint = 'Add listen: udp://127.0.0.1:5514, or tcp://….';
    return [{ path: at('kind'), message: 'a syslog source needs listen', hint }];
  }
  const address = syslogAddress(listen);
  const faults: RuleFault[] = [];
  if (address.port > PORT_MAX) {
    faults.push({ path: at('listen'), message: 'port must be at most 65,535' });
  }
  if (trust === 'act' && !mayAct(address)) {
    faults.push({
      path: at('trust'),
      message:
        'syslog over UDP, or from other machines, can be forged: it is no evidence to act on',
      hint: 'Set trust: observe, or listen on tcp://127.0.0.1 for a relay on this machine.',
    });
  }
  return faults;
}

/** Two listeners cannot have one address. `taken`: those of `listen`, HOST:PORT → name. */
export function checkSyslogAddresses(
  sources: readonly (SourceConfig | undefined)[],
  taken: Readonly<Record<string, string>>,
): RuleFault[] {
  const others = new Map(
    Object.entries(taken).map(([name, address]) => [`tcp://${address}`, `listen.${name}`]),
  );
  return sources.flatMap((source, i): RuleFault[] => {
    if (source?.kind !== 'syslog' || source.listen === undefined) return [];
    const { listen } = source;
    const other = others.get(listen);
    if (!listen.endsWith(':0')) others.set(listen, `sources[${i}]`);
    if (other === undefined || listen.endsWith(':0')) return [];
    return [{ path: ['sources', i, 'listen'], message: `same address as ${other}` }];
  });
}
