/** The configuration's JSON Schema: what editors, the reference page and suggestions are made from. */
import { z } from 'zod';
import { configSchema } from '../../core/config.ts';
import type { PathPart } from './document.ts';

export interface JsonSchema {
  readonly $schema?: string;
  readonly title?: string;
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly propertyNames?: JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

/** Settings of one part (a detector) that brings its own schema. */
export interface PartSchema {
  readonly id: string;
  readonly summary: string;
  readonly schema: z.ZodType;
}

/** What is written, not what comes out: defaults are optional. */
export function configJsonSchema(
  detectors: readonly PartSchema[],
  formats: readonly string[],
): JsonSchema {
  const whole = toJson(configSchema);
  const properties = { ...whole.properties };
  properties['detectors'] = detectorsSchema(properties['detectors'] ?? {}, detectors);
  properties['sources'] = withFormats(properties['sources'] ?? {}, formats);
  return { ...whole, title: 'Keyhound configuration', properties };
}

export function toJson(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
}

function detectorsSchema(general: JsonSchema, detectors: readonly PartSchema[]): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  for (const part of detectors) {
    const { $schema: _, ...own } = toJson(part.schema);
    properties[part.id] = { ...own, description: part.summary };
  }
  const { propertyNames: _names, ...rest } = general;
  return { ...rest, properties, additionalProperties: false };
}

function withFormats(sources: JsonSchema, formats: readonly string[]): JsonSchema {
  const items = sources.items ?? {};
  const properties = { ...items.properties };
  properties['format'] = { ...properties['format'], enum: formats };
  return { ...sources, items: { ...items, properties } };
}

/** Names allowed in the mapping at a path. */
export function propertiesAt(schema: JsonSchema, path: readonly PathPart[]): string[] {
  let at: JsonSchema | undefined = schema;
  for (const part of path) at = at === undefined ? undefined : step(at, part);
  return Object.keys(at?.properties ?? {});
}

function step(schema: JsonSchema, part: PathPart): JsonSchema | undefined {
  const options = [schema, ...(schema.anyOf ?? [])];
  for (const option of options) {
    if (typeof part === 'number' && option.items !== undefined) return option.items;
    const property = option.properties?.[part];
    if (property !== undefined) return property;
    if (typeof option.additionalProperties === 'object') return option.additionalProperties;
  }
  return undefined;
}
