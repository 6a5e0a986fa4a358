/** Caddy that refuses keys by their public begin, with a proxy in front of its admin API. */
import { startFakeCaddy } from '../../../fakes/caddy.ts';
import { CALL_MS, type Rig, type RigKind } from '../rig.ts';
import { adapterOf } from '../tools.ts';

const TOKEN = 'proxy-token-1234567890';

export const rig: RigKind = {
  kind: 'caddy',
  async start(): Promise<Rig> {
    const caddy = await startFakeCaddy(TOKEN);
    let token = TOKEN;
    const refusing = (id: string) =>
      caddy.routes.filter((route) => JSON.stringify(route['match']).includes(`"${id}.*"`));
    return {
      adapter: (timeoutMs = CALL_MS) =>
        adapterOf('caddy', {
          urls: [caddy.url],
          headers: { 'X-Proxy-Token': token },
          header: 'X-Api-Key',
          value: '{id}.*',
          persisted: true,
          timeoutMs,
        }),
      target: { subjectId: 'caddy:key1', credentialId: 'key1' },
      sibling: { subjectId: 'caddy:key2', credentialId: 'key2' },
      secrets: [TOKEN],
      effect: ({ credentialId = '' }) => ({
        open: refusing(credentialId).length === 0,
        limit: null,
      }),
      holds: () => caddy.routes,
      byHand: () => {
        refusing('key1')[0]!['handle'] = [{ handler: 'static_response', status_code: 200 }];
      },
      fail: (fault) => caddy.failNext(fault),
      lockOut: () => {
        token = 'another-token-1234567890';
      },
      violations: () => caddy.violations,
      close: () => caddy.close(),
    };
  },
};
