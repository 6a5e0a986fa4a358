/** A real NGINX with the set-up of docs/decide.md. */
import { decoded } from '../gateways/through.ts';
import { startNginx } from '../servers/gateways/nginx.ts';
import { testAsking } from './asking-gateway.ts';
import { documented, replaced } from './gateway-tools.ts';
import { idOf } from './tools.ts';

testAsking({
  name: 'NGINX',
  start: ({ endpoint, service }) =>
    startNginx({
      http: replaced(documented('# nginx: http'), { '127.0.0.1:8421': `127.0.0.1:${endpoint}` }),
      server: replaced(documented('# nginx: server'), {
        '127.0.0.1:8080': `127.0.0.1:${service}`,
        '/var/log/nginx/keyhound.log': 'LOG_FILE',
      }),
    }),
  logged({ logFile }) {
    const logFormat = documented('# nginx: http').split('log_format keyhound ')[1]!.trim();
    return decoded('nginx', logFile, { logFormat: logFormat.replace(/;$/, '') });
  },
  tricks: [
    { 'X-Long': 'x'.repeat(7000), 'X-Longer': 'x'.repeat(7000), 'X-Longest': 'x'.repeat(7000) },
    { Expect: '100-continue' },
    { 'X-Odd': '\u00ff\u00fe' },
    { Upgrade: 'websocket', Connection: 'upgrade' },
    { 'X-Keyhound-Token': 'wrong', 'X-Keyhound-Key': idOf('good-key'), 'X-Real-IP': 'a, b' },
    { 'X-Original-URI': '/a', 'X-Original-Method': 'GET', Authorization: 'Bearer good-key' },
  ],
});
