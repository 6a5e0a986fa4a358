import { defineCommand, NO_ARGS } from '../command.ts';
import { EXIT } from '../exit.ts';

export const configSchemaCommand = defineCommand({
  name: 'config schema',
  summary: 'Prints the JSON Schema of the configuration, for editors.',
  positionals: NO_ARGS,
  options: {},
  examples: [
    [
      'config schema > keyhound.schema.json',
      'Then begin keyhound.yaml with: # yaml-language-server: $schema=keyhound.schema.json',
    ],
  ],
  run: async ({ print }) => {
    const { CONFIG_PARTS } = await import('../../app/config/parts.ts');
    const { configJsonSchema } = await import('../../app/config/schema.ts');
    const schema = configJsonSchema(
      CONFIG_PARTS.detectors,
      CONFIG_PARTS.formats.map((format) => format.id),
    );
    print.object(schema);
    print.line(JSON.stringify(schema, null, 2));
    return EXIT.done;
  },
});
