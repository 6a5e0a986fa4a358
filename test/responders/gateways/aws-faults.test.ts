/** What AWS does on a bad day: too many calls, no answer, a refusal, a key added twice. */
import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { AWS_CREDENTIALS } from '../../servers/moto.ts';
import { type AwsAnswer, fakeAws, json, jsonError, xml, xmlError } from './fake-aws.ts';
import { adapterOf, bring, NEVER, wishOf } from './tools.ts';

const ID = 'AKIAI44QH8DHBEXAMPLE';
const KEY = { subjectId: `aws:${ID}`, credentialId: ID };
let status = 'Active';
/** Reads that still give the status of before. */
let behind = 0;

function answerOfIam(call: string): AwsAnswer | undefined {
  const form = new URLSearchParams(call.replace(/^POST \/ /, ''));
  const action = form.get('Action') ?? '';
  if (form.get('Version') !== '2010-05-08') return undefined;
  if (action === 'GetAccessKeyLastUsed' && form.get('AccessKeyId') === ID) {
    return xml(action, '<UserName>ci</UserName><AccessKeyLastUsed/>');
  }
  if (form.get('UserName') !== 'ci') return xmlError(404, 'NoSuchEntity');
  if (action === 'UpdateAccessKey' && form.get('AccessKeyId') === ID) {
    status = form.get('Status')!;
    return xml(action, '');
  }
  if (action !== 'ListAccessKeys') return undefined;
  const shown = behind-- > 0 ? 'Active' : status;
  const key = `<member><UserName>ci</UserName><AccessKeyId>${ID}</AccessKeyId><Status>${shown}</Status></member>`;
  return xml(
    action,
    `<AccessKeyMetadata>${key}</AccessKeyMetadata><IsTruncated>false</IsTruncated>`,
  );
}

const iam = await fakeAws('iam', answerOfIam);

const plans = new Map<string, Set<string>>();
const PLANS = ['gold', 'slow'].map((id) => ({
  id,
  name: id,
  apiStages: [{ apiId: 'a1', stage: 'prod' }],
  throttle: { rateLimit: id === 'slow' ? 1 : 100, burstLimit: 1 },
}));

function answerOfApi(call: string): AwsAnswer | undefined {
  const [, key] = /^GET \/apikeys\/(\w+)\?includeValue=false$/.exec(call) ?? [];
  if (key !== undefined) return json(200, { id: key, enabled: true });
  if (/^GET \/usageplans\?limit=500$/.test(call)) return json(200, { item: PLANS });
  const [, of] =
    /^GET \/usageplans\?(?:keyId=(\w+)&limit=500|limit=500&keyId=\w+)$/.exec(call) ?? [];
  if (of !== undefined)
    return json(200, { item: PLANS.filter(({ id }) => plans.get(id)?.has(of)) });
  const [, from, gone] = /^DELETE \/usageplans\/(\w+)\/keys\/(\w+)$/.exec(call) ?? [];
  if (from !== undefined) {
    return plans.get(from)?.delete(gone!) ? json(202, '') : jsonError(404, 'NotFoundException');
  }
  const [, to, body] = /^POST \/usageplans\/(\w+)\/keys (.*)$/.exec(call) ?? [];
  if (to === undefined) return undefined;
  const { keyId, keyType } = JSON.parse(body!) as { keyId: string; keyType: string };
  if (keyType !== 'API_KEY') return jsonError(400, 'BadRequestException');
  // Any plan of the stage, this one too.
  if ([...plans.values()].some((keys) => keys.has(keyId)))
    return jsonError(409, 'ConflictException');
  plans.get(to)!.add(keyId);
  return json(201, { id: keyId, type: 'API_KEY', value: 'the raw value of the key' });
}

const apiGateway = await fakeAws('apigateway', answerOfApi);
after(() => Promise.all([iam.stop(), apiGateway.stop()]));
beforeEach(() => {
  status = 'Active';
  behind = 0;
  for (const { id } of PLANS) plans.set(id, new Set(id === 'gold' ? ['k1'] : []));
});

const FAST = { ...AWS_CREDENTIALS, callsPerSecond: 100, timeoutMs: 5000 };
const users = (settings = {}) =>
  adapterOf('aws-iam', { ...FAST, endpoint: iam.endpoint, ...settings });
const API_KEY = { subjectId: 'aws:k1', credentialId: 'k1' };
const keys = () =>
  adapterOf('aws-apigateway', {
    ...FAST,
    region: 'eu-central-1',
    endpoint: apiGateway.endpoint,
    throttledPlans: ['slow'],
  });

test('an error says whether another try may help, and repeats nothing of the answer', async () => {
  const edge = users();
  const original = await edge.read(KEY, NEVER);
  const cases: [AwsAnswer | 'reset', object][] = [
    [xmlError(400, 'Throttling'), { code: 'gateway-busy', retryable: true }],
    [xmlError(503, 'ServiceUnavailable'), { code: 'gateway-failed', retryable: true }],
    [xmlError(409, 'EntityTemporarilyUnmodifiable'), { code: 'gateway-failed', retryable: true }],
    [xmlError(403, 'AccessDenied'), { code: 'gateway-refused', retryable: false }],
    [xmlError(403, 'InvalidClientTokenId'), { code: 'gateway-refused', retryable: false }],
    [xmlError(400, 'ValidationError'), { code: 'gateway-rejected', retryable: false }],
    ['reset', { code: 'gateway-unreachable', retryable: true }],
  ];
  for (const [fault, expected] of cases) {
    iam.faults.push(fault);
    const request = { target: KEY, original, present: original, wish: wishOf('suspend') };
    const before = iam.calls.length;
    const error = await edge.apply(request, NEVER).then(() => undefined, Object);
    assert.ok(error instanceof Error);
    const told = error as Error & { code: string; retryable: boolean; hint?: string };
    assert.deepEqual({ code: told.code, retryable: told.retryable }, expected);
    assert.equal(/secret-name|123456789012/.test(`${told.message} ${told.hint}`), false);
    assert.equal(iam.calls.length, before + 1, 'it does not try again itself');
    assert.equal(status, 'Active');
  }
});

test('too many calls of API Gateway: how long to wait is passed on', async () => {
  const edge = keys();
  apiGateway.faults.push(jsonError(429, 'TooManyRequestsException', { 'retry-after': '7' }));
  await assert.rejects(edge.read(API_KEY, NEVER), {
    code: 'gateway-busy',
    retryable: true,
    retryAfterMs: 7000,
  });
});

test('no answer ends at the time limit, and at once when the work is stopped', async () => {
  iam.faults.push('hang');
  await assert.rejects(users({ timeoutMs: 100 }).read(KEY, NEVER), {
    code: 'gateway-timeout',
    retryable: true,
  });
  iam.faults.push('hang');
  const stop = new AbortController();
  const reading = users().read(KEY, stop.signal);
  stop.abort(new Error('stopped'));
  await assert.rejects(reading, /stopped/);
  iam.faults.length = 0;
});

test('a read that is behind is not taken for the truth', async () => {
  const edge = users();
  const original = await edge.read(KEY, NEVER);
  behind = 1;
  const request = { target: KEY, original, present: original, wish: wishOf('suspend') };
  await assert.rejects(edge.apply(request, NEVER), { code: 'gateway-failed', retryable: true });
  assert.equal(status, 'Inactive');
  assert.equal((await bring(edge, KEY, original, wishOf('suspend'))).fingerprint, 'Inactive');
});

test('it detaches before it attaches, and a move that was cut off is finished', async () => {
  const edge = keys();
  const original = await edge.read(API_KEY, NEVER);
  const present = original;
  const request = { target: API_KEY, original, present, wish: wishOf('throttle-hard') };
  apiGateway.calls.length = 0;
  await edge.apply(request, NEVER);
  const writes = apiGateway.calls.filter((call) => !call.startsWith('GET'));
  assert.deepEqual(writes, [
    'DELETE /usageplans/gold/keys/k1',
    'POST /usageplans/slow/keys {"keyId":"k1","keyType":"API_KEY"}',
  ]);
  await edge.apply({ ...request, wish: null, present: await edge.read(API_KEY, NEVER) }, NEVER);

  plans.get('gold')!.delete('k1');
  await bring(edge, API_KEY, original, wishOf('throttle-hard'));
  assert.equal(plans.get('slow')!.has('k1'), true);
});

test('a key that is in the plan already is no error: the look before was behind', async () => {
  const edge = keys();
  const original = await edge.read(API_KEY, NEVER);
  plans.set('gold', new Set());
  plans.set('slow', new Set(['k1']));
  const request = { target: API_KEY, original, present: original, wish: wishOf('throttle-hard') };
  const state = await edge.apply(request, NEVER);
  assert.equal(state.fingerprint, 'enabled slow');
  assert.equal(JSON.stringify(state).includes('raw value'), false);
});

test('a conflict with another plan is not taken for success', async () => {
  const edge = keys();
  const original = await edge.read(API_KEY, NEVER);
  plans.set('gold', new Set());
  plans.set('other', new Set(['k1']));
  const present = { ...original, facts: { ...original.facts, plans: [] } };
  const request = { target: API_KEY, original, present, wish: wishOf('throttle-hard') };
  await assert.rejects(edge.apply(request, NEVER), { code: 'gateway-failed', retryable: true });
  plans.delete('other');
});

test('which keys are whose is told by the form of the id', () => {
  assert.equal(keys().covers('aws:a1b2c3d4e5'), true);
  assert.equal(keys().covers(KEY.subjectId), false);
  assert.equal(users().covers(KEY.subjectId), true);
  assert.equal(users().covers('aws:ASIAI44QH8DHBEXAMPLE'), false);
  assert.equal(users().covers('aws:a1b2c3d4e5'), false);
  assert.throws(() => users({ secretAccessKey: undefined }), /belong together/);
});
