/** Version of this program, as package.json says: beside app/ in a checkout, above dist/ in the package. */
import { readFileSync } from 'node:fs';

function read(): string {
  for (const place of ['../package.json', '../../package.json']) {
    try {
      const text = readFileSync(new URL(place, import.meta.url), 'utf8');
      return (JSON.parse(text) as { version: string }).version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return 'unknown';
}

export const VERSION = read();
