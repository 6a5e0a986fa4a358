/** What is sent: requests as NGINX passes them on, of many keys. */

export const KEYS = 10_000;
export const VERDICTS = 10_000;

export function keyOf(index: number): string {
  return `kx_live_${String(index).padStart(32, '0')}`;
}

const BEFORE =
  'GET /decide/nginx HTTP/1.1\r\nHost: keyhound\r\nX-Original-URI: /v1/orders/17?limit=10\r\n' +
  'X-Original-Method: GET\r\nX-Real-IP: 198.51.100.7\r\nUser-Agent: orders-app/2.1 (linux)\r\n' +
  'Accept: application/json\r\nAccept-Encoding: gzip, deflate\r\nX-Request-Id: 898a879f6a8d52be161b\r\n' +
  'X-Api-Key: ';

export function requestsOfKeys(): Buffer[] {
  return Array.from({ length: KEYS }, (_, i) =>
    Buffer.from(`${BEFORE}${keyOf(i)}\r\n\r\n`, 'latin1'),
  );
}
