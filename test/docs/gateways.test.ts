/** What the pages about gateways tell people to write: settings that each kind takes, policies that are just enough. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { GATEWAY_KINDS } from '../../responders/gateways/list.ts';
import { toolsFor } from '../responders/gateways/tools.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const PAGES = readdirSync(path.join(ROOT, 'docs')).filter((name) => /^gateways.*\.md$/.test(name));

function blocks(page: string, language: string): string[] {
  const text = readFileSync(path.join(ROOT, 'docs', page), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(
    (match) => match[1]!,
  );
}

test('every gateway of the pages is one that its kind can be made of', () => {
  let count = 0;
  for (const page of PAGES) {
    for (const text of blocks(page, 'yaml')) {
      const { gateways = [] } = parse(text) as { gateways?: Record<string, unknown>[] };
      for (const { name, kind, keys: _, ...settings } of gateways) {
        const found = GATEWAY_KINDS.find((candidate) => candidate.kind === kind);
        assert.ok(found !== undefined, `${page}: ${kind}`);
        const config = found.config.parse(filled(settings));
        assert.equal(found.create(config, toolsFor({ name: String(name) })).kind, kind);
        count++;
      }
    }
  }
  assert.ok(count >= 5, `${count} gateways`);
});

/** References to secrets stand for texts: one that is a secret of every kind. */
function filled(settings: object): unknown {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  return JSON.parse(JSON.stringify(settings).replaceAll(/\$\{\w+:[^}]*\}/g, secret));
}

test('the bound that the table names for a kind is the one that it has', () => {
  const page = readFileSync(path.join(ROOT, 'docs/gateways.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \|.*\| ([\d.]+) s \|/gm)];
  const sections = [...page.matchAll(/^## ([a-z-]+)$/gm)].map((match) => match[1]!);
  assert.deepEqual(
    rows.map((row) => row[1]!),
    sections,
  );
  for (const [, kind, seconds] of rows) {
    const found = GATEWAY_KINDS.find((candidate) => candidate.kind === kind);
    assert.ok(found !== undefined, kind);
    const { settleMs } = found.config.parse(
      filled({ ...(NEEDED[found.kind] ?? { token: '${env:TOKEN}' }) }),
    ) as { settleMs: number };
    assert.equal(settleMs, Number(seconds) * 1000, kind);
  }
});
const NEEDED: Readonly<Record<string, object>> = {
  kong: {},
  webhook: { url: 'https://keys.example', secret: '${env:SECRET}' },
};

test('the log format of NGINX stands the same in its own block and in the source that reads it', () => {
  const [, written] = /^log_format keyhound (.*?);$/ms.exec(
    readFileSync(path.join(ROOT, 'docs/decide.md'), 'utf8'),
  )!;
  const formats = blocks('decide.md', 'yaml').flatMap((text) =>
    ((parse(text) as { sources?: { logFormat?: string }[] }).sources ?? []).map(
      ({ logFormat }) => logFormat,
    ),
  );
  assert.deepEqual(
    formats.map((text) => text?.replaceAll(/\s+/g, ' ')),
    [written!.replaceAll(/\s+/g, ' ')],
  );
});

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: string | string[];
}

function policy(nth: number, page = 'gateways-aws.md'): Statement[] {
  const { Version, Statement } = JSON.parse(blocks(page, 'json')[nth]!) as {
    Version: string;
    Statement: Statement[];
  };
  assert.equal(Version, '2012-10-17');
  for (const { Effect, Resource } of Statement) {
    assert.equal(Effect, 'Allow');
    for (const arn of [Resource].flat())
      assert.match(arn, /^arn:aws:[a-z]+:[a-z0-9-]*:\d*:\/?[a-z]/);
  }
  return Statement;
}

function commands(...files: string[]): string[] {
  const texts = files.map((file) => readFileSync(path.join(ROOT, file), 'utf8'));
  const names = [...texts.join('').matchAll(/new (?:\w+\.)?(\w+)Command\(/g)].map(
    (match) => match[1]!,
  );
  return [...new Set(names)].sort();
}

test('the policy for IAM names the calls that are made, and no other', () => {
  const actions = policy(1).flatMap(({ Action }) => Action);
  assert.deepEqual(
    actions.sort(),
    commands('responders/gateways/aws-iam.ts').map((name) => `iam:${name}`),
  );
});

test('the policy for API Gateway grants each call that is made, and no other', () => {
  const granted = policy(0).flatMap(({ Action, Resource }) =>
    [Resource].flat().map((arn) => `${Action} ${arn.replace(/^.*::/, '')}`),
  );
  const calls: Readonly<Record<string, string>> = {
    GetApiKey: 'apigateway:GET /apikeys/*',
    GetUsagePlans: 'apigateway:GET /usageplans',
    UpdateApiKey: 'apigateway:PATCH /apikeys/*',
    CreateUsagePlanKey: 'apigateway:POST /usageplans/*/keys',
    DeleteUsagePlanKey: 'apigateway:DELETE /usageplans/*/keys/*',
  };
  assert.deepEqual(
    commands('responders/gateways/aws-apigateway.ts', 'responders/gateways/aws-plans.ts'),
    Object.keys(calls).sort(),
  );
  assert.deepEqual(granted.sort(), Object.values(calls).sort());
});

test('the policy for secrets names the call that is made, and no other', () => {
  const actions = policy(0, 'secrets.md').flatMap(({ Action }) => Action);
  assert.deepEqual(
    actions,
    commands('app/secrets/awssm.ts').map((name) => `secretsmanager:${name}`),
  );
});
