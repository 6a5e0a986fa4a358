import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UNKNOWN_CLIENT } from '../../core/event.ts';
import { CLIENT_FAMILIES, clientFamilyOf } from '../../enrich/clients.ts';
import { resolve } from './fakes.ts';

const MOZILLA = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)';

test('each agent has its family', () => {
  const agents: [string, string][] = [
    ['', 'empty'],
    ['-', 'empty'],
    ['curl/8.6.0', 'curl'],
    ['Wget/1.21', 'wget'],
    ['python-requests/2.32.0', 'python-requests'],
    ['Python-urllib/3.12', 'python-urllib'],
    ['Python/3.12 aiohttp/3.9.1', 'aiohttp'],
    ['python-httpx/0.27', 'httpx'],
    ['Go-http-client/2.0', 'go-http-client'],
    ['Java/17.0.2', 'java'],
    ['okhttp/4.12.0', 'okhttp'],
    ['Apache-HttpClient/4.5.14 (Java/17.0.2)', 'apache-httpclient'],
    ['axios/1.7.2', 'axios'],
    ['node-fetch/1.0', 'node-fetch'],
    ['undici', 'undici'],
    ['node', 'undici'],
    ['Ruby', 'ruby'],
    ['GuzzleHttp/7', 'guzzle'],
    ['PostmanRuntime/7.37.0', 'postman'],
    ['insomnia/9.1', 'insomnia'],
    ['k6/0.50.0 (https://k6.example)', 'k6'],
    ['wrk/4.2.0', 'load-test'],
    ['[aws-cli/2.15.0 Python/3.11 Linux/5 botocore/2.4]', 'aws-cli'],
    ['Boto3/1.34 md/Botocore#1.34', 'boto3'],
    ['aws-sdk-go-v2/1.24.0', 'aws-sdk-go'],
    ['aws-sdk-rust/1', 'aws-sdk-other'],
    ['APN/1.0 HashiCorp/1.0 Terraform/1.1.2 (+https://www.terraform.io)', 'terraform'],
    ['cloudformation.amazonaws.com', 'aws-service'],
    ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'bot'],
    [`${MOZILLA} Chrome/126.0 Safari/537.36`, 'chrome'],
    [`${MOZILLA} Chrome/126.0 Safari/537.36 Edg/126.0`, 'edge'],
    [`${MOZILLA} Version/17.4 Safari/605.1.15`, 'safari'],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0', 'firefox'],
    ['Mozilla/4.0 (compatible; MSIE 8.0)', 'internet-explorer'],
    ['my-little-client 1.0', 'other'],
    ['sk_live_51Habcdefghijkl', 'other'],
  ];
  for (const [agent, expected] of agents) assert.equal(clientFamilyOf(agent).name, expected, agent);
});

test('families are a fixed list of distinct names and codes', () => {
  const names = new Set(CLIENT_FAMILIES.map(({ name }) => name));
  const codes = new Set(CLIENT_FAMILIES.map(({ code }) => code));
  assert.deepEqual([names.size, codes.size], [CLIENT_FAMILIES.length, CLIENT_FAMILIES.length]);
});

test('a log without the field is not the same as a client that sends none', () => {
  assert.equal(resolve({ credentialId: 'a' }).event.client, UNKNOWN_CLIENT);
  assert.equal(resolve({ credentialId: 'a', userAgent: '' }).event.client.name, 'empty');
});

test('no agent, however long or strange, takes long', () => {
  const startedAt = process.hrtime.bigint();
  for (const unit of ['a', 'mozilla/ ', '[', ' edg', 'bot', '(((']) {
    for (let i = 0; i < 200; i++) clientFamilyOf(`mozilla/${unit.repeat(5000)}${i}`);
  }
  assert.ok(process.hrtime.bigint() - startedAt < 2_000_000_000n);
});
