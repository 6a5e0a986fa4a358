/** Records wrapped as their carriers write them. */
const TIME = '2026-11-22T04:18:21.123456789Z';

export interface Wrapped {
  /** As the configuration names the envelope. */
  readonly id: string;
  readonly name: string;
  wrap(record: string): string;
}

const json = (value: unknown): string => JSON.stringify(value);

export const WRAPPED: readonly Wrapped[] = [
  { id: 'syslog', name: 'RFC 3164', wrap: (r) => `<190>Nov 22 04:18:21 edge-1 nginx: ${r}` },
  { id: 'syslog', name: 'a file of rsyslog', wrap: (r) => `Nov  2 04:18:21 edge-1 nginx[7]: ${r}` },
  { id: 'syslog', name: 'with a time of RFC 3339', wrap: (r) => `${TIME} edge-1 nginx: ${r}` },
  { id: 'syslog', name: 'RFC 5424', wrap: (r) => `<190>1 ${TIME} edge-1 nginx 7 - - ${r}` },
  { id: 'syslog', name: 'RFC 5424 without a sender', wrap: (r) => `<190>1 - - - - - - ${r}` },
  { id: 'cri', name: 'CRI', wrap: (r) => `${TIME} stdout F ${r}` },
  {
    id: 'cri',
    name: 'CRI in pieces',
    wrap: (r) => {
      const half = r.length >> 1;
      return [
        `${TIME} stdout P ${r.slice(0, half)}`,
        `${TIME} stdout P `,
        `${TIME} stdout F ${r.slice(half)}`,
      ].join('\n');
    },
  },
  {
    id: 'docker',
    name: 'json-file',
    wrap: (r) => json({ log: `${r}\n`, stream: 'stdout', time: TIME }),
  },
  {
    id: 'docker',
    name: 'json-file in pieces',
    wrap: (r) => {
      const half = r.length >> 1;
      return [r.slice(0, half), `${r.slice(half)}\n`]
        .map((log) => json({ log, stream: 'stderr', attrs: { tag: 'web' }, time: TIME }))
        .join('\n');
    },
  },
  { id: 'time', name: 'a time', wrap: (r) => `${TIME} ${r}` },
  {
    id: 'field:message',
    name: 'a text',
    wrap: (r) => json({ host: { name: 'a' }, message: r, other: { message: 'not this' } }),
  },
  {
    id: 'field:event.original',
    name: 'a text below',
    wrap: (r) => json({ event: { original: r, dataset: 'x' }, message: 'parsed' }),
  },
  {
    id: 'field:event.original',
    name: 'a name with dots',
    wrap: (r) => json({ 'event.original': r }),
  },
  { id: 'field:result._raw', name: 'Splunk', wrap: (r) => json({ result: { _raw: r } }) },
];
