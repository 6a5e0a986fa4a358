/** Two nodes of HAProxy whose table counts by the hour. */
import { fakeHaproxy } from '../fake-haproxy.ts';
import { CALL_MS, type Rig, type RigKind } from '../rig.ts';
import { adapterOf } from '../tools.ts';

const REFUSED = '/maps/refused.map';
const LIMITS = '/maps/limits.map';

export const rig: RigKind = {
  kind: 'haproxy',
  async start(): Promise<Rig> {
    const nodes = [
      await fakeHaproxy([REFUSED, LIMITS]),
      await fakeHaproxy([REFUSED, LIMITS], 'tcp'),
    ];
    // Written for a restart, beside the first one's socket.
    const files = nodes[0]!.socket.replace(/\/[^/]*$/, '');
    const value = (map: string, id: string) =>
      nodes[1]!.maps.get(map)!.find(([key]) => key === id)?.[1];
    return {
      adapter: (timeoutMs = CALL_MS) =>
        adapterOf('haproxy', {
          nodes: nodes.map(({ socket }) => ({ socket, files })),
          refused: REFUSED,
          limits: LIMITS,
          windowMs: 3_600_000,
          timeoutMs,
        }),
      target: { subjectId: 'haproxy:k-1', credentialId: 'k-1' },
      sibling: { subjectId: 'haproxy:k-2', credentialId: 'k-2' },
      secrets: [],
      effect({ credentialId = '' }) {
        const limit = value(LIMITS, credentialId);
        const requests = limit === undefined ? undefined : Number.parseInt(limit, 10) / 60;
        return {
          open: value(REFUSED, credentialId) === undefined,
          limit: requests === undefined ? null : { requests, windowMs: 60_000 },
        };
      },
      holds: () => nodes.map(({ maps }) => [...maps]),
      operatorLimits: ({ requests, windowMs }) => {
        const count = (requests * 3_600_000) / windowMs;
        for (const { maps } of nodes) maps.get(LIMITS)!.push(['k-1', `${count}`]);
      },
      byHand: () => {
        for (const { maps } of nodes) maps.set(LIMITS, []);
      },
      lockOut: () => {
        for (const node of nodes) node.fail = 'Permission denied';
      },
      violations: () =>
        nodes.flatMap(({ commands }) => commands.filter((command) => /[;"']/.test(command))),
      async close() {
        await Promise.all(nodes.map((node) => node.stop()));
      },
    };
  },
};
