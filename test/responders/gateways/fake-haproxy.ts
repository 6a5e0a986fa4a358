/** HAProxy's runtime API, strict: only the commands of maps, answered as HAProxy 2.6 does. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface FakeHaproxy {
  /** Path, or 127.0.0.1:PORT. */
  readonly socket: string;
  /** Map → its entries, in order; a key may be there twice. */
  readonly maps: Map<string, [string, string][]>;
  readonly commands: string[];
  /** Instead of an answer: `hang`, `cut`, or this text. */
  fail: string | undefined;
  stop(): Promise<void>;
}

export async function fakeHaproxy(
  maps: readonly string[],
  kind: 'unix' | 'tcp' = 'unix',
): Promise<FakeHaproxy> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhound-haproxy-'));
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    open.add(client);
    client.once('close', () => open.delete(client));
    client.on('error', () => undefined);
    let text = '';
    client.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (!text.endsWith('\n')) return;
      fake.commands.push(text.trim());
      if (fake.fail === 'hang') return;
      if (fake.fail === 'cut') client.destroy();
      else client.end(`${fake.fail ?? answer(text.trim(), fake.maps)}\n`);
    });
  });
  if (kind === 'unix') server.listen(path.join(folder, 'admin.sock'));
  else server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as string | AddressInfo;
  const fake: FakeHaproxy = {
    socket: typeof address === 'string' ? address : `127.0.0.1:${address.port}`,
    maps: new Map(maps.map((name) => [name, []])),
    commands: [],
    fail: undefined,
    async stop() {
      for (const client of open) client.destroy();
      server.close();
      await once(server, 'close');
      await rm(folder, { recursive: true, force: true });
    },
  };
  return fake;
}

function answer(command: string, maps: FakeHaproxy['maps']): string {
  if (command === 'show version') return '2.6.12\n';
  const words = /^(get|show|add|set|del) map (\S+)(?: (\S+))?(?: (.+))?$/.exec(command);
  if (words === null) return 'Unknown command. Please enter one of the following commands only :';
  const [, verb, name, key, value] = words;
  const map = maps.get(name!);
  if (map === undefined) return 'Unknown map identifier. Please use #<id> or <file>.\n';
  const found = map.filter((entry) => entry[0] === key);
  switch (verb) {
    case 'show':
      return map.map((entry, i) => `0x7f72${i} ${entry.join(' ')}\n`).join('');
    case 'get':
      return found[0] === undefined
        ? 'type=str, case=sensitive, found=no\n'
        : `type=str, case=sensitive, found=yes, idx=tree, key="${key}", value="${found[0][1]}", type="str"\n`;
    case 'add':
      map.push([key!, value!]);
      return '';
    case 'set':
      if (found.length === 0) return 'entry not found.\n';
      for (const entry of found) entry[1] = value!;
      return '';
    default:
      if (found.length === 0) return 'Key not found.\n';
      maps.set(
        name!,
        map.filter((entry) => entry[0] !== key),
      );
      return '';
  }
}
