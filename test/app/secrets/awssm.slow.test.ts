/** Secrets of AWS Secrets Manager in a configuration, from moto. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { fetchSecrets } from '../../../app/secrets/fetch.ts';
import { AWS_CREDENTIALS, startMoto } from '../../servers/moto.ts';

const moto = await startMoto();
after(() => moto.stop());
const NEVER = new AbortController().signal;
const ENV = {
  AWS_REGION: 'eu-central-1',
  AWS_ENDPOINT_URL_SECRETS_MANAGER: moto.endpoint,
  AWS_ACCESS_KEY_ID: AWS_CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: AWS_CREDENTIALS.secretAccessKey,
};
const aws = new SecretsManagerClient({
  region: 'eu-central-1',
  endpoint: moto.endpoint,
  credentials: AWS_CREDENTIALS,
});
const TIME = { timeout: 60_000 };

async function one(reference: string, env: Readonly<Record<string, string>> = ENV) {
  const found = (await fetchSecrets([reference], env, NEVER)).get(reference)!;
  return typeof found === 'string' ? found : `! ${found.message}`;
}

test('a field, the whole text, by name and by ARN, always the current version', TIME, async () => {
  const text = JSON.stringify({ token: 'the first token', port: 9092 });
  const { ARN } = await aws.send(
    new CreateSecretCommand({ Name: 'edge/kong', SecretString: text }),
  );
  await aws.send(new CreateSecretCommand({ Name: 'plain', SecretString: 'one text' }));
  assert.equal(await one('awssm:edge/kong#token'), 'the first token');
  assert.equal(await one('awssm:edge/kong#port'), '9092');
  assert.equal(await one(`awssm:${ARN}#token`, { ...ENV, AWS_REGION: '' }), 'the first token');
  assert.equal(await one('awssm:plain'), 'one text');
  const later = { SecretId: 'edge/kong', SecretString: '{"token":"the second token"}' };
  await aws.send(new PutSecretValueCommand(later));
  assert.equal(await one('awssm:edge/kong#token'), 'the second token');
});

test('what is not there is said without a value', TIME, async () => {
  await aws.send(new CreateSecretCommand({ Name: 'bytes', SecretBinary: Buffer.from('abc') }));
  await aws.send(new CreateSecretCommand({ Name: 'list', SecretString: '["the value"]' }));
  await aws.send(new CreateSecretCommand({ Name: 'gone', SecretString: '{"a":"the value"}' }));
  await aws.send(new DeleteSecretCommand({ SecretId: 'gone' }));
  assert.match(await one('awssm:absent#a'), /there is no secret absent/);
  assert.match(await one('awssm:list#a'), /no text of that name/);
  assert.match(await one('awssm:bytes#a'), /bytes is binary/);
  assert.match(await one('awssm:gone#a'), /gone cannot be read now/);
  assert.match(
    await one('awssm:list#a', { ...ENV, AWS_REGION: '' }),
    /region of list is not known/,
  );
  const told = [await one('awssm:list#a'), await one('awssm:gone#a')].join();
  assert.equal(told.includes('the value'), false);
});

test('a server that is away is an error of the moment', TIME, async () => {
  const env = { ...ENV, AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://127.0.0.1:1' };
  await assert.rejects(one('awssm:edge/kong#token', env), {
    kind: 'operating',
    code: 'secrets-unreachable',
    retryable: true,
  });
});
