/** docs/gateways.md names every kind and code as it is, and each of its configurations makes its gateways. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { gatewaySchema } from '../../core/config-response.ts';
import { checkGateway, createGateway } from '../../responders/gateways/create.ts';
import { toolsFor } from '../responders/gateways/tools.ts';

const page = readFileSync(path.join(import.meta.dirname, '../../docs/gateways.md'), 'utf8');
const blocks = [...page.matchAll(/^ *```yaml\n(.*?)^ *```/gms)].map((match) => match[1]!);
const MADE_OF: Readonly<Record<string, string>> = {
  env: 'a-secret-1234567890',
  file: '/run/secret',
};

/** `${env:NAME}` as a value of it. */
function filled(text: string): string {
  return text.replaceAll(
    /\$\{(\w+):[^}]*\}/g,
    (_, from: string) => MADE_OF[from] ?? 'filled-in-12345678',
  );
}

test('each configuration of the page is one that makes its gateways', () => {
  let count = 0;
  for (const text of blocks) {
    const { gateways } = z
      .looseObject({ gateways: z.array(gatewaySchema).default([]) })
      .parse(parse(filled(text)));
    for (const config of gateways) {
      assert.deepEqual(checkGateway(config).faults, [], config.name);
      assert.equal(createGateway(config, toolsFor()).name, config.name);
      count++;
    }
  }
  assert.ok(count >= 2);
});

test('every kind that has a section stands in the table, with the bound that it has by default', () => {
  const sections = [...page.matchAll(/^## ([a-z-]+)$/gm)].map((match) => match[1]!);
  assert.ok(sections.includes('kong'));
  for (const kind of sections) {
    const row = new RegExp(`^\\| \`${kind}\` \\|.*\\| ([\\d.]+) s \\|`, 'm').exec(page);
    assert.ok(row !== null, `${kind} has a row`);
    const required = blocks.flatMap((text) => {
      const { gateways = [] } = parse(filled(text)) as { gateways?: { kind: string }[] };
      return gateways.filter((gateway) => gateway.kind === kind);
    });
    const [config] = required;
    assert.ok(config !== undefined, `${kind} has a configuration`);
    const made = createGateway(gatewaySchema.parse(config), toolsFor());
    assert.equal(made.settleMs, Number(row[1]) * 1000, kind);
  }
});
