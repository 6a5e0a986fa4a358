import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CONFIG_PARTS } from '../../app/config/parts.ts';
import { configReference } from '../../app/config/reference.ts';
import { configJsonSchema, type JsonSchema } from '../../app/config/schema.ts';

test('docs/configuration.md is what `npm run docs` writes', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  assert.equal(page, configReference(), 'run `npm run docs` and commit the page');
});

test('every setting has a description', () => {
  const schema = configJsonSchema(
    CONFIG_PARTS.detectors,
    CONFIG_PARTS.formats.map(({ id }) => id),
  );
  const silent: string[] = [];
  const walk = (at: JsonSchema, path: string): void => {
    for (const [name, property] of Object.entries(at.properties ?? {})) {
      if ((property.description ?? '') === '') silent.push(`${path}${name}`);
      for (const inner of [property, ...(property.anyOf ?? [])]) {
        walk(inner, `${path}${name}.`);
        if (inner.items !== undefined) walk(inner.items, `${path}${name}[].`);
      }
    }
  };
  walk(schema, '');
  assert.deepEqual(silent, []);
});
