/** AWS as moto plays it: keys of IAM users, API keys and their usage plans. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  APIGatewayClient,
  CreateApiKeyCommand,
  CreateDeploymentCommand,
  CreateResourceCommand,
  CreateRestApiCommand,
  CreateUsagePlanCommand,
  CreateUsagePlanKeyCommand,
  DeleteApiKeyCommand,
  DeleteUsagePlanCommand,
  GetResourcesCommand,
  GetUsagePlanKeysCommand,
  PutIntegrationCommand,
  PutMethodCommand,
  UpdateApiKeyCommand,
} from '@aws-sdk/client-api-gateway';
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  IAMClient,
  ListAccessKeysCommand,
} from '@aws-sdk/client-iam';
import { AWS_CREDENTIALS, startMoto } from '../../servers/moto.ts';
import { adapterOf, bring, NEVER, wishOf } from './tools.ts';

const moto = await startMoto();
after(() => moto.stop());
const AT = { region: 'eu-central-1', endpoint: moto.endpoint };
const SETTINGS = { ...AT, ...AWS_CREDENTIALS, callsPerSecond: 100 };
const CLIENT = { ...AT, credentials: AWS_CREDENTIALS };
const TIME = { timeout: 120_000 };

test(
  'an access key of a user is switched off, on again, and left alone where a person did it',
  TIME,
  async () => {
    const iam = new IAMClient(CLIENT);
    await iam.send(new CreateUserCommand({ UserName: 'ci' }));
    const made = await iam.send(new CreateAccessKeyCommand({ UserName: 'ci' }));
    const id = made.AccessKey!.AccessKeyId!;
    const status = async () => {
      const { AccessKeyMetadata } = await iam.send(new ListAccessKeysCommand({ UserName: 'ci' }));
      return AccessKeyMetadata?.find((key) => key.AccessKeyId === id)?.Status;
    };
    const edge = adapterOf('aws-iam', SETTINGS);
    const target = { subjectId: `aws:${id}`, credentialId: id };
    assert.equal(edge.covers(target.subjectId), true);
    const original = await edge.read(target, NEVER);
    assert.deepEqual(original.facts, { user: 'ci', status: 'Active' });

    const line = `aws iam update-access-key --user-name ci --access-key-id ${id} --status`;
    const plan = edge.plan({ target, original, wish: wishOf('suspend') });
    assert.deepEqual([plan.calls, plan.undo], [[`${line} Inactive`], [`${line} Active`]]);
    await bring(edge, target, original, wishOf('suspend'));
    assert.equal(await status(), 'Inactive');
    const off = await bring(edge, target, original, wishOf('suspend'));
    assert.deepEqual(await bring(edge, target, original, null), original);
    assert.equal(await status(), 'Active');

    const kept = edge.plan({ target, original: off, wish: wishOf('revoke') });
    assert.equal(kept.keepsOperatorLimit, true);
    await bring(edge, target, off, wishOf('revoke'));
    assert.equal((await bring(edge, target, off, null)).fingerprint, 'Inactive');
    assert.equal(await status(), 'Inactive');

    await iam.send(new DeleteAccessKeyCommand({ UserName: 'ci', AccessKeyId: id }));
    assert.equal((await edge.read(target, NEVER)).exists, false);
    await assert.rejects(bring(edge, target, original, wishOf('suspend')), {
      code: 'gateway-key-unknown',
    });
    assert.equal((await bring(edge, target, original, null)).exists, false);
    const checks = await edge.check(NEVER);
    assert.deepEqual(
      checks.map(({ ok }) => ok),
      [true, true],
    );
  },
);

const api = new APIGatewayClient(CLIENT);

async function stageOf(name: string) {
  const { id: restApiId } = await api.send(new CreateRestApiCommand({ name }));
  const { items } = await api.send(new GetResourcesCommand({ restApiId }));
  const made = { restApiId, parentId: items![0]!.id!, pathPart: 'orders' };
  const { id: resourceId } = await api.send(new CreateResourceCommand(made));
  const method = { restApiId, resourceId, httpMethod: 'GET' };
  await api.send(
    new PutMethodCommand({ ...method, authorizationType: 'NONE', apiKeyRequired: true }),
  );
  await api.send(new PutIntegrationCommand({ ...method, type: 'MOCK' }));
  await api.send(new CreateDeploymentCommand({ restApiId, stageName: 'prod' }));
  return { apiId: restApiId!, stage: 'prod' };
}

async function planWith(name: string, apiStages: object[], rateLimit?: number): Promise<string> {
  const throttle = rateLimit === undefined ? {} : { throttle: { rateLimit, burstLimit: 1 } };
  const { id } = await api.send(new CreateUsagePlanCommand({ name, apiStages, ...throttle }));
  return id!;
}

async function keyIn(name: string, plans: readonly string[]) {
  const { id: keyId } = await api.send(new CreateApiKeyCommand({ name, enabled: true }));
  for (const usagePlanId of plans) {
    const input = { usagePlanId, keyId, keyType: 'API_KEY' };
    await api.send(new CreateUsagePlanKeyCommand(input));
  }
  return { subjectId: `aws:${keyId}`, credentialId: keyId! };
}

async function isIn(plan: string, key: { credentialId: string }): Promise<boolean> {
  const { items } = await api.send(new GetUsagePlanKeysCommand({ usagePlanId: plan }));
  return items?.some(({ id }) => id === key.credentialId) === true;
}

test(
  'an API key is disabled and enabled, moved to the throttled twin of its plan and back',
  TIME,
  async () => {
    const [orders, reports] = [await stageOf('orders'), await stageOf('reports')];
    const gold = await planWith('gold', [orders, reports], 100);
    const slow = await planWith('slow', [reports, orders], 1);
    const other = await planWith('slow orders only', [orders], 1);
    const key = await keyIn('acme', [gold]);
    const sibling = await keyIn('globex', [gold]);
    const edge = adapterOf('aws-apigateway', { ...SETTINGS, throttledPlans: [slow, other] });
    const original = await edge.read(key, NEVER);
    assert.equal(JSON.stringify(original).includes('value'), false);

    const plan = edge.plan({ target: key, original, wish: wishOf('throttle-hard') });
    assert.match(plan.calls[0]!, new RegExp(`delete-usage-plan-key --usage-plan-id ${gold} `));
    assert.match(plan.calls[1]!, new RegExp(`create-usage-plan-key --usage-plan-id ${slow} `));
    await bring(edge, key, original, wishOf('throttle-hard'));
    await bring(edge, key, original, wishOf('throttle-hard'));
    assert.deepEqual([await isIn(gold, key), await isIn(slow, key)], [false, true]);
    assert.deepEqual([await isIn(gold, sibling), await isIn(slow, sibling)], [true, false]);
    assert.equal(await isIn(other, key), false, 'one stage of two is not its twin');

    const off = await bring(edge, key, original, wishOf('suspend'));
    assert.match(off.fingerprint, /^disabled/);
    assert.equal(await isIn(gold, key), true);
    assert.deepEqual(await bring(edge, key, original, null), original);
  },
);

test(
  'a key that no throttled plan fits keeps its plan, and so does one whose plan is stricter',
  TIME,
  async () => {
    const [orders, reports] = [await stageOf('orders'), await stageOf('reports')];
    const both = await planWith('both', [orders, reports]);
    const twin = await planWith('twin', [orders], 1);
    const strict = await planWith('strict', [orders], 0.5);
    const edge = adapterOf('aws-apigateway', { ...SETTINGS, throttledPlans: [twin] });
    const key = await keyIn('acme', [both]);
    const original = await edge.read(key, NEVER);
    await assert.rejects(bring(edge, key, original, wishOf('throttle-hard')), {
      code: 'gateway-plan',
    });
    assert.equal(await isIn(both, key), true);

    const slow = await keyIn('slow', [strict]);
    const before = await edge.read(slow, NEVER);
    const plan = edge.plan({ target: slow, original: before, wish: wishOf('throttle-hard') });
    assert.equal(plan.keepsOperatorLimit, true);
    assert.deepEqual(await bring(edge, slow, before, wishOf('throttle-hard')), before);

    const none = await keyIn('nowhere', []);
    const bare = await edge.read(none, NEVER);
    await assert.rejects(bring(edge, none, bare, wishOf('throttle-hard')), {
      code: 'gateway-plan',
    });
    assert.equal(await isIn(twin, none), false, 'a throttle lets nobody in');
  },
);

test('a plan given by a person stays; a plan that is gone is not moved back to', TIME, async () => {
  const [orders, reports] = [await stageOf('orders'), await stageOf('reports')];
  const gold = await planWith('gold', [orders]);
  const slow = await planWith('slow', [orders], 1);
  const extra = await planWith('extra', [reports]);
  const key = await keyIn('acme', [gold]);
  const edge = adapterOf('aws-apigateway', { ...SETTINGS, throttledPlans: [slow] });
  const original = await edge.read(key, NEVER);
  await bring(edge, key, original, wishOf('throttle-hard'));
  const input = { usagePlanId: extra, keyId: key.credentialId, keyType: 'API_KEY' };
  await api.send(new CreateUsagePlanKeyCommand(input));
  await bring(edge, key, original, null);
  assert.deepEqual([await isIn(gold, key), await isIn(slow, key)], [true, false]);
  assert.equal(await isIn(extra, key), true);

  await bring(edge, key, original, wishOf('throttle-hard'));
  await api.send(new DeleteUsagePlanCommand({ usagePlanId: gold }));
  await assert.rejects(bring(edge, key, original, null), { code: 'gateway-plan' });
  assert.equal(await isIn(slow, key), true, 'it is not left without a plan');
});

test('a key that a person disabled stays so; one that is gone is said to be', TIME, async () => {
  const key = await keyIn('acme', []);
  const patch = { op: 'replace' as const, path: '/enabled', value: 'false' };
  const update = { apiKey: key.credentialId, patchOperations: [patch] };
  await api.send(new UpdateApiKeyCommand(update));
  const edge = adapterOf('aws-apigateway', SETTINGS);
  const original = await edge.read(key, NEVER);
  assert.equal(
    edge.plan({ target: key, original, wish: wishOf('revoke') }).keepsOperatorLimit,
    true,
  );
  await bring(edge, key, original, wishOf('revoke'));
  assert.match((await bring(edge, key, original, null)).fingerprint, /^disabled/);
  await api.send(new DeleteApiKeyCommand({ apiKey: key.credentialId }));
  assert.equal((await edge.read(key, NEVER)).exists, false);
  await assert.rejects(bring(edge, key, original, wishOf('revoke')), {
    code: 'gateway-key-unknown',
  });
});

test('the check tells which plans exist, and which have no throttled twin', TIME, async () => {
  const stage = await stageOf('orders');
  const lonely = await planWith('lonely', [stage, await stageOf('reports')]);
  const slow = await planWith('slow', [stage], 1);
  const endless = await planWith('endless', [stage]);
  const details = async (throttledPlans: string[]) => {
    const checks = await adapterOf('aws-apigateway', { ...SETTINGS, throttledPlans }).check(NEVER);
    return { ok: checks[0]!.ok, text: checks[0]!.detail };
  };
  const known = await details([slow]);
  assert.equal(known.ok, true);
  assert.match(known.text, new RegExp(`no throttled one has the stages of .*${lonely}`));
  assert.match((await details(['nosuchplan'])).text, /no usage plan nosuchplan/);
  assert.match((await details([endless])).text, /has no rate of its own/);
});
