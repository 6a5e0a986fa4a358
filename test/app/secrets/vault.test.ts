/** Secrets of Vault in a configuration: filled in when it is loaded, never shown, never guessed. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { faultInWords, loadConfig, readConfig, secretsOf } from '../../../app/config.ts';
import { fetchSecrets } from '../../../app/secrets/fetch.ts';
import { fakeVault } from './fake-vault.ts';

const vault = await fakeVault();
const folder = mkdtempSync(join(tmpdir(), 'keyhound-vault-'));
after(() => vault.stop());
after(() => rmSync(folder, { recursive: true }));
const NEVER = new AbortController().signal;
const TOKEN = 'a token of 28 letters at all';
const ENV = { VAULT_ADDR: vault.address, VAULT_TOKEN: vault.token, HOME: folder };

beforeEach(() => {
  vault.secrets.clear();
  vault.secrets.set('secret/data/keyhound', { token: TOKEN, 'number-of': 7, nested: { a: 1 } });
  vault.asked.length = 0;
  vault.trouble = undefined;
  vault.namespace = undefined;
});

let files = 0;
function request(text: string, env: Readonly<Record<string, string>> = ENV) {
  const file = join(folder, `${files++}.yaml`);
  writeFileSync(file, text);
  return { file, env, cwd: folder };
}

async function faults(reference: string, env?: Readonly<Record<string, string>>): Promise<string> {
  const asked = request(`sources:\n  - name: a\n    token: ${reference}\n`, env);
  const { loaded, faults } = readConfig({ ...asked, secrets: await secretsOf(asked, NEVER) });
  assert.equal(loaded, undefined);
  return faults.map(faultInWords).join('\n');
}

test('fields of secrets stand in the configuration, each secret asked for once', async () => {
  vault.secrets.set('kv/team/data/edge', { token: `second ${TOKEN}` });
  const asked = request(`
sources:
  - { name: a, kind: http, format: kong, token: "\${vault:secret/keyhound#token}" }
  - { name: b, kind: http, format: kong, token: "Bearer \${vault:secret/data/keyhound#token}!" }
  - { name: c, kind: http, format: kong, token: "\${vault:kv/team/data/edge#token}" }
# token: \${vault:secret/not-even#asked}
engine: { subjectsMax: "\${vault:secret/keyhound#number-of}000" }
`);
  const { config } = loadConfig({ ...asked, secrets: await secretsOf(asked, NEVER) });
  const tokens = config.sources.map((source) => (source as { token?: string }).token);
  assert.deepEqual(tokens, [TOKEN, `Bearer ${TOKEN}!`, `second ${TOKEN}`]);
  assert.equal(config.engine.subjectsMax, 7000);
  assert.deepEqual(vault.asked.sort(), [
    'kv/team/data/edge',
    'secret/data/keyhound',
    'secret/data/keyhound',
  ]);
});

test('a configuration that refers to nothing calls nobody', async () => {
  const secrets = await secretsOf(request('log: { level: warn }', {}), NEVER);
  assert.equal(secrets.size, 0);
  assert.deepEqual(vault.asked, []);
});

test('what is wrong is told at its line, and no value or token is', async () => {
  const cases: [string, Readonly<Record<string, string>>, RegExp][] = [
    ['${vault:secret/keyhound#tokem}', ENV, /no text of that name/],
    ['${vault:secret/keyhound#nested}', ENV, /no text of that name/],
    ['${vault:secret/keyhound#constructor}', ENV, /no text of that name/],
    ['${vault:secret/keyhound}', ENV, /names no field/],
    ['${vault:secret/other#a}', ENV, /there is no secret secret\/other/],
    ['${vault:keyhound#a}', ENV, /no path of a secret/],
    ['${vault:secret/../sys/x#a}', ENV, /no path of a secret/],
    ['${vault:secret/keyhound#a}', { ...ENV, VAULT_TOKEN: 'hvs.wrong' }, /may not be read \(403\)/],
    ['${vault:secret/keyhound#a}', { ...ENV, VAULT_TOKEN: 'a\nb' }, /VAULT_TOKEN holds no token/],
    ['${vault:secret/keyhound#a}', { VAULT_TOKEN: 'x' }, /VAULT_ADDR is not set/],
    ['${vault:secret/keyhound#a}', { ...ENV, VAULT_ADDR: 'vault:8200' }, /no http\(s\) address/],
    ['${vault:secret/keyhound#a}', { ...ENV, VAULT_TOKEN: '' }, /no token.*\.vault-token: ENOENT/],
    ['${vault:secret/keyhound#a}', { ...ENV, VAULT_CACERT: 'absent.pem' }, /VAULT_CACERT.*ENOENT/],
    ['${nosuch:a#b}', ENV, /cannot be read.*\$\{vault:PATH#FIELD\}/],
  ];
  for (const [reference, env, expected] of cases) {
    const told = await faults(reference, env);
    assert.match(told, expected);
    assert.match(told, /^line 3, sources\[0\]\.token: /m);
    for (const secret of [TOKEN, vault.token, 'hvs.wrong'])
      assert.equal(told.includes(secret), false);
  }
  vault.secrets.set('secret/data/keyhound', null);
  assert.match(await faults('${vault:secret/keyhound#token}'), /current version is deleted/);
  for (const trouble of ['rubbish', 'redirect'] as const) {
    vault.trouble = trouble;
    assert.match(await faults('${vault:secret/keyhound#token}'), /no secret at secret\/keyhound/);
  }
  assert.equal(vault.asked.includes('elsewhere/data/x'), false, 'the token follows no redirect');
});

test('a Vault that is sealed, away or silent is an error of the moment', async () => {
  const reference = ['vault:secret/keyhound#token'];
  const moment = { kind: 'operating', code: 'secrets-unreachable', retryable: true };
  vault.trouble = 'sealed';
  await assert.rejects(fetchSecrets(reference, ENV, NEVER), moment);
  vault.trouble = 'hang';
  await assert.rejects(fetchSecrets(reference, ENV, NEVER, 100), moment);
  const stop = new AbortController();
  const fetching = fetchSecrets(reference, ENV, stop.signal);
  stop.abort(new Error('stopped'));
  await assert.rejects(fetching, /stopped/);
  const nobody = { ...ENV, VAULT_ADDR: 'http://127.0.0.1:1' };
  await assert.rejects(fetchSecrets(reference, nobody, NEVER), moment);
});

test('the token may stand in a file; a namespace goes along', async () => {
  const file = join(folder, 'token');
  writeFileSync(file, `${vault.token}\n`);
  vault.namespace = 'team-a';
  const env = { VAULT_ADDR: `${vault.address}/`, VAULT_NAMESPACE: 'team-a', HOME: folder };
  const read = async (more: Readonly<Record<string, string>>) => [
    ...(await fetchSecrets(['vault:secret/keyhound#token'], { ...env, ...more }, NEVER)).values(),
  ];
  assert.deepEqual(await read({ VAULT_TOKEN_FILE: file }), [TOKEN]);
  writeFileSync(join(folder, '.vault-token'), vault.token);
  assert.deepEqual(await read({}), [TOKEN]);
  rmSync(join(folder, '.vault-token'));
});

test('a configuration cannot ask for secrets without end', async () => {
  const many = Array.from({ length: 101 }, (_, i) => `vault:secret/s${i}#a`);
  await assert.rejects(fetchSecrets(many, ENV, NEVER), { kind: 'usage', code: 'secrets-many' });
  assert.deepEqual(vault.asked, []);
});
