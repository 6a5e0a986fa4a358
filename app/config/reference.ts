/** docs/configuration.md, made from the schema, so that it cannot say anything else than the code. */
import { CONFIG_PARTS, type ConfigParts } from './parts.ts';
import { configJsonSchema, type JsonSchema } from './schema.ts';

export function configReference(parts: ConfigParts = CONFIG_PARTS): string {
  const schema = configJsonSchema(
    parts.detectors,
    parts.formats.map((format) => format.id),
  );
  const rows = rowsOf(schema, '', new Set());
  return `${INTRODUCTION}${rows.join('\n')}\n${DETECTORS}${detectorSections(schema)}`;
}

const INTRODUCTION = `# Configuration

<!-- Made by \`keyhound config docs\`; change core/config.ts or the part's own schema, then run
\`npm start --silent -- config docs > docs/configuration.md\`. -->

Keyhound runs without a configuration. A file is looked for in this order: \`--config FILE\`,
\`$KEYHOUND_CONFIG\`, \`./keyhound.yaml\`. It is YAML; an unknown key is an error, and
\`keyhound config check\` tells all faults at once. Relative paths are relative to the file.

Any value may be, or contain, \`\${env:NAME}\`, \`\${file:PATH}\`, \`\${vault:PATH#FIELD}\` or
\`\${awssm:NAME#FIELD}\`: [secrets](secrets.md) need not stand in the file.

\`\`\`yaml
sources:
  - name: edge
    kind: file
    format: nginx
    path: /var/log/nginx/access.log
    key: query:api_key
  - name: kong-push
    kind: http
    format: kong
    token: \${env:KONG_PUSH_TOKEN}
keys: keys.csv
detectors:
  off-hours:
    enabled: false
\`\`\`

| setting | type | default | |
|---|---|---|---|
`;

const DETECTORS = `
## Detectors

Settings under \`detectors:\`, by the detector's id. \`keyhound keys show KEY\` tells which detectors are
ready for a key.
`;

/** One row a setting; mappings are opened up, entries of lists have \`[]\` in their path. */
export function rowsOf(schema: JsonSchema, path: string, required: ReadonlySet<string>): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const own = path === '' ? name : `${path}.${name}`;
    if (own === 'detectors') return [];
    const inner = innerOf(property, own);
    const row = tableRow(own, property, required.has(name));
    return [row, ...inner];
  });
}

function innerOf(property: JsonSchema, path: string): string[] {
  const options = [property, ...(property.anyOf ?? [])];
  for (const option of options) {
    if (option.properties !== undefined) {
      return rowsOf(option, path, new Set(option.required ?? []));
    }
    if (option.items?.properties !== undefined) {
      return rowsOf(option.items, `${path}[]`, new Set(option.items.required ?? []));
    }
  }
  return [];
}

function tableRow(path: string, schema: JsonSchema, required: boolean): string {
  const cells = [
    `\`${path}\``,
    cell(typeInWords(schema)),
    required ? 'required' : defaultInWords(schema),
    cell(schema.description ?? ''),
  ];
  return `| ${cells.join(' | ')} |`;
}

function typeInWords(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeInWords).join(' or ');
  if (schema.type === 'array') return `list of ${typeInWords(schema.items ?? {})}`;
  if (schema.type === 'object') return 'mapping';
  if (schema.type === 'string') return schema.format === 'date-time' ? 'instant' : 'text';
  if (schema.type === 'boolean') return 'true or false';
  if (schema.type === 'integer' || schema.type === 'number') return numberInWords(schema);
  return 'any';
}

function numberInWords(schema: JsonSchema): string {
  const kind = schema.type === 'integer' ? 'whole number' : 'number';
  const low = schema.minimum ?? schema.exclusiveMinimum;
  const high = schema.maximum ?? schema.exclusiveMaximum;
  const above = schema.exclusiveMinimum === undefined ? '≥' : '>';
  const below = schema.exclusiveMaximum === undefined ? '≤' : '<';
  const bounds = [
    ...(low === undefined || low <= -Number.MAX_SAFE_INTEGER ? [] : [`${above} ${digits(low)}`]),
    ...(high === undefined || high >= Number.MAX_SAFE_INTEGER ? [] : [`${below} ${digits(high)}`]),
  ];
  return bounds.length === 0 ? kind : `${kind} ${bounds.join(', ')}`;
}

function digits(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 6 });
}

function defaultInWords(schema: JsonSchema): string {
  if (schema.default === undefined) return '';
  const empty = typeof schema.default === 'object' && JSON.stringify(schema.default).length === 2;
  if (empty && schema.properties !== undefined) return '';
  return `\`${JSON.stringify(schema.default).replace(/^"|"$/g, '')}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function detectorSections(schema: JsonSchema): string {
  const detectors = Object.entries(schema.properties?.['detectors']?.properties ?? {});
  return detectors
    .map(([id, detector]) => {
      const rows = rowsOf(detector, `detectors.${id}`, new Set(detector.required ?? []));
      const table = ['| setting | type | default | |', '|---|---|---|---|', ...rows].join('\n');
      return `\n### ${id}\n\n${detector.description ?? ''}\n\n${table}\n`;
    })
    .join('');
}
